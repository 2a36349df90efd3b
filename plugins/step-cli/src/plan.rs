//! The feature itself: the pinned program, and what it knows of the authority. The root comes from the authority's own
//! guest, by the way that Phoenix has into it, so no first contact has to be believed.

use phoenix_core::{
    Artifact, Claim, Condition, Content, Descriptor, Draft, Expect, Feature, Probe, Recipe, Site,
    artifact::Format, draft::File, feature::SiteKind,
};
use schemars::schema_for;
use serde_json::json;

use crate::config::{Config, Root};

const NAME: &str = "step-cli";
const PROGRAM: &str = "/usr/local/bin/step";
const ROOT: &str = "/root/.step/certs/root_ca.crt";
const DEFAULTS: &str = "/root/.step/config/defaults.json";

/// The release for Linux on x86-64; two independent projects pin the same checksum.
fn pinned() -> Artifact {
    let version = "0.30.6";
    let url = format!(
        "https://github.com/smallstep/cli/releases/download/v{version}/step_linux_{version}_amd64.tar.gz"
    );
    let sha256 = "e44a5dc5f880a694b24a0f2941a69a81b0bc6ee053170fdfde18453d4d5816de";
    let member = format!("step_{version}/bin/step");
    Artifact::fetched(NAME, version, url, sha256).unpacked(Format::Tar, Some(&member))
}

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "installs the program step, which knows the lab's certificate authority";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor
        .after(["base-setup"])
        .at([SiteKind::Lxc, SiteKind::Vm, SiteKind::Host])
        .with_artifacts([pinned()]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems).claiming(claims))
}

fn claims(config: &Config) -> Vec<Claim> {
    config.root.iter().map(|root| Claim::Guest { guest: root.guest }).collect()
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["ca-certificates", "curl"], []);
    let program = draft.artifact(&pinned(), PROGRAM, 0o755, [packages]);
    let (Some(url), Some(Root { guest, path })) = (&config.ca_url, &config.root) else { return };
    let content = Content::Copy { site: Site::Guest(*guest), path: path.clone() };
    let root = draft.write("write-root", File::text(ROOT, "").holding(content), []);
    let defaults = format!("{:#}\n", json!({ "ca-url": url, "root": ROOT }));
    let known = draft.write("write-defaults", File::text(DEFAULTS, defaults), []);
    let argv = [PROGRAM, "ca", "health", "--ca-url", url, "--root", ROOT];
    let healthy =
        Condition::new(Probe::command(draft.site(), argv), Expect::SaysLine { line: "ok".to_owned() });
    draft.wait(
        "reaches-authority",
        healthy,
        60,
        format!("the authority at `{url}` answers"),
        [program, root, known],
    );
}
