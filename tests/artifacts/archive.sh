# Sourced by the scripts beside it. Packs as upstream does, so that what installs a release installs this: the same bytes
# give the same sum. Arguments: the directory of the result, a name, a version, the archive, who made what is in it, the
# directory to pack from, the path of the one file in it.
pack() {
    target=$1 name=$2 version=$3 archive=$4 is=$5 from=$6 member=$7
    tar -C "$from" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=755 -cf - -- "$member" |
        gzip -n -6 >"$target/$archive"
    sum=$(sha256sum "$target/$archive" | cut -d' ' -f1)
    # One entry a line; a comma goes before all but the first.
    [ -s "$target/artifacts.json" ] && separator=, || separator='['
    printf '%s\n{"name": "%s", "version": "%s", "file": "%s", "member": "%s", "sha256": "%s", "is": "%s"}' \
        "$separator" "$name" "$version" "$archive" "$member" "$sum" "$is" >>"$target/artifacts.json"
}

finish() {
    printf '\n]\n' >>"$1/artifacts.json"
    chmod -R a+rX "$1"
}
