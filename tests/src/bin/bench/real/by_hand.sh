#!/bin/sh
# What somebody who knows LXC writes for containers on one image, without Phoenix: as quick as the tools allow, all at
# once. Arguments: `up` or `down`, a directory for them, the tree of the image, and how many.
set -eu
verb=$1 dir=$2 image=$3 count=$4

up() {
    place=$dir/$1
    mkdir -p "$place/top" "$place/work" "$place/root"
    chown 100000:100000 "$place/top" "$place/work"
    mount -t overlay -o "lowerdir=$image,upperdir=$place/top,workdir=$place/work" "by-hand-$1" "$place/root"
    cat >"$place/config" <<END
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/userns.conf
lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536
lxc.uts.name = hand$1
lxc.rootfs.path = dir:$place/root
lxc.apparmor.profile = unconfined
lxc.signal.halt = SIGRTMIN+4
lxc.console.path = none
lxc.tty.max = 0
lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed
lxc.cgroup.memory.limit_in_bytes = 268435456
lxc.cgroup2.memory.max = 268435456
lxc.net.0.type = veth
lxc.net.0.link = vmbr0
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.ipv4.address = 10.86.2.$1/16
lxc.net.0.ipv4.gateway = 10.86.0.1
END
    lxc-start -P "$dir" -n "$1" -d -o "$place/log" -l WARN
    lxc-attach -P "$dir" -n "$1" --clear-env -- /bin/sh -c '
        turns=0
        until state=$(timeout 10 systemctl is-system-running --wait 2>/dev/null); [ "$state" = running ] || [ "$state" = degraded ]; do
            turns=$((turns + 1))
            [ "$turns" -lt 900 ] || exit 1
            sleep 0.1
        done'
}

down() {
    lxc-stop -P "$dir" -n "$1" --timeout 60
    umount -l "$dir/$1/root"
    rm -rf "${dir:?}/$1"
}

pids=
for number in $(seq "$count"); do
    "$verb" "$number" &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
