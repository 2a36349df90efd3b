#!/bin/sh
# Run by mmdebstrap with the new tree as its argument, before it packs it: what a container does not need, or must not
# share with the next one, goes.
set -eu
root=$1
# What is in it stands beside this script, where the builder looks.
dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package} ${Version}\n' >"$(dirname "$0")/packages"
units=$root/etc/systemd/system
mkdir -p "$units"

# Mounts and services that a container cannot have (of NFS, whose mounts are the host's), timers that only cost time, and waiting for a network that LXC has set up already.
for unit in \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
    dev-hugepages.mount apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer man-db.timer motd-news.timer console-getty.service getty-static.service \
    ldconfig.service systemd-firstboot.service systemd-journal-catalog-update.service systemd-journal-flush.service \
    systemd-modules-load.service systemd-networkd-wait-online.service systemd-remount-fs.service \
    systemd-update-utmp-runlevel.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
    systemd-random-seed.service systemd-udev-trigger.service systemd-udev-settle.service systemd-udevd.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket rpcbind.service rpcbind.socket \
    run-rpc_pipefs.mount nfs-client.target rpc-statd.service rpc-statd-notify.service nfs-blkmap.service; do
    ln -sfn /dev/null "$units/$unit"
done
rm -f "$units"/*.wants/systemd-networkd.* "$units"/sockets.target.wants/systemd-networkd.socket \
    "$units"/dbus-org.freedesktop.network1.service "$units"/*.wants/systemd-resolved.service \
    "$units"/*.wants/systemd-timesyncd.service "$units"/dbus-org.freedesktop.timesync1.service

# Each container makes keys of its own, when somebody first asks for them.
rm -f "$root"/etc/ssh/ssh_host_*
cat >"$units/ssh-host-keys.service" <<'UNIT'
[Unit]
Description=Keys of this host for SSH
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
UNIT
for service in ssh.service ssh@.service; do
    mkdir -p "$units/$service.d"
    printf '%s\n' '[Unit]' Wants=ssh-host-keys.service After=ssh-host-keys.service >"$units/$service.d/keys.conf"
done
rm -f "$units"/*.wants/ssh.service "$units"/sshd.service
mkdir -p "$units/sockets.target.wants"
ln -sfn /lib/systemd/system/ssh.socket "$units/sockets.target.wants/ssh.socket"

echo LANG=C.UTF-8 >"$root/etc/default/locale"
# With `/etc/hostname` systemd would not keep the name that LXC gives.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
: >"$root/etc/resolv.conf"
rm -f "$root/usr/sbin/policy-rc.d"
# The line of the machine that built it is not the guest's.
sed -i -e '/Proxy/d' -e '/Timeout/d' -e '/Retries/d' "$root/etc/apt/apt.conf.d/99mmdebstrap"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old "$root"/var/log/*.log \
    "$root"/var/log/apt "$root"/usr/share/doc-base "$root"/usr/share/lintian "$root"/tmp/*
