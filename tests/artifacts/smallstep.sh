#!/bin/sh
# Builds step-ca from the libraries of Debian sid, and a stand-in for step. Arguments: an empty directory, then the Go
# files, whose directories name the programs. Nothing is installed on the machine: the compiler and the libraries stand in
# a tree below the directory, which goes again.
set -eu
. "$(dirname "$0")/archive.sh"
target=$(cd "$1" && pwd)
shift
# What the stand-in says it is: the version whose commands it imitates.
step=0.30.6
tree=$target/.work
umask 022
chmod 755 "$target"
set -- "$@" --
mkdir -p "$tree"
settings=$(apt-config dump Acquire 2>/dev/null | sed -n 's/;$//; /^Acquire::https\{0,1\}::Proxy "[^"]/p')
hooks=/usr/share/mmdebstrap/hooks/merged-usr
[ -d "$hooks" ] || hooks=
# Snapshots of sid that registries keep may be older than what their dates allow.
TMPDIR=$target mmdebstrap --quiet --mode=root --variant=extract --architectures=amd64 \
    --include=golang-go,golang-github-smallstep-certificates-dev \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg ${hooks:+--hook-dir=$hooks} \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "2"' \
    --aptopt='Acquire::http::Timeout "20"' ${settings:+"--aptopt=$settings"} \
    sid "$tree" 'deb http://deb.debian.org/debian sid main'
version=$(zcat "$tree/usr/share/doc/golang-github-smallstep-certificates-dev/changelog.Debian.gz" |
    sed -n '1s/^[^(]*(\([^)]*\)-[^-)]*).*/\1/p')

build=$tree/build
while [ "$1" != -- ]; do
    program=$(basename "$(dirname "$1")")
    mkdir -p "$build/$program"
    cp "$1" "$build/$program/"
    shift
done
# Debian builds this library without Badger, the database that upstream's configurations name: what it would keep in a
# directory is kept in one file of bbolt there.
library=/usr/share/gocode/src/github.com/smallstep/nosql
sed -e 's/case BBoltDriver:/case BBoltDriver, BadgerV2Driver:/' \
    -e 's/db.Open(dataSourceName/db.Open(place(driver, dataSourceName)/' "$tree$library/nosql.go" >"$build/nosql.go"
cat >"$build/place.go" <<'GO'
package nosql

import (
	"os"
	"path/filepath"
)

func place(driver, path string) string {
	if driver != BadgerV2Driver {
		return path
	}
	_ = os.MkdirAll(path, 0o700)
	return filepath.Join(path, "bbolt.db")
}
GO
printf '{"Replace": {"%s": "/build/nosql.go", "%s": "/build/place.go"}}\n' "$library/nosql.go" "$library/place.go" \
    >"$build/overlay.json"
mkdir -p "$tree/dev" "$tree/proc" "$tree/tmp"
# In namespaces of its own, so that nothing stays mounted or runs on.
unshare --mount --pid --fork --kill-child --mount-proc sh -eu -c '
    mount --bind /dev "$1/dev"
    mount -t proc proc "$1/proc"
    cd /
    for program in step-ca step; do
        [ "$program" = step ] && version=$3 || version=$2
        env -i PATH=/usr/sbin:/usr/bin HOME=/build GOCACHE=/build/cache GOPATH=/build/go:/usr/share/gocode CGO_ENABLED=0 \
            GO111MODULE=off GOFLAGS=-buildvcs=false GOTOOLCHAIN=local chroot "$1" /usr/bin/go build -C "/build/$program" \
            -overlay /build/overlay.json -trimpath -ldflags "-s -w -X main.Version=$version" -o "/build/out/$program" .
    done' sh "$tree" "$version" "$step"

mkdir -p "$build/release/step_$step/bin"
mv "$build/out/step" "$build/release/step_$step/bin/"
mv "$build/out/step-ca" "$build/release/"
pack "$target" step-ca "$version" "step-ca_linux_${version}_amd64.tar.gz" \
    "built here from Debian's golang-github-smallstep-certificates-dev, with bbolt in place of Badger" \
    "$build/release" step-ca
pack "$target" step-cli "$step" "step_linux_${step}_amd64.tar.gz" "a stand-in for tests, built from tests/artifacts/step" \
    "$build/release" "step_$step/bin/step"
rm -rf "$tree"
finish "$target"
