"""Takes the collection community.proxmox out of a wheel, as it is: unpack.py FOLDER-WITH-THE-WHEEL TARGET"""

import sys
import zipfile
from pathlib import Path

(wheel,) = Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    files = [name for name in archive.namelist() if name.startswith("ansible_collections/community/proxmox/")]
    if not files:
        sys.exit(f"there is no community.proxmox in {wheel}")
    archive.extractall(sys.argv[2], files)
