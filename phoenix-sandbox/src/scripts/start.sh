# Mounts the root file system of a container and starts it. Arguments: its number, the sandbox's own groups, the directory
# of the sandbox, the options of the overlay or the directory that is all of it, the mirror of packages or nothing, and the
# directories of the host that are mounted in it.
set -eu
dir=$3 options=$4 mirror=$5
shift 5
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
set --
# What the mirror has for this system comes in as mounts, so that nothing of it stays on the container's disk.
system=$(sed -n 's/^ID=//p; s/^VERSION_ID=//p' "$root/usr/lib/os-release" 2>/dev/null | tr -d '"' | sort -r | paste -sd-)
if [ -n "$mirror" ] && [ -f "$mirror/$system/Packages" ]; then
    printf 'Types: deb\nURIs: file:/srv/mirror/%s\nSuites: ./\nTrusted: yes\n' "$system" >"/c/$vmid/mirror.sources"
    set -- -s "lxc.mount.entry=$mirror srv/mirror none bind,ro,create=dir 0 0" \
        -s "lxc.mount.entry=/c/$vmid/mirror.sources etc/apt/sources.list.d/phoenix-mirror.sources none bind,ro,create=file 0 0"
fi
lxc-start "$@" -P /c -n "$vmid" -d -o "/c/$vmid/log" -l WARN 9>&- || {
    sed -n 's/^lxc-start [^ ]* [^ ]* ERROR *[^ ]* - [^ ]* - //p' "/c/$vmid/log" | head -n 3 | cut -c -200 >&2
    end
    exit 1
}
