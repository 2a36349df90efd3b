# Equips a sandbox: the node's `pct`, which comes by standard input, the short path that LXC knows containers by, the way to
# the host's services, and what the mirror of packages has for the host's own system. Arguments: the directory of the sandbox, where `pct` goes, the
# mirror or nothing, and where the host has file systems of its own.
set -eu
dir=$1 pct=$2 mirror=$3
shift 3
# Beside the overlay that the rest of the tree is: directories that guests share can be exported, and have mapped owners.
for place do
    if mountpoint -q "$place" || [ -L "$place" ]; then continue; fi
    if [ -d "$place" ] && [ -n "$(ls -A "$place")" ]; then continue; fi
    own=$dir/host/places/$(printf %s "${place#/}" | tr / +)
    mkdir -p "$place" "$own"
    mount --bind "$own" "$place"
done
mkdir -p "${pct%/*}"
cat >"$pct.new"
chmod 755 "$pct.new"
mv "$pct.new" "$pct"
ln -sfn "$dir/lxc" /c
# Asked from outside the process namespace that it is the first of, systemd answers nobody.
for name in systemctl journalctl; do
    cat >"${pct%/*}/$name.new" <<SHIM
#!/bin/sh
# \`$name\` of an embedded node: leads to where the services of the host run.
[ "\$(cat /proc/1/comm)" != systemd ] && pid=\$(cat /run/phoenix/host/pid 2>/dev/null) &&
    grep -qs '^NSpid:.*	1\$' "/proc/\$pid/status" && exec nsenter -t "\$pid" -m -p -- /usr/bin/$name "\$@"
exec /usr/bin/$name "\$@"
SHIM
    chmod 755 "${pct%/*}/$name.new"
    mv "${pct%/*}/$name.new" "${pct%/*}/$name"
done
source=/etc/apt/sources.list.d/phoenix-mirror.sources
system=$(sed -n 's/^ID=//p; s/^VERSION_ID=//p' /usr/lib/os-release 2>/dev/null | tr -d '"' | sort -r | paste -sd-)
if [ -n "$mirror" ] && [ -f "$mirror/$system/Packages" ] && [ -d /etc/apt/sources.list.d ]; then
    printf 'Types: deb\nURIs: file:%s/%s\nSuites: ./\nTrusted: yes\n' "$mirror" "$system" >"$source"
elif [ -e "$source" ]; then
    rm -f "$source"
fi
