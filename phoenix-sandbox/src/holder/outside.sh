# Makes or changes the client outside of the bridges. Words: the name of its namespace, its address with its network, the
# host's on the same line, the host's alone, and pairs of a bridge and an address that guests have for their gateway.
# Standard input: the client's `resolv.conf`, a line `.`, and rules for `nft`.
set -eu
name=$1 client=$2 host=$3 way=$4
shift 4
mkdir -p "/etc/netns/$name"
: >"/etc/netns/$name/resolv.conf.new"
while IFS= read -r line && [ "$line" != . ]; do
    printf '%s\n' "$line" >>"/etc/netns/$name/resolv.conf.new"
done
mv "/etc/netns/$name/resolv.conf.new" "/etc/netns/$name/resolv.conf"
[ -e "/run/netns/$name" ] || ip netns add "$name"
inside() { ip -n "$name" "$@"; }
if ! ip link show dev wan0 >/dev/null 2>&1; then
    ip link add wan0 type veth peer name eth0 netns "$name"
fi
ip addr flush dev wan0 scope global
ip addr add "$host" dev wan0
ip link set wan0 up
inside link set lo up
inside addr flush dev eth0 scope global
inside addr add "$client" dev eth0
inside link set eth0 up
inside route replace default via "$way"
while [ $# -gt 1 ]; do
    ip addr replace "$2" dev "$1"
    shift 2
done
nft -f -
