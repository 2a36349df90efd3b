#!/bin/sh
# `pct` of an embedded node: what there is of it, for the containers of this sandbox.
usage() { echo "usage: pct exec VMID -- COMMAND… | pct enter VMID | pct list" >&2; exit 255; }
running() { [ "$(lxc-info -P /c -n "$1" -sH 2>/dev/null)" = RUNNING ]; }
case ${1-} in
    exec | enter)
        vmid=${2-}
        case $vmid in '' | *[!0-9]*) usage ;; esac
        [ -d "/c/$vmid" ] || { echo "Configuration file 'nodes/$(hostname)/lxc/$vmid.conf' does not exist" >&2; exit 2; }
        running "$vmid" || { echo "container '$vmid' not running!" >&2; exit 255; }
        verb=$1
        shift 2
        path=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        [ "$verb" = exec ] || exec lxc-attach -P /c -n "$vmid" --clear-env -v "$path" -v HOME=/root
        [ "${1-}" != -- ] || shift
        [ $# -gt 0 ] || usage
        exec lxc-attach -P /c -n "$vmid" --clear-env -v "$path" -v HOME=/root -v LANG=C.UTF-8 -- "$@"
        ;;
    list)
        printf '%-10s %s\n' VMID Status
        for dir in /c/*/; do
            vmid=$(basename "$dir")
            running "$vmid" && state=running || state=stopped
            printf '%-10s %s\n' "$vmid" "$state"
        done
        ;;
    *) usage ;;
esac
