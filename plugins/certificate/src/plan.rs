//! The feature itself: a key that is born here and never leaves, and a certificate that the authority answers to its signing
//! request with, by Phoenix's own way into both guests. So neither names nor a proxy stand in the way of the first one.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Claim, Condition, Content, Descriptor, Draft, Expect, Feature, Probe, Recipe, Site, StepId,
    draft::{Command, File},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::{
    config::{Certificate, Config, FOLDER},
    fault::{self, ROOT, Root, verify},
};

/// The feature's name.
pub const FEATURE: &str = "certificate";
/// The program at the authority that answers a signing request with a certificate; `step-ca` puts it there.
const SIGN: &str = "/usr/local/lib/phoenix/sign-certificate";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has certificates from an authority of one's own, and renews them before they end";
    let descriptor = Descriptor::new(FEATURE, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "step-cli", "trusted-ca"]).at([
        SiteKind::Lxc,
        SiteKind::Vm,
        SiteKind::Host,
    ]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems).claiming(claims))
}

fn claims(config: &Config) -> Vec<Claim> {
    vec![Claim::Guest { guest: config.authority }]
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["openssl"], []);
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let root = Content::Copy { site: Site::Guest(config.authority), path: config.root.clone() };
    let root = draft.write("write-root", File::text(ROOT, "").holding(root), [folder.clone()]);
    let known = if root.is_some() { Root::Changes } else { Root::Known };
    let owners: BTreeSet<&str> =
        config.certificates.iter().map(|one| one.owner.as_str()).filter(|owner| *owner != "root").collect();
    let accounts: Vec<_> = owners.into_iter().map(|owner| draft.account(owner, &[], [])).collect();
    let folders = folders(draft, config);
    let ready: Vec<_> = [packages, folder, root].into_iter().chain(accounts).chain(folders).collect();
    let mut readers: BTreeMap<&str, (BTreeSet<String>, Vec<Option<StepId>>)> = BTreeMap::new();
    for certificate in &config.certificates {
        let written = certified(draft, (config, certificate), known, &ready);
        touched(draft, certificate, &written);
        if let Some(unit) = &certificate.reload {
            let (reads, steps) = readers.entry(unit).or_default();
            reads.extend([certificate.certificate_path(), certificate.key_path()]);
            steps.extend(written);
        }
    }
    for (unit, (reads, steps)) in readers {
        draft.reload(unit, reads, steps);
    }
}

/// Has the directories of keys there that have one of their own; what is there stays as it is.
fn folders(draft: &mut Draft<'_>, config: &Config) -> Vec<Option<StepId>> {
    let paths = config.certificates.iter().flat_map(|one| [one.certificate_path(), one.key_path()]);
    let folders: BTreeSet<String> =
        paths.filter_map(|path| path.rsplit_once('/').map(|(folder, _)| folder.to_owned())).collect();
    let is_own = |folder: &&String| !folder.is_empty() && *folder != FOLDER;
    let missing: Vec<&String> =
        folders.iter().filter(is_own).filter(|folder| draft.file(folder).is_none()).collect();
    missing
        .into_iter()
        .map(|folder| {
            let verb = format!("make{}", folder.replace('/', "-"));
            draft.directory(&verb, folder, (0o755, "root"), [])
        })
        .collect()
}

/// Has a key and its certificate there, and returns the steps that change them.
fn certified(
    draft: &mut Draft<'_>,
    (config, certificate): (&Config, &Certificate),
    root: Root,
    ready: &[Option<StepId>],
) -> Vec<Option<StepId>> {
    let (name, path, key) = (&certificate.name, certificate.certificate_path(), certificate.key_path());
    let is_key = draft.succeeds(["openssl", "pkey", "-noout", "-passin", "pass:", "-in", &key]);
    let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key];
    let make = ["openssl", "genpkey"].into_iter().chain(curve);
    let made = draft.run(
        &format!("make-key-{name}"),
        Command::new(make, is_key, format!("`{key}` is missing, or no key")),
        ready.iter().cloned(),
    );
    let after = |steps: &[&Option<StepId>]| -> Vec<Option<StepId>> {
        ready.iter().chain(steps.iter().copied()).cloned().collect()
    };
    let owned = belonging(draft, certificate, &key, &after(&[&made]));
    let because = match &made {
        Some(_) => Some(format!("`{key}`, which is its key, is made")),
        None => fault::find(draft, certificate, root).map(|fault| fault.reason(config, certificate)),
    };
    let file = File::text(&path, "").holding(answer(draft.site(), config, certificate));
    let file = file.owned_by(&certificate.owner).checked_by(verify("{}"));
    let mut before = after(&[&made]);
    before.extend(owned);
    let written = draft.write_when(&format!("write-{name}"), file, because, before);
    vec![made, written]
}

/// Gives a key to its owner. What it holds is never asked: it does not leave its site, not even to be looked at.
fn belonging(
    draft: &mut Draft<'_>,
    certificate: &Certificate,
    key: &str,
    after: &[Option<StepId>],
) -> Vec<Option<StepId>> {
    let (name, owner) = (&certificate.name, &certificate.owner);
    let mode = format!("{:o}", certificate.mode.bits());
    let says = |draft: &Draft<'_>, format: &str, line: String| {
        let probe = Probe::command(draft.site(), ["stat", "-c", format, key]);
        Condition::new(probe, Expect::SaysLine { line })
    };
    let both = format!("{owner}:{owner}");
    let is_theirs = says(draft, "%U:%G", both.clone());
    let reason = format!("`{key}` does not belong to `{owner}`");
    let given = Command::new(["chown", "--", &both, key], is_theirs, reason);
    let owned = draft.run(&format!("own-key-{name}"), given, after.iter().cloned());
    let is_closed = says(draft, "%a", mode.clone());
    let reason = format!("`{key}` has another mode than {mode}");
    let closed = Command::new(["chmod", "--", &mode, key], is_closed, reason);
    let closed = draft.run(&format!("close-key-{name}"), closed, after.iter().chain([&owned]).cloned());
    vec![owned, closed]
}

/// Returns what the authority answers to the signing request that this site answers with its key.
fn answer(site: &Site, config: &Config, certificate: &Certificate) -> Content {
    let names: Vec<String> = certificate
        .wanted_names()
        .into_iter()
        .map(|name| {
            if name.parse::<std::net::IpAddr>().is_ok() {
                format!("IP:{name}")
            } else {
                format!("DNS:{name}")
            }
        })
        .collect();
    // The longest common name that there can be.
    let own = certificate.names.iter().find(|name| name.len() <= 64).unwrap_or(&certificate.name);
    let (subject, extension) = (format!("/CN={own}"), format!("subjectAltName={}", names.join(",")));
    let key = certificate.key_path();
    let request =
        ["openssl", "req", "-new", "-batch", "-key", &key, "-subj", &subject, "-addext", &extension];
    let lifetime = format!("{}h", certificate.lifetime_h);
    Content::answer(&Site::Guest(config.authority), [SIGN, &lifetime]).to(Content::answer(site, request))
}

/// Touches the file that somebody watches who reads the certificate then.
fn touched(draft: &mut Draft<'_>, certificate: &Certificate, written: &[Option<StepId>]) {
    let Some(watched) = &certificate.touch else { return };
    // Who writes it later has the certificate read then.
    if draft.file(watched).is_none() {
        return;
    }
    let path = certificate.certificate_path();
    let is_older = draft.succeeds(["test", "!", &path, "-nt", watched]);
    let reason = format!("whoever watches `{watched}` has not read `{path}` since it changed");
    let touch = Command::new(["touch", "-c", "--", watched], is_older, reason).again();
    draft.run(&format!("touch-{}", certificate.name), touch, written.iter().cloned());
}
