# Packs the files of a container into an archive, or unpacks one. Arguments: the directory of the sandbox, `pack` or
# `unpack`, the archive, the owners (`plain` or `shifted`), the words for tar that tell how it is compressed, the
# directories that show its root, topmost first, and then for each volume where it is and where it is mounted. What is
# packed gets standard input as its configuration. Runs with mounts of its own.
set -eu
cd "$1"
verb=$2 archive=$3 owners=$4 how=$5 whole=$6
shift 6
place=$(mktemp -d /run/phoenix-dump.XXXXXX)
chmod 755 "$place"
# The mounts end with this process; only the place is in the sandbox's tree.
trap 'cd /; umount -R "$place" 2>/dev/null; rmdir "$place"' EXIT
mount -t tmpfs -o mode=755 phoenix-dump "$place"
root=$place/root
mkdir "$root"
# The number that the container's root has here.
case $owners in shifted) first=100000 ;; plain) first=0 ;; esac
# Makes a directory in the root. What is there is a guest's work: none of its links leads anywhere else.
inner() {
    path=$root rest=${1#/}
    while [ -n "$rest" ]; do
        part=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
        case $part in '' | .) continue ;; ..) echo "\`$1\` leads out of the container" >&2; exit 1 ;; esac
        path=$path/$part
        [ ! -L "$path" ] || { echo "\`$1\` is a link in the container" >&2; exit 1; }
        [ -d "$path" ] || { mkdir "$path" && chown "$first:$first" "$path"; }
    done
}
shifted() {
    case $owners in
        # The numbers in an archive are those that the container sees.
        shifted) exec lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- "$@" ;;
        plain) exec "$@" ;;
    esac
}
case $verb in
    pack)
        # What is needed beside its own files goes to memory.
        mkdir "$place/upper" "$place/work"
        mount -t overlay -o "lowerdir=$whole,upperdir=$place/upper,workdir=$place/work" phoenix-dump "$root"
        inner etc/vzdump
        rm -rf "$root/etc/vzdump/pct.conf"
        cat >"$root/etc/vzdump/pct.conf"
        ;;
    unpack) mount --bind "$whole" "$root" ;;
esac
while [ $# -gt 0 ]; do
    inner "$2"
    mount --bind "$1" "$path"
    shift 2
done
xattrs='--xattrs --xattrs-include=user.* --xattrs-include=security.capability'
set -f
case $verb in
    pack)
        exec 3>"$archive.half"
        done=0
        (
            cd "$root"
            shifted tar --create --file=- $how --numeric-owner $xattrs --warning=no-file-ignored --anchored \
                --exclude='./dev/?*' --exclude='./tmp/?*' --exclude='./var/tmp/?*' --exclude='./var/run/?*.pid' . >&3
        ) || done=$?
        # 1 says that a file has changed meanwhile, as files of a container that runs do.
        [ "$done" -le 1 ] || exit "$done"
        mv "$archive.half" "$archive"
        ;;
    unpack)
        exec 3<"$archive"
        (
            cd "$root"
            shifted tar --extract --file=- $how --numeric-owner --same-owner --preserve-permissions $xattrs \
                --anchored --exclude='./etc/vzdump' --exclude='./dev/?*' <&3
        )
        ;;
esac
