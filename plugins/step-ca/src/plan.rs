//! The feature itself: the pinned programs, a state that is made once and never again, and the service over it.

use phoenix_core::{
    Artifact, Condition, Content, Descriptor, Diagnostic, Draft, Expect, Feature, Probe, Recipe, StepId,
    artifact::Format,
    draft::{Command, File, Service},
};
use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::config::Config;

const NAME: &str = "step-ca";
const PROGRAM: &str = "/usr/local/bin/step-ca";
const ACCOUNT: &str = "step";
const STATE: &str = "/etc/step-ca";
const SETTINGS: &str = "/etc/step-ca/config/ca.json";
const PASSWORD: &str = "/etc/step-ca/password.txt";
const ROOT: &str = "/etc/step-ca/certs/root_ca.crt";
const UNIT: &str = "step-ca.service";
const UNIT_FILE: &str = "/etc/systemd/system/step-ca.service";
/// The program that makes the state; the feature's own copy, because the guest need not have the feature `step-cli`.
const STEP: &str = "/usr/local/lib/phoenix/step";
const STEP_CLI: &str = "step-cli";

/// The release for Linux on x86-64, as a signed list of its checksums has it.
fn pinned() -> Artifact {
    let version = "0.30.2";
    let url = format!(
        "https://github.com/smallstep/certificates/releases/download/v{version}/step-ca_linux_{version}_amd64.tar.gz"
    );
    let sha256 = "126615795bafe3f2d3f890e2d628fa6e2857315fb48d0671d34b23047cc37d73";
    Artifact::fetched(NAME, version, url, sha256).unpacked(Format::Tar, Some("step-ca"))
}

/// The release of `step` that makes the state; two independent projects pin the same checksum.
fn pinned_step() -> Artifact {
    let version = "0.30.6";
    let url = format!(
        "https://github.com/smallstep/cli/releases/download/v{version}/step_linux_{version}_amd64.tar.gz"
    );
    let sha256 = "e44a5dc5f880a694b24a0f2941a69a81b0bc6ee053170fdfde18453d4d5816de";
    let member = format!("step_{version}/bin/step");
    Artifact::fetched(STEP_CLI, version, url, sha256).unpacked(Format::Tar, Some(&member))
}

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "runs a certificate authority of one's own, with ACME";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "step-cli"]).with_artifacts([pinned(), pinned_step()]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["ca-certificates", "curl", "openssl"], []);
    let account = draft.account(ACCOUNT, &[], []);
    let program = draft.artifact(&pinned(), PROGRAM, 0o755, [packages.clone()]);
    let step = draft.artifact(&pinned_step(), STEP, 0o755, [packages]);
    let state = draft.directory("make-state", STATE, (0o700, ACCOUNT), [account]);
    let password = password(draft, config, state.clone());
    let made = draft.run("make-authority", making(draft, config), [state, step, password.clone()]);
    let named = names(draft, config);
    let unit = draft.write("write-unit", File::text(UNIT_FILE, unit()), []);
    let reads = [PROGRAM, SETTINGS, PASSWORD, UNIT_FILE];
    let up = draft.service(&Service::new(UNIT, reads), [program, password, made, named, unit]);
    draft.wait("answers", healthy(draft, config), 60, "it answers, with a certificate of its own", [up]);
}

/// Has the password of the keys there: the one that is given, or one that is made once.
fn password(draft: &mut Draft<'_>, config: &Config, state: Option<StepId>) -> Option<StepId> {
    if let Some(secret) = &config.password {
        let file = File::text(PASSWORD, "").holding(Content::Secret(secret.clone()));
        return draft.write("write-password", file.with_mode(0o600).owned_by(ACCOUNT), [state]);
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
    let argv = ["runuser", "-u", ACCOUNT, "--", "openssl", "rand", "-hex", "-out", PASSWORD, "32"];
    draft.run("make-password", Command::new(argv, proof, "the keys need a password"), [state])
}

/// Returns the command that makes keys, certificates and settings. Where there are some, they stay whatever is written
/// here: who loses them loses the trust of everybody.
fn making(draft: &Draft<'_>, config: &Config) -> Command {
    let address = format!(":{}", config.port);
    let mut argv = vec!["runuser", "-u", ACCOUNT, "--", "env", "STEPPATH=/etc/step-ca", STEP, "ca", "init"];
    argv.extend(["--deployment-type", "standalone", "--name", &config.authority, "--address", &address]);
    for name in &config.dns {
        argv.extend(["--dns", name]);
    }
    argv.extend(["--provisioner", &config.provisioner, "--password-file", PASSWORD]);
    argv.extend(["--provisioner-password-file", PASSWORD, "--acme"]);
    let proof = Condition::new(Probe::file(draft.site(), SETTINGS), Expect::Present);
    Command::new(argv, proof, "there is no authority yet")
}

/// Gives an authority that is there the names and the port that are written here; all else in its settings stays.
fn names(draft: &mut Draft<'_>, config: &Config) -> Option<StepId> {
    let text = draft.file(SETTINGS)?.text.as_deref()?;
    // What is no JSON was broken by hand: the service says so better.
    let mut settings: Map<String, Value> = serde_json::from_str(text).ok()?;
    let wanted = [("address", json!(format!(":{}", config.port))), ("dnsNames", json!(config.dns))];
    if wanted.iter().all(|(key, value)| settings.get(*key) == Some(value)) {
        return None;
    }
    settings.extend(wanted.map(|(key, value)| (key.to_owned(), value)));
    let text = format!("{:#}\n", Value::Object(settings));
    draft.write("write-names", File::text(SETTINGS, text).with_mode(0o600).owned_by(ACCOUNT), [])
}

/// Returns that it answers under its own name, by a certificate that its own root vouches for.
fn healthy(draft: &Draft<'_>, config: &Config) -> Condition {
    let (name, port) = (&config.dns[0], config.port);
    let (url, here) = (format!("https://{name}:{port}/health"), format!("{name}:{port}:127.0.0.1"));
    let argv =
        ["curl", "-fsS", "-o", "/dev/null", "--max-time", "5", "--cacert", ROOT, "--resolve", &here, &url];
    draft.succeeds(argv)
}

fn unit() -> String {
    format!(
        "[Unit]
Description=step-ca
Documentation=https://smallstep.com/docs/step-ca/
After=network-online.target
Wants=network-online.target

[Service]
Environment=STEPPATH={STATE}
ExecStart={PROGRAM} {SETTINGS} --password-file {PASSWORD}
ExecReload=/bin/kill -HUP $MAINPID
User={ACCOUNT}
Group={ACCOUNT}
ReadWritePaths={STATE}
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=true
ProtectSystem=full
ProtectHome=true
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
"
    )
}
