# Mounts the root file system of a container and starts it. Arguments: its number, the sandbox's own groups, the directory
# of the sandbox, the options of the overlay or the directory that is all of it, and the directories of the host that are mounted in it.
set -eu
dir=$3 options=$4
shift 4
hold
# Somebody has started it meanwhile.
! listens || exit 0
end
mkdir -p "$root"
for source in "$@"; do mkdir -p "$source"; done
cd "$dir"
case $options in
    /*) mount --bind "$options" "$root" ;;
    *) mount -t overlay -o "$options" "phoenix-$vmid" "$root" ;;
esac
ln -sfn "$dir/lxc" /c
: > "/c/$vmid/log"
lxc-start -P /c -n "$vmid" -d -o "/c/$vmid/log" -l WARN 9>&- || {
    sed -n 's/^lxc-start [^ ]* [^ ]* ERROR *[^ ]* - [^ ]* - //p' "/c/$vmid/log" | head -n 3 | cut -c -200 >&2
    end
    exit 1
}
