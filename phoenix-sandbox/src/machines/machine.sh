# Makes the disk of a virtual machine from the tarball of a container: words are the tarball, the directory to work in,
# the package of the kernel, the size of the disk in bytes, and options of apt. Runs in namespaces of its own.
set -eu
tarball=$1 place=$2 kernel=$3 size=$4
shift 4
root=$place/root
mkdir "$root"
tar --extract --auto-compress --file "$tarball" --numeric-owner --same-owner --preserve-permissions \
    --xattrs '--xattrs-include=security.capability' --directory "$root"
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
rm -f "$root/etc/resolv.conf"
cat /etc/resolv.conf >"$root/etc/resolv.conf"
# Nothing is started while it is built.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# What the first file system must have to find the disk, and no more: an emulated processor unpacks it.
mkdir -p "$root/etc/initramfs-tools/conf.d"
echo MODULES=list >"$root/etc/initramfs-tools/conf.d/phoenix"
mkdir -p "$root/usr/share/initramfs-tools/modules.d"
printf '%s\n' ext4 virtio_pci virtio_scsi virtio_blk sd_mod ahci >"$root/usr/share/initramfs-tools/modules.d/phoenix"
apt() {
    chroot "$root" apt-get -q -y "$@" >"$place/apt.log" 2>&1 || {
        tail -n 5 "$place/apt.log" >&2
        exit 1
    }
}
apt "$@" update
apt "$@" install --no-install-recommends "$kernel" initramfs-tools qemu-guest-agent cloud-init

# A container leaves these to its host.
units=$root/etc/systemd/system
for unit in systemd-udev-trigger.service systemd-udevd.service systemd-udevd-control.socket \
    systemd-udevd-kernel.socket systemd-remount-fs.service systemd-modules-load.service systemd-random-seed.service \
    rpcbind.service rpcbind.socket run-rpc_pipefs.mount nfs-client.target rpc-statd.service rpc-statd-notify.service; do
    rm -f "$units/$unit"
done
mkdir -p "$units/multi-user.target.wants"
ln -sfn /lib/systemd/system/systemd-networkd.service "$units/multi-user.target.wants/systemd-networkd.service"
echo 'LABEL=root / ext4 defaults,noatime 0 0' >"$root/etc/fstab"
# An emulated processor takes minutes for a key of RSA.
printf '%s\n' 'datasource_list: [ NoCloud, None ]' 'ssh_genkeytypes: [ ed25519 ]' 'locale: C.UTF-8' \
    'apt_preserve_sources_list: true' >"$root/etc/cloud/cloud.cfg.d/90-phoenix.cfg"
# Whoever asks for an upgrade gets it by the package manager; at every first start it costs minutes.
sed -i -e '/^ *- package-update-upgrade-install$/d' -e '/^ *- package_update_upgrade_install$/d' "$root/etc/cloud/cloud.cfg"
: >"$root/etc/machine-id"
: >"$root/etc/resolv.conf"
rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/hostname"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/apt "$root"/var/log/*.log

for name in vmlinuz initrd.img; do
    newest=$(ls "$root/boot" | grep "^$name-" | sort -V | tail -n 1)
    case $name in
    vmlinuz) cp "$root/boot/$newest" "$place/kernel" ;;
    initrd.img) cp "$root/boot/$newest" "$place/initrd" ;;
    esac
done
umount "$root/run" "$root/proc"
umount -l "$root/dev"
mkfs.ext4 -q -L root -d "$root" "$place/disk.raw" "$((size / 1024))k"
rm -rf --one-file-system "$root"
