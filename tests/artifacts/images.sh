#!/bin/sh
# Makes images for Docker without a registry, as `docker save` would: a service for stacks, and the stub of Portainer's server
# and agent (no Portainer is in them). Arguments: an empty directory, the source of the service, then those of the stub.
set -eu
target=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$target/.work
mkdir -p "$work/hello" "$work/stub"

# Packs a tree as an image. Words: its name and tag, the archive, the tree, its entry point, who made what is in it.
image() {
    build=$work/image
    rm -rf "$build"
    mkdir "$build"
    # The same tree gives the same bytes.
    same='--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner'
    tar -C "$3" $same -cf "$build/layer.tar" .
    layer=$(sha256sum "$build/layer.tar" | cut -d' ' -f1)
    printf '{"architecture":"amd64","os":"linux","config":{"Entrypoint":%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$4" "$layer" >"$build/config.json"
    printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$1" >"$build/manifest.json"
    tar -C "$build" $same --mode=644 -cf "$target/$2" config.json layer.tar manifest.json
    sum=$(sha256sum "$target/$2" | cut -d' ' -f1)
    [ -s "$target/artifacts.json" ] && separator=, || separator='['
    printf '%s\n{"name": "image-%s", "version": "%s", "file": "%s", "sha256": "%s", "is": "%s"}' "$separator" \
        "$(printf '%s' "$1" | tr '/:' '--')" "${1##*:}" "$2" "$sum" "$5" >>"$target/artifacts.json"
}

umask 022
rustc --edition 2024 -C opt-level=s -C panic=abort -C strip=symbols -C target-feature=+crt-static \
    --remap-path-prefix "$here=." -o "$work/hello/hello" "$2"
image homelab/hello:1 hello_1.tar "$work/hello" '["/hello"]' 'made here from tests/artifacts/images/hello.rs'

cargo build --quiet --offline --manifest-path "$here/Cargo.toml" -p phoenix-tests --bin portainer-stub
stub=${CARGO_TARGET_DIR:-$here/target}/debug/portainer-stub
strip -o "$work/stub/portainer-stub" "$stub"
# What it is linked to, at the same places.
ldd "$stub" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$work/stub$(dirname "$library")"
    cp -L "$library" "$work/stub$library"
done
image phoenix/portainer-stub:1 portainer-stub_1.tar "$work/stub" '["/portainer-stub","server"]' \
    'a stand-in for tests: the stub of Portainer in tests/src/bin/portainer-stub'
image phoenix/portainer-agent-stub:1 portainer-agent-stub_1.tar "$work/stub" '["/portainer-stub","agent"]' \
    'a stand-in for tests: the stub of Portainer in tests/src/bin/portainer-stub'
rm -rf "$work"
printf '\n]\n' >>"$target/artifacts.json"
chmod -R a+rX "$target"
