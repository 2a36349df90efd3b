# The first process of a sandbox: builds its file system, then holds its namespaces.
# Words: the cgroup directories that it joins. Environment: PHOENIX_SANDBOX, the directory; PHOENIX_HOSTNAME; PHOENIX_POOL,
# the file that is a btrfs for disks, or nothing.
# It speaks with who began it: its pid, then it waits for "go", then "ready". Who began it may die at any moment: then
# reading or writing fails, this process ends, and all that it made ends with its namespaces.
set -eu
umask 022
read -r pid rest </proc/self/stat
echo "$pid"
read -r word
[ "$word" = go ]

for group in "$@"; do
    echo 0 >"$group/cgroup.procs"
done

# While the machine's own loop devices are in reach: the kernel has as many as are asked for. It lets go of this one when
# the last process of the sandbox has ended.
if [ -n "$PHOENIX_POOL" ]; then
    pool=$PHOENIX_SANDBOX/pool why=$PHOENIX_SANDBOX/sandbox/no-pool
    mkdir -p "$pool"
    if mount -t btrfs -o loop,noatime,discard=async,user_subvol_rm_allowed "$PHOENIX_POOL" "$pool" 2>"$why" &&
        btrfs quota enable "$pool" 2>>"$why"; then
        rm -f "$why"
        mkdir -p "$pool/disks" "$pool/images" "$pool/new" "$pool/next" "$pool/old" "$pool/snapshots"
    else
        umount "$pool" 2>/dev/null || true
        # Never empty: who reads it takes that for a pool.
        echo "(the pool \`$PHOENIX_POOL\` cannot be mounted)" >>"$why"
    fi
fi

# Relative names, because an option of a mount cannot hold a comma and a lower layer no colon.
cd "$PHOENIX_SANDBOX/host"
options=index=off,metacopy=off
mount -t overlay phoenix -o "lowerdir=/,upperdir=upper,workdir=work,$options" root
# Other file systems of the machine that hold a part of its tree, each by an overlay of its own.
while read -r name path; do
    mount -t overlay phoenix -o "lowerdir=$path,upperdir=more/$name/upper,workdir=more/$name/work,$options" "root$path"
done <"$PHOENIX_SANDBOX/sandbox/mounts"

cd root
for place in proc sys dev run tmp; do
    # On most machines they are there; a new directory would only stand in the overlay.
    [ -d "$place" ] || mkdir "$place"
done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid tmpfs dev
mkdir dev/pts dev/shm dev/mqueue dev/net
for node in null zero full random urandom tty fuse kvm vhost-net loop-control net/tun /dev/loop[0-9]*; do
    node=${node#/dev/}
    if [ -e "/dev/$node" ]; then
        cp -a "/dev/$node" "dev/$node"
    fi
done
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mkdir run/lock run/netns run/old
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
# Where guests' shared directories are by custom: file servers want a file system of the disk, which an overlay is not. What
# the machine has there is shown as the rest of its tree is.
for place in srv mnt; do
    if [ -d "$place" ] && [ ! -L "$place" ] && [ -z "$(ls -A "$place")" ]; then
        mkdir -p "$PHOENIX_SANDBOX/host/$place"
        mount --bind "$PHOENIX_SANDBOX/host/$place" "$place"
    fi
done
# Last, because the directory may lie below one of these. Data of containers must not go through the overlay.
mkdir -p ".$PHOENIX_SANDBOX"
mount --rbind "$PHOENIX_SANDBOX" ".$PHOENIX_SANDBOX"

pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old

echo "$PHOENIX_HOSTNAME" >/proc/sys/kernel/hostname
echo 1 >/proc/sys/net/ipv4/ip_forward
if [ -e /proc/sys/net/ipv6/conf/all/forwarding ]; then
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
fi
ip link set lo up

# What the machine says about itself does not hold for the node. Written where it differs, so that what somebody has
# added stays.
if [ "$(cat /etc/hostname 2>/dev/null)" != "$PHOENIX_HOSTNAME" ]; then
    echo "$PHOENIX_HOSTNAME" >/etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' "$PHOENIX_HOSTNAME" >/etc/hosts
fi
if [ ! -e "$PHOENIX_SANDBOX/host/seeded" ]; then
    # A link into /run, as systemd-resolved makes it, would lead nowhere.
    rm -f /etc/resolv.conf
    : >/etc/resolv.conf
    : >"$PHOENIX_SANDBOX/host/seeded"
fi
for ids in /etc/subuid /etc/subgid; do
    grep -qs '^root:100000:65536$' "$ids" || echo root:100000:65536 >>"$ids"
done

# A log of this name space, and no pipe to who began it.
exec 2>>"$PHOENIX_SANDBOX/sandbox/log"
echo ready
exec >&2 </dev/null
# An ignored signal stays ignored over `exec`, and then the kernel itself reaps every orphan.
exec env --ignore-signal=CHLD sleep infinity
