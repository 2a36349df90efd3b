//! The state of the authority: made once and never again, on whatever disk it lies, with the root's key out of reach.

use phoenix_core::{
    Condition, Content, Diagnostic, Draft, Expect, Probe, StepId,
    draft::{Command, File},
};
use serde_json::{Map, Value, json};

use super::{ACCOUNT, NAME, PASSWORD, SETTINGS, STATE, STEP};
use crate::config::Config;

/// Runs a command unless what it makes is there: what lies on a volume was made by another guest, in another year.
const ONCE: &str = "/usr/local/lib/phoenix/once";
const ONCE_TEXT: &str = r#"#!/bin/sh
# once FILE -- COMMAND...: runs a command unless the file that it makes is there.
[ ! -e "$1" ] || exit 0
shift 2
exec "$@"
"#;

/// Makes an authority.
const MAKE: &str = "/usr/local/lib/phoenix/make-authority";
const MAKE_TEXT: &str = r#"#!/bin/sh
# make-authority SETTINGS LIFETIME -- COMMAND...: runs the command that makes an authority, unless its settings are there,
# and lets its certificates be good that long.
set -eu
settings=$1
claims="\"claims\": {\"maxTLSCertDuration\": \"$2\", \"defaultTLSCertDuration\": \"$2\"},"
shift 3
[ ! -e "$settings" ] || exit 0
"$@"
sed -i "s/^[[:space:]]*\"authority\": {\$/&$claims/" "$settings"
"#;

/// The root's private key, as it is born.
const ROOT_KEY: &str = "/etc/step-ca/secrets/root_ca_key";
const SECRETS: &str = "/etc/step-ca/secrets";

/// Has the state there; `after` has the program that makes it. Returns the steps that change what the service reads.
pub(super) fn state(
    draft: &mut Draft<'_>,
    config: &Config,
    account: Option<StepId>,
    after: [Option<StepId>; 1],
) -> Vec<Option<StepId>> {
    let state = draft.directory("make-state", STATE, (0o700, ACCOUNT), [account.clone()]);
    let owned = owned(draft, config, [account, state.clone()]);
    let once = draft.write("write-once", File::text(ONCE, ONCE_TEXT).with_mode(0o755), []);
    let make = draft.write("write-make-authority", File::text(MAKE, MAKE_TEXT).with_mode(0o755), []);
    let password = password(draft, config, [state.clone(), owned.clone(), once]);
    let [program] = after;
    let made = draft.run("make-authority", making(draft, config), [state, program, make, password.clone()]);
    let settled = settings(draft, config);
    offline(draft, config, made.clone());
    vec![owned, password, made, settled]
}

/// Gives the state to the account, where it lies on a volume that another guest has written.
fn owned(draft: &mut Draft<'_>, config: &Config, after: [Option<StepId>; 2]) -> Option<StepId> {
    let is_strange = draft.file(SETTINGS).is_some_and(|found| found.owner != ACCOUNT);
    let is_new = after.iter().any(Option::is_some);
    if !is_strange && !is_new {
        return None;
    }
    let both = format!("{ACCOUNT}:{ACCOUNT}");
    let argv =
        ["find", STATE, "-path", &config.offline, "-prune", "-o", "-exec", "chown", "-h", &both, "{}", "+"];
    let asked = if is_strange { SETTINGS } else { STATE };
    let probe = Probe::command(draft.site(), ["stat", "-c", "%U", asked]);
    let proof = Condition::new(probe, Expect::SaysLine { line: ACCOUNT.to_owned() });
    draft.run(
        "own-state",
        Command::new(argv, proof, format!("`{STATE}` is to be `{ACCOUNT}`'s")).again(),
        after,
    )
}

/// Has the password of the keys there: the one that is given, or one that is made once.
fn password(draft: &mut Draft<'_>, config: &Config, after: [Option<StepId>; 3]) -> Option<StepId> {
    if let Some(secret) = &config.password {
        let file = File::text(PASSWORD, "").holding(Content::Secret(secret.clone()));
        return draft.write("write-password", file.with_mode(0o600).owned_by(ACCOUNT), after);
    }
    if draft.file(PASSWORD).is_none() && draft.file(SETTINGS).is_some() {
        let message = format!(
            "feature `{NAME}`: `{PASSWORD}` is gone, and the keys of `{}` cannot be read without it",
            draft.site()
        );
        let hint = format!(
            "put it back from a backup, or remove `{STATE}` to begin with a new authority that nobody trusts yet"
        );
        draft.find(Diagnostic::error("lost-secret", message).with_hint(hint));
        return None;
    }
    let proof = Condition::new(Probe::file(draft.site(), PASSWORD), Expect::Present);
    let argv = ["runuser", "-u", ACCOUNT, "--", ONCE, PASSWORD, "--"];
    let argv = argv.into_iter().chain(["openssl", "rand", "-hex", "-out", PASSWORD, "32"]);
    draft.run("make-password", Command::new(argv, proof, "the keys need a password"), after)
}

/// Returns the command that makes keys, certificates and settings. Where there are some, they stay whatever is written
/// here, also if they are only seen when it runs: who loses them loses the trust of everybody.
fn making(draft: &Draft<'_>, config: &Config) -> Command {
    let (address, lifetime) = (format!(":{}", config.port), config.lifetime());
    let names = config.names();
    let mut argv = vec!["runuser", "-u", ACCOUNT, "--", "env", "STEPPATH=/etc/step-ca"];
    argv.extend([MAKE, SETTINGS, &lifetime, "--", STEP, "ca", "init"]);
    argv.extend(["--deployment-type", "standalone", "--name", &config.authority, "--address", &address]);
    for name in &names {
        argv.extend(["--dns", name]);
    }
    argv.extend(["--provisioner", &config.provisioner, "--password-file", PASSWORD]);
    argv.extend(["--provisioner-password-file", PASSWORD, "--acme"]);
    let proof = Condition::new(Probe::file(draft.site(), SETTINGS), Expect::Present);
    Command::new(argv, proof, "there is no authority yet")
}

/// Gives an authority that is there the names, the port and the lifetime that are written here; all else in its settings
/// stays.
fn settings(draft: &mut Draft<'_>, config: &Config) -> Option<StepId> {
    let text = draft.file(SETTINGS)?.text.as_deref()?;
    // What is no JSON was broken by hand: the service says so better.
    let old: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut new = old.clone();
    new.insert("address".to_owned(), json!(format!(":{}", config.port)));
    new.insert("dnsNames".to_owned(), json!(config.names()));
    let authority = new.entry("authority").or_insert_with(|| json!({})).as_object_mut()?;
    let claims = authority.entry("claims").or_insert_with(|| json!({})).as_object_mut()?;
    for key in ["maxTLSCertDuration", "defaultTLSCertDuration"] {
        claims.insert(key.to_owned(), json!(config.lifetime()));
    }
    if new == old {
        return None;
    }
    let text = format!("{:#}\n", Value::Object(new));
    draft.write("write-names", File::text(SETTINGS, text).with_mode(0o600).owned_by(ACCOUNT), [])
}

/// Takes the root's private key out of the reach of the authority's account, which has no use for it.
fn offline(draft: &mut Draft<'_>, config: &Config, made: Option<StepId>) {
    let offline = config.offline.as_str();
    let folder = draft.directory("make-offline", offline, (0o700, "root"), [made.clone()]);
    let is_away = draft.succeeds(["test", "!", "-e", ROOT_KEY]);
    let mut argv = vec!["find", SECRETS, "-maxdepth", "1", "-type", "f", "-name", "root_ca_key", "-exec"];
    // A key that is there already under this name is kept beside it.
    argv.extend([
        "install", "-b", "-o", "root", "-g", "root", "-m", "0400", "-t", offline, "{}", ";", "-delete",
    ]);
    let reason =
        format!("`{ACCOUNT}` can read `{ROOT_KEY}`, which only a new authority below the root needs");
    let moved = Command::new(argv, is_away, reason);
    // One that is only made in this plan has its key there by then.
    let moved = if made.is_some() { moved.again() } else { moved };
    draft.run("take-root-key-away", moved, [made, folder]);
}
