# Begins the service manager of the host, a systemd, if none runs. Arguments: the sandbox's own groups, the directory of
# the sandbox, and `wait` if its services shall be up afterwards.
#
# It has a process namespace of its own, for systemd is always the first; it shares the host's network, names and files,
# and sees what the host mounts. What it mounts itself, it has for itself. Ends with 3 where there is no systemd.
set -eu
groups=$1 dir=$2 wait=$3
place=/run/phoenix/host
mkdir -p "$place"
exec 9>"$place/lock"
flock -w 50 9 || { echo 'another command begins the services of the host' >&2; exit 1; }

is_up() {
    pid=$(cat "$place/pid" 2>/dev/null) && grep -qs "^NSpid:.*	1$" "/proc/$pid/status"
}

# What a boot of the machine would start is nothing that the node shall have: what is enabled there is taken back in the
# node's own layer, once, and what starts without being enabled is written down.
seed() {
    for enabled in /etc/systemd/system/*.wants /etc/systemd/system/*.requires; do
        [ ! -d "$enabled" ] || { rm -rf "$enabled" && mkdir "$enabled"; }
    done
    # It keeps packages from starting their services, which is right for the machine, where images are made.
    rm -f /usr/sbin/policy-rc.d
    for unit in /usr/lib/systemd/system/*.wants/* /lib/systemd/system/*.wants/*; do
        case ${unit##*/} in
            '*' | dbus.service | dbus.socket | systemd-journald.service | systemd-journald.socket | systemd-journald-dev-log.socket | \
                systemd-tmpfiles-setup.service) ;;
            *) echo "${unit##*/}" ;;
        esac
    done | sort -u >"$dir/host/services.new"
    mv "$dir/host/services.new" "$dir/host/services"
}

# What its first process does before it is systemd. Arguments: the groups, the place, the directory, and systemd.
first='
# Here /proc still has the numbers of the sandbox.
read -r pid rest </proc/self/stat
for group in $1; do
    mkdir -p "$group/host"
    echo 0 >"$group/host/cgroup.procs"
done
exec unshare --cgroup -- /bin/sh -eu -c "$5" phoenix-host "$1" "$2" "$3" "$4" "$pid"'

# The same, when it has groups of its own: all that it sees of the machine'"'"'s are those below its own. Systemd would
# else make hierarchies for the whole machine, and change how they are mounted there.
second='
groups=$1 place=$2 dir=$3 systemd=$4 pid=$5
# Nothing that was mounted to make the sandbox is of use any more.
umount -R -l "$dir/host/root" 2>/dev/null || true
mount -t proc proc /proc
# Settings of the kernel, but for those of the network, are the machine'"'"'s. Systemd raises one when it begins.
mount --bind /proc/sys /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,ro /proc/sys
mkdir -p "$place/groups"
case " $groups " in
    *" /sys/fs/cgroup/phoenix-"*)
        for group in $groups; do mount --bind "$group/host" "$place/groups"; done
        ;;
    *)
        mount -t tmpfs -o mode=755,nosuid,nodev,noexec phoenix-groups "$place/groups"
        for link in /sys/fs/cgroup/*; do
            [ ! -L "$link" ] || cp -P "$link" "$place/groups/"
        done
        for group in $groups; do
            name=${group#/sys/fs/cgroup/}
            name=${name%%/*}
            mkdir "$place/groups/$name"
            mount --bind "$group/host" "$place/groups/$name"
        done
        mount -o remount,ro "$place/groups"
        ;;
esac
mount --rbind "$place/groups" /sys/fs/cgroup
umount -R -l "$place/groups"
echo "$pid" >"$place/pid.new"
mv "$place/pid.new" "$place/pid"
# Generators make units of what the machine has, such as its disks.
exec env -i container=lxc PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SYSTEMD_GENERATOR_PATH="$place/none" SYSTEMD_ENVIRONMENT_GENERATOR_PATH="$place/none" \
    "$systemd" --system --unit=multi-user.target --show-status=no'

begin() {
    systemd=
    for path in /usr/lib/systemd/systemd /lib/systemd/systemd; do
        [ ! -x "$path" ] || systemd=$path
    done
    [ -n "$systemd" ] && command -v systemctl >/dev/null || exit 3
    [ -e "$dir/host/services" ] || seed
    units=/run/systemd/system
    mkdir -p "$units" /run/systemd/journald.conf.d
    while read -r unit; do
        ln -sfn /dev/null "$units/$unit"
    done <"$dir/host/services"
    printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\nReadKMsg=no\nAudit=no\n' >/run/systemd/journald.conf.d/phoenix.conf
    # The machine's own would clear directories for temporary files, in which a node may lie.
    cat >"$units/systemd-tmpfiles-setup.service" <<UNIT
[Unit]
Description=Directories that packages want to have
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/bin/systemd-tmpfiles --create --exclude-prefix=/dev --exclude-prefix=/proc --exclude-prefix=/sys --exclude-prefix=/tmp --exclude-prefix=/var/tmp
UNIT
    mount --make-rshared /
    rm -f "$place/pid"
    setsid --fork unshare --mount --pid --fork --propagation slave -- /bin/sh -eu -c "$first" phoenix-host \
        "$groups" "$place" "$dir" "$systemd" "$second" </dev/null >"$dir/sandbox/services.log" 2>&1 9>&-
}

is_up || begin
# Whoever comes next must find it, or he would begin another one.
turns=0
until is_up || [ "$turns" -ge 400 ]; do
    turns=$((turns + 1))
    sleep 0.02
done
[ "$wait" = wait ] || exit 0
turns=0
while :; do
    state=
    ! is_up || state=$(nsenter -t "$pid" -m -p -- systemctl is-system-running --wait 2>/dev/null) || true
    case $state in running | degraded) exit 0 ;; esac
    turns=$((turns + 1))
    if [ "$turns" -ge 400 ]; then
        echo "they did not come up: systemd says \`$state\`" >&2
        tail -n 3 "$dir/sandbox/services.log" >&2
        exit 1
    fi
    sleep 0.05
done
