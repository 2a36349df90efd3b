# Stops a container and unmounts its root file system. Arguments: its number, and how many seconds it is given; none
# ends it at once.
vmid=$1 patience=$2
ln -sfn "$3/lxc" /c
if [ -n "$patience" ]; then
    lxc-stop -P /c -n "$vmid" --nokill --timeout "$patience" || exit 1
else
    lxc-stop -P /c -n "$vmid" --kill || exit 1
fi
turns=0
while umount "/run/phoenix/roots/$vmid" 2>/dev/null || mountpoint -q "/run/phoenix/roots/$vmid"; do
    turns=$((turns + 1))
    [ "$turns" -le 50 ] || { umount -l "/run/phoenix/roots/$vmid"; break; }
    sleep 0.05
done
exit 0
