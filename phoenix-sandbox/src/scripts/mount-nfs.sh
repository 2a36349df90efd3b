#!/bin/sh
# `mount.nfs4` of a container on a kernel without a client for NFS: what the host exports to it was bound into it when it
# was started, and is mounted from there. Words: what, where, and options.
spec=$1 target=$2
shift 2
options=
while [ $# -gt 0 ]; do
    case $1 in
        -o) options=$options,$2; shift ;;
    esac
    shift
done
case $spec in
    \[*) path=${spec#*\]:} ;;
    *) path=${spec#*:} ;;
esac
from=/.phoenix-nfs$path
if ! mountpoint -q "$from"; then
    echo "mount.nfs4: \`$path\` was not exported to this machine when it was started" >&2
    exit 32
fi
mount --bind "$from" "$target" || exit 32
case ,$options, in
    *,ro,*) mount -o remount,bind,ro "$target" || exit 32 ;;
esac
