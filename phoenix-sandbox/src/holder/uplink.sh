# Runs in the process namespace of the sandbox, so that it ends with it, and else on the machine.
# Words: the program and its words, after the cgroup directories and `--`.
set -eu
read -r pid rest </proc/self/stat
echo "$pid"
while [ "$1" != -- ]; do
    echo 0 >"$1/cgroup.procs"
    shift
done
shift
# What it has to say goes to the log; that it is ready, to who waits for it.
exec "$@" 3>&1 1>&2 </dev/null
