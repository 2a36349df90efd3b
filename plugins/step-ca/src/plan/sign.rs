//! How certificates are asked for and taken back in the authority's own guest: two scripts of root's, which speak to the
//! authority at home with its own provisioner, so that its password leaves the guest for nobody.

use phoenix_core::{Draft, StepId, draft::File};

use super::{PASSWORD, ROOT, STEP};
use crate::config::Config;

const SIGN: &str = "/usr/local/lib/phoenix/sign-certificate";
const REVOKE: &str = "/usr/local/lib/phoenix/revoke-certificate";

/// Has both scripts there.
pub(super) fn scripts(draft: &mut Draft<'_>, config: &Config, after: &Option<StepId>) {
    for (verb, path, text) in
        [("write-sign-certificate", SIGN, sign(config)), ("write-revoke-certificate", REVOKE, revoke(config))]
    {
        draft.write(verb, File::text(path, text).with_mode(0o700), [after.clone()]);
    }
}

/// Returns the words by which the authority is asked at home.
fn home(config: &Config) -> String {
    format!("--ca-url https://127.0.0.1:{} --root {ROOT}", config.port)
}

/// Returns the words by which a provisioner is named.
fn provisioner(config: &Config) -> String {
    let name = config.provisioner.replace('\'', r"'\''");
    format!("--provisioner '{name}' --provisioner-password-file {PASSWORD}")
}

fn sign(config: &Config) -> String {
    let (home, provisioner) = (home(config), provisioner(config));
    format!(
        r#"#!/bin/sh
# sign-certificate LIFETIME: answers a signing request on its standard input with a certificate and its chain.
set -eu
[ $# -eq 1 ] || {{ echo 'sign-certificate: one lifetime is wanted, such as 720h' >&2; exit 2; }}
umask 077
export STEPPATH=/etc/step-ca
room=$(mktemp -d /run/phoenix-sign.XXXXXX)
trap 'rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$room/request"
{STEP} ca sign --force {home} \
	{provisioner} \
	--not-after "$1" "$room/request" "$room/certificate" >&2
cat "$room/certificate"
"#
    )
}

fn revoke(config: &Config) -> String {
    let (home, provisioner) = (home(config), provisioner(config));
    format!(
        r#"#!/bin/sh
# revoke-certificate SERIAL: has the authority renew the certificate of this number, in decimal, no more.
set -eu
case ${{1-}} in
'' | *[!0-9]*) echo 'revoke-certificate: one serial number in decimal is wanted' >&2; exit 2 ;;
esac
export STEPPATH=/etc/step-ca
token=$({STEP} ca token --revoke {home} \
	{provisioner} "$1")
{STEP} ca revoke {home} --token "$token" "$1"
"#
    )
}
