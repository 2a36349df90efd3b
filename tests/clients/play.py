"""Runs the playbooks, each twice, and checks the outcome of every task: the first run changes something, the second
nothing. Tasks with a tag differ: `reads` never changes anything, `repeats` does so each time, because its module cannot
tell (docs/clients.md says why). A playbook that only reads runs once. Playbooks whose names begin with the same number
run side by side."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proxmoxer import ProxmoxAPI

PLAYBOOKS = Path(__file__).parent / "playbooks"
EXPECTED = {
    (): ("changed", "ok"),
    ("reads",): ("ok", "ok"),
    ("repeats",): ("changed", "changed"),
}


def prepare():
    """Makes what the playbooks need and no module makes: a job that backs guests up."""
    node = ProxmoxAPI(
        os.environ["PROXMOX_HOST"],
        port=int(os.environ["PROXMOX_PORT"]),
        user=os.environ["PROXMOX_USER"],
        password=os.environ["PROXMOX_PASSWORD"],
        verify_ssl=os.environ["REQUESTS_CA_BUNDLE"],
    )
    node.cluster.backup.post(id="nightly", schedule="02:30", storage="local", vmid="101")


def play(playbook, home):
    """Runs a playbook; returns the outcomes of its tasks and what else it said."""
    settings = {
        "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"),
        "ANSIBLE_HOME": home,
        "ANSIBLE_REMOTE_TEMP": f"{home}/remote",
        "LC_ALL": "C.UTF-8",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    run = subprocess.run(
        [program, "--connection", "local", playbook], env=os.environ | settings, capture_output=True, text=True
    )
    outcomes, rest = [], []
    for line in (run.stdout + run.stderr).splitlines():
        if line.startswith('{"task"'):
            outcomes.append(json.loads(line))
        elif line.strip():
            rest.append(line)
    return outcomes, rest


def check(playbook):
    """Runs a playbook twice; returns what was not as it should be."""
    wrong, begun = [], time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        for turn in (0, 1):
            outcomes, rest = play(playbook, home)
            for told in outcomes:
                expected = EXPECTED[tuple(told["tags"])][turn]
                if told["outcome"] != expected:
                    where = f"{playbook.name}, run {turn + 1}, `{told['task']}`"
                    wrong.append(f"{where}: {told['outcome']}, not {expected}: {told['message']}")
            if not outcomes or any(told["outcome"] == "failed" for told in outcomes):
                wrong += rest
                break
            if all(told["tags"] == ["reads"] for told in outcomes):
                break
    print(f"{playbook.name}: {'WRONG' if wrong else 'ok'} ({time.monotonic() - begun:.0f} s)", flush=True)
    return wrong


def main():
    prepare()
    wrong = []
    playbooks = sorted(PLAYBOOKS.glob("*.yml"))
    for _, together in itertools.groupby(playbooks, key=lambda playbook: playbook.name.split("-")[0]):
        with ThreadPoolExecutor() as threads:
            wrong += itertools.chain.from_iterable(threads.map(check, together))
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()
