//! The feature itself: the pinned program, its two files and its unit. Traefik follows the file of routes by itself; only
//! what it reads at its start makes a restart.

mod files;

use phoenix_core::{
    Artifact, Condition, Descriptor, Draft, Expect, Feature, Probe, Recipe,
    artifact::Format,
    draft::{Command, File, Service},
};
use schemars::schema_for;

use crate::config::Config;

const NAME: &str = "traefik";
const PROGRAM: &str = "/usr/local/bin/traefik";
const STATIC: &str = "/etc/traefik/traefik.yml";
const DYNAMIC: &str = "/etc/traefik/dynamic/phoenix.yml";
const UNIT: &str = "traefik.service";
const UNIT_FILE: &str = "/etc/systemd/system/traefik.service";
const STATE: &str = "/var/lib/traefik";

/// Where it tells of itself, to the guest alone.
const INNER_PORT: u16 = 8082;

/// The release for Linux on x86-64. Its checksum stands in the release's own list; two independent projects pin the same.
fn pinned() -> Artifact {
    let version = "3.7.10";
    let url = format!(
        "https://github.com/traefik/traefik/releases/download/v{version}/traefik_v{version}_linux_amd64.tar.gz"
    );
    let sha256 = "01811bb12d44f17280550f425f5e3128d6c325f2665c09e67a651ca535f490ce";
    Artifact::fetched(NAME, version, url, sha256).unpacked(Format::Tar, Some("traefik"))
}

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "routes requests to services by their host names";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor =
        descriptor.after(["base-setup", "step-cli", "trusted-ca", "certificate"]).with_artifacts([pinned()]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["ca-certificates", "curl"], []);
    let account = draft.account(NAME, &[], []);
    let program = draft.artifact(&pinned(), PROGRAM, 0o755, [packages]);
    let state = draft.directory("make-state", STATE, (0o700, NAME), [account.clone()]);
    let beginning = draft.write("write-static", File::text(STATIC, files::at_start(config)), []);
    let routes = draft.write("write-routes", File::text(DYNAMIC, files::routes(config)), []);
    if routes.is_none() {
        reread(draft, config);
    }
    let unit = draft.write("write-unit", File::text(UNIT_FILE, files::unit()), [account, state]);
    let service = Service::new(UNIT, [PROGRAM, STATIC, UNIT_FILE]);
    // The routes are there when it begins, so that it never answers without them.
    let first =
        (beginning.is_some() || unit.is_some() || program.is_some()).then(|| routes.clone()).flatten();
    let up = draft.service(&service, [program, beginning, unit, first]);
    let ping = probe(draft, "/ping");
    draft.wait("answers", ping, 60, "it answers", [up.clone()]);
    // Traefik keeps the old routes if the new ones are bad: it is asked whether it has taken each.
    for name in config.routes.keys() {
        let taken = probe(draft, &format!("/api/http/routers/{name}@file"));
        let reason = format!("it has taken the route `{name}`");
        draft.wait(&format!("routes-{name}"), taken, 60, reason, [up.clone(), routes.clone()]);
    }
}

/// Traefik follows its file, and reads certificates when it reads that: where one of them is newer, the file is touched.
fn reread(draft: &mut Draft<'_>, config: &Config) {
    if draft.file(DYNAMIC).is_none() {
        return;
    }
    let is_older = |path: &str| {
        Condition::new(Probe::command(draft.site(), ["test", "!", path, "-nt", DYNAMIC]), Expect::Succeeds)
    };
    let older: Vec<_> =
        config.certificates.iter().map(|one| (&one.certificate, is_older(&one.certificate))).collect();
    let stale: Vec<_> = older.into_iter().filter(|(_, is_older)| !draft.holds(is_older)).collect();
    if let Some((path, proof)) = stale.into_iter().next() {
        let reason = format!("it has not read `{path}` since it changed");
        draft.run("reread-certificates", Command::new(["touch", "-c", "--", DYNAMIC], proof, reason), []);
    }
}

fn probe(draft: &Draft<'_>, path: &str) -> Condition {
    let url = format!("http://127.0.0.1:{INNER_PORT}{path}");
    let argv = ["curl", "-fsS", "-o", "/dev/null", "--max-time", "5", &url];
    draft.succeeds(argv)
}
