#!/bin/sh
# Makes a flat apt repository of Ubuntu 24.04 in an empty directory. Arguments: the directory, the file that names the
# packages. Everything that they depend on goes in, also what an image is likely to have: an image that is older or newer
# than the mirror gets what fits together.
set -eu
here=$(cd "$1" && pwd)
list=$2
main=http://archive.ubuntu.com/ubuntu
security=http://security.ubuntu.com/ubuntu
# The package and its sum stand also in `phoenix-sandbox/src/images/keyring.rs`; a test compares them.
keyring_package=http://archive.ubuntu.com/ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb
keyring_sum=36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8

work=$here/.work
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/keyring"
# The user `_apt` downloads into a folder below.
chmod 755 "$here" "$work"
keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg
if ! [ -e "$keyring" ]; then
    curl --fail --silent --show-error --location --max-time 50 --retry 2 --output "$work/keyring.deb" "$keyring_package"
    echo "$keyring_sum  $work/keyring.deb" | sha256sum --quiet --check -
    dpkg-deb -x "$work/keyring.deb" "$work/keyring"
    keyring=$work/keyring$keyring
fi
{
    for suite in noble noble-updates; do
        echo "deb [arch=amd64 signed-by=$keyring] $main $suite main universe"
    done
    echo "deb [arch=amd64 signed-by=$keyring] $security noble-security main universe"
} >"$work/sources.list"
: >"$work/status"
: >"$work/extended"

# The machine's own settings hold, for they know its line; its own packages and sources do not.
apt() {
    command apt-get -q -y -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
        -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
        -o Dir::State::extended_states="$work/extended" -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Languages=none -o Acquire::Retries=2 \
        -o Acquire::http::Timeout=20 -o Acquire::http::AllowRedirect=true -o APT::Install-Recommends=false \
        -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= -o APT::Update::Error-Mode=any \
        -o Debug::NoLocking=1 "$@"
}
apt update
# shellcheck disable=SC2046
apt install --download-only -- $(sed 's/#.*//' "$list")

mv "$work"/archives/*.deb "$here"
cd "$here"
for deb in *.deb; do
    dpkg-deb -f "$deb"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
        "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
done >Packages
{
    echo 'Origin: phoenix-tests'
    echo 'Label: phoenix-tests'
    echo 'Suite: noble'
    echo 'Architectures: amd64 all'
    echo "Date: $(date -u -R)"
    echo 'SHA256:'
    echo " $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages"
} >Release
rm -rf "$work"
chmod -R a+rX .
