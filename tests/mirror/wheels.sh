#!/bin/sh
# Fills an empty directory with the wheels of a list, each of the sum that stands there. Arguments: the directory, the
# list.
set -eu
python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --dest "$1" --require-hashes --no-deps \
    --only-binary=:all: --python-version 3.12 --implementation cp --abi cp312 --abi none \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any --requirement "$2"
chmod -R a+rX "$1"
