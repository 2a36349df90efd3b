# Starts a virtual machine in the sandbox: words are the node's directory, the machine's number, `card=bridge` for each
# card that hangs on a bridge, `--`, and QEMU's own words.
set -eu
ln -sfn "$1/machines/run" /m
vmid=$2
shift 2
cards=
while [ "$1" != -- ]; do
    [ -e "/sys/class/net/${1#*=}/bridge" ] || {
        echo "bridge '${1#*=}' does not exist" >&2
        exit 1
    }
    cards="$cards $1"
    shift
done
shift
# What one left that was killed.
rm -f "/m/$vmid/qmp" "/m/$vmid/qga" "/m/$vmid/pid"
"$@"
for card in $cards; do
    ip link set "${card%%=*}" master "${card#*=}" up
done
