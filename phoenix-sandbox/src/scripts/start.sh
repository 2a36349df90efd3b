# Mounts the root file system of a container and starts it. Arguments: its number, the directory of the sandbox, the
# options of the mount, and the directories of the host that are mounted in it.
set -eu
vmid=$1 dir=$2 options=$3
shift 3
root=/run/phoenix/roots/$vmid
# A monitor that was killed leaves its container behind: two of them would write to one root.
for group in $(find /sys/fs/cgroup -type d \( -name "lxc.payload.$vmid" -o -name "lxc.payload.$vmid-[0-9]*" \) 2>/dev/null); do
    turns=0
    while pids=$(grep -v '^0$' "$group/cgroup.procs" 2>/dev/null) && [ -n "$pids" ]; do
        turns=$((turns + 1))
        [ "$turns" -le 50 ] || { echo "what is left of container $vmid cannot be ended: $pids" >&2; exit 1; }
        kill -9 $pids 2>/dev/null || true
        sleep 0.1
    done
done
while umount -l "$root" 2>/dev/null; do :; done
ip link delete "veth${vmid}i0" 2>/dev/null || true
mkdir -p "$root"
for source in "$@"; do mkdir -p "$source"; done
cd "$dir"
mount -t overlay -o "$options" "phoenix-$vmid" "$root"
ln -sfn "$dir/lxc" /c
: > "/c/$vmid/log"
lxc-start -P /c -n "$vmid" -d -o "/c/$vmid/log" -l WARN || {
    sed -n 's/^lxc-start [^ ]* [^ ]* ERROR *[^ ]* - [^ ]* - //p' "/c/$vmid/log" | head -n 3 | cut -c -200 >&2
    umount -l "$root" 2>/dev/null || true
    exit 1
}
