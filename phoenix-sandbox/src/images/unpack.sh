# Arguments: the tarball, the directory, a file in the form of /etc/subuid or nothing, then the words of tar. The tarball
# and the directory are opened here, as root: they may lie where the shifted root cannot go.
set -eu
exec <"$1"
cd "$2"
ids=$3
shift 3
[ -n "$ids" ] || exec "$@"
# LXC maps by `newuidmap`, which asks these files even for root. This process has mounts of its own: the machine's files
# stay as they are.
mount --bind "$ids" /etc/subuid
mount --bind "$ids" /etc/subgid
exec lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- "$@"
