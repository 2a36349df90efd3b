# Stops a container and unmounts its root file system. Arguments: its number, the sandbox's own groups, the directory of
# the sandbox, and how many seconds it is given; none ends it at once.
dir=$3 patience=$4
ln -sfn "$dir/lxc" /c
if listens; then
    if [ -n "$patience" ]; then
        lxc-stop -P /c -n "$vmid" --nokill --timeout "$patience" || exit 1
    else
        # One whose monitor does not answer is ended below.
        timeout 20 lxc-stop -P /c -n "$vmid" --kill || true
    fi
fi
hold
[ -z "$patience" ] || ! listens || exit 0
end
