# What the scripts for a container share. Their first arguments are its number and the sandbox's own groups.
vmid=$1 groups=$2
root=/run/phoenix/roots/$vmid

# One script at a time for a container. The kernel gives the lock back when the last process of a killed one has ended,
# so nothing that it began is still under way.
hold() {
    mkdir -p /run/phoenix/locks
    exec 9>"/run/phoenix/locks/$vmid"
    flock -w 50 9 || { echo "another command works on container $vmid" >&2; exit 1; }
}

listens() { grep -q "@/c/$vmid/command\$" /proc/net/unix; }

# Directly below our own: the groups of containers in a container, which may have this number too, are further below.
places() {
    for own in $groups; do
        for place in "$own/lxc.$1.$vmid" "$own/lxc.$1.$vmid"-[0-9]*; do
            [ ! -d "$place" ] || echo "$place"
        done
    done
}

processes() {
    places "$1" | while read -r place; do
        find "$place" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done | grep -v '^0$' | sort -u || true
}

# Ends all that is left of the container and gives its root file system back. A monitor that is killed leaves its
# container behind, and two of them would write to one root; one that lives is given time to clear up by itself.
end() {
    turns=0
    while :; do
        container=$(processes payload)
        monitor=$(processes monitor)
        [ -n "$container$monitor" ] || break
        turns=$((turns + 1))
        [ "$turns" -le 150 ] || { echo "what is left of container $vmid cannot be ended: $container $monitor" >&2; exit 1; }
        [ -z "$container" ] || kill -9 $container 2>/dev/null || true
        [ "$turns" -le 40 ] || [ -z "$monitor" ] || kill -9 $monitor 2>/dev/null || true
        sleep 0.05
    done
    { places payload; places monitor; } | while read -r place; do
        find "$place" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    for link in "/sys/class/net/veth${vmid}i"*; do
        [ ! -e "$link" ] || ip link delete "${link##*/}" 2>/dev/null || true
    done
    turns=0
    while mountpoint -q "$root"; do
        turns=$((turns + 1))
        if [ "$turns" -le 50 ]; then umount "$root" 2>/dev/null || sleep 0.05; else umount -l "$root"; fi
    done
}

