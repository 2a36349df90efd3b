# Works on disks in the pool, a btrfs that counts and limits. Each disk is a subvolume with the directory `top`, which has
# its files or takes the writes over an image, and `work`, which the kernel needs beside it. Arguments: the directory of the
# sandbox, what to do, and what that needs.
set -eu
cd "$1"
verb=$2
shift 2

subvolume() { btrfs subvolume "$@" >/dev/null; }
limit() { btrfs qgroup limit "$2" "$1"; }
discard() {
    [ -e "$1" ] || return 0
    # One in which a guest has made others is no longer one thing that goes at once.
    subvolume delete "$1" 2>/dev/null || rm -rf "$1"
}
# Takes up a rollback that was cut off between its two steps.
mend() { [ -e "pool/disks/$1" ] || [ ! -e "pool/next/$1" ] || mv "pool/next/$1" "pool/disks/$1"; }
# Makes an empty one: its name, its owner, its limit.
empty() {
    discard "pool/new/$1"
    subvolume create "pool/new/$1"
    limit "pool/new/$1" "$3"
    mkdir -m 755 "pool/new/$1/top" "pool/new/$1/work"
    chown "$2:$2" "pool/new/$1/top" "pool/new/$1/work"
}
# Fills one with all that a stack of directories shows, topmost first.
fill() {
    whole=$(mktemp -d /run/phoenix-whole.XXXXXX)
    case $2 in
        *:*) mount -t overlay -o "ro,lowerdir=$2" phoenix-whole "$whole" ;;
        *) mount --bind "$2" "$whole" ;;
    esac
    filled=0
    cp -a --reflink=auto -- "$whole/." "pool/new/$1/top/" || filled=$?
    umount "$whole"
    rmdir "$whole"
    return "$filled"
}
place() {
    discard "pool/disks/$1"
    mv "pool/new/$1" "pool/disks/$1"
}

case $verb in
    # Its name, its owner, its limit.
    empty)
        empty "$@"
        place "$1"
        ;;
    # The same, and the directories that it is a copy of.
    copy)
        mend "$1"
        empty "$1" "$2" "$3"
        fill "$1" "$4"
        place "$1"
        ;;
    # Its name, its limit, and the subvolume that it shares everything with.
    share)
        discard "pool/new/$1"
        subvolume snapshot "$3" "pool/new/$1"
        limit "pool/new/$1" "$2"
        place "$1"
        ;;
    # The name of an image, the directory that it is in: once, for all disks that share it.
    image)
        exec 9>"pool/images/.lock"
        flock 9
        [ ! -e "pool/images/$1" ] || exit 0
        empty "$1" 0 none
        fill "$1" "$2"
        mv "pool/new/$1" "pool/images/$1"
        ;;
    mend) mend "$1" ;;
    limit) limit "pool/disks/$1" "$2" ;;
    snapshot)
        mkdir -p "pool/snapshots/$1"
        discard "pool/snapshots/$1/$2"
        subvolume snapshot -r "pool/disks/$1" "pool/snapshots/$1/$2"
        ;;
    forget) discard "pool/snapshots/$1/$2" ;;
    # Its name, the snapshot, its limit.
    rollback)
        mend "$1"
        discard "pool/next/$1"
        discard "pool/old/$1"
        subvolume snapshot "pool/snapshots/$1/$2" "pool/next/$1"
        limit "pool/next/$1" "$3"
        mv "pool/disks/$1" "pool/old/$1"
        mv "pool/next/$1" "pool/disks/$1"
        discard "pool/old/$1"
        ;;
    # Its name, its new name.
    rename)
        mend "$1"
        [ ! -e "pool/snapshots/$1" ] || mv "pool/snapshots/$1" "pool/snapshots/$2"
        [ ! -e "pool/disks/$1" ] || mv "pool/disks/$1" "pool/disks/$2"
        ;;
    remove)
        for id in "$@"; do
            for one in "pool/snapshots/$id"/* "pool/disks/$id" "pool/next/$id" "pool/old/$id" "pool/new/$id"; do
                discard "$one"
            done
            [ ! -e "pool/snapshots/$id" ] || rmdir "pool/snapshots/$id"
        done
        ;;
    *) echo "there is no \`$verb\`" >&2; exit 2 ;;
esac
