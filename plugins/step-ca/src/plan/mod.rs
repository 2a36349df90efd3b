//! The feature itself: the pinned programs, a state that is made once and never again, and the service over it.

mod sign;
mod state;

use phoenix_core::{
    Artifact, Condition, Descriptor, Draft, Feature, Recipe,
    artifact::Format,
    draft::{File, Service},
};
use schemars::schema_for;

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
    let state = state::state(draft, config, account, [step.clone()]);
    sign::scripts(draft, config, &step);
    let unit = draft.write("write-unit", File::text(UNIT_FILE, unit(config)), []);
    let reads = [PROGRAM, SETTINGS, PASSWORD, UNIT_FILE];
    let up = draft.service(&Service::new(UNIT, reads), [program, unit].into_iter().chain(state));
    draft.wait("answers", healthy(draft, config), 60, "it answers, with a certificate of its own", [up]);
}

/// Returns that it answers under its own name, by a certificate that its own root vouches for.
fn healthy(draft: &Draft<'_>, config: &Config) -> Condition {
    let (name, port) = (&config.dns[0], config.port);
    let (url, here) = (format!("https://{name}:{port}/health"), format!("{name}:{port}:127.0.0.1"));
    let argv =
        ["curl", "-fsS", "-o", "/dev/null", "--max-time", "5", "--cacert", ROOT, "--resolve", &here, &url];
    draft.succeeds(argv)
}

fn unit(config: &Config) -> String {
    let offline = &config.offline;
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
InaccessiblePaths=-{offline}
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
