# Makes a machine that began in the middle of another's life one of its own: what must differ is made anew, what has
# been put in is looked for, and cloud-init does what it does at a first start. Randomness comes on standard input.
cat >/dev/urandom
for scan in /sys/class/scsi_host/*/scan; do
    echo '- - -' >"$scan"
done
for rescan in /sys/class/block/sd?/device/rescan; do
    echo 1 >"$rescan"
done
rm -f /etc/machine-id /var/lib/dbus/machine-id /etc/ssh/ssh_host_*
systemd-machine-id-setup >/dev/null 2>&1
for tried in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -e /dev/disk/by-label/CIDATA ] || break
    sleep 0.5
done
command -v cloud-init >/dev/null || exit 0
cloud-init clean --logs
cloud-init init --local || exit
! command -v netplan >/dev/null || netplan generate
systemctl restart systemd-networkd
cloud-init init && cloud-init modules --mode=config && cloud-init modules --mode=final
