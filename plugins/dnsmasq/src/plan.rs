//! The feature itself: a server for those inside, one for those outside if wanted, and last the site's own questions.

use phoenix_core::{
    Action, Condition, Content, Descriptor, Draft, Expect, Feature, Probe, Recipe, Site, StepId,
    draft::{Command, File},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::{
    config::Config,
    server::{FOLDER, View, asker},
};

const NAME: &str = "dnsmasq";
const RESOLV: &str = "/etc/resolv.conf";
/// What the site asked before; kept once.
const BEFORE: &str = "/etc/phoenix/dns/resolv.conf.before";
/// How it begins when it is ours.
const HEAD: &str = "# Written by Phoenix (feature dnsmasq).\n";
/// How many servers are asked that `/etc/resolv.conf` names.
const RESOLVERS: usize = 3;

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "answers for names of one's own, and asks others for all else";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup"]).at([SiteKind::Host, SiteKind::Lxc, SiteKind::Vm]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let is_host = matches!(draft.site(), Site::Host(_));
    if !is_host && config.manage_resolv_conf == Some(true) {
        let hint = "leave it out, and give the guest `nameserver`";
        draft.refuse("/manage_resolv_conf", "Proxmox VE writes the `/etc/resolv.conf` of a guest", hint);
        return;
    }
    let inside = View {
        verbs: "",
        unit: "phoenix-dns.service",
        about: "Names, as Phoenix declares them",
        conf: "/etc/phoenix/dns/dns.conf",
        names: "/etc/phoenix/dns/names",
        listen: &config.listen,
        records: &config.records,
        upstream: &config.upstream,
    };
    let records = config.outside.as_ref().map(|outside| config.outside_records(outside));
    let outside = View {
        verbs: "-outside",
        unit: "phoenix-dns-outside.service",
        about: "Names, as those outside see them",
        conf: "/etc/phoenix/dns/outside.conf",
        names: "/etc/phoenix/dns/outside.names",
        listen: config.outside.as_ref().map_or(&[], |outside| &outside.listen),
        records: records.as_deref().unwrap_or_default(),
        upstream: &[],
    };
    let is_managed = config.manage_resolv_conf.unwrap_or(is_host);
    let wanted = is_managed.then(|| resolv_conf(config));
    let (runs, _) = inside.state(draft);
    let restored = restore(draft, config, wanted.as_deref().filter(|_| runs));
    // The distribution's `dnsmasq` would have a unit of its own, which takes port 53 everywhere.
    let packages = draft.packages(["dnsmasq-base"], [restored.clone()]);
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let asks = asker(draft, folder.clone());
    let ready = [packages, folder];
    let last = inside.draft(draft, config, &ready, asks.as_ref());
    match config.outside {
        Some(_) => drop(outside.draft(draft, config, &ready, asks.as_ref())),
        None => outside.remove(draft),
    }
    if let Some(wanted) = wanted {
        resolve(draft, wanted, restored, [last].into_iter().chain(ready));
    }
}

/// Has the site ask whom it asked before, if it asks a server of ours that does not run, or is not to be asked any more.
/// `good` is what may stay.
fn restore(draft: &mut Draft<'_>, config: &Config, good: Option<&str>) -> Option<StepId> {
    let found = draft.file(RESOLV)?.text.clone()?;
    if !found.starts_with(HEAD) || good.is_some() {
        return None;
    }
    let upstream = config.upstream.iter().filter(|server| !server.contains('#'));
    let upstream: String = upstream.map(|server| format!("nameserver {server}\n")).collect();
    let kept = draft.file(BEFORE).and_then(|kept| kept.text.clone());
    let text = kept.filter(|text| !text.is_empty()).unwrap_or(upstream);
    let reason = format!("`{RESOLV}` names a server that does not run or is not wanted");
    Some(write(draft, "restore-resolv-conf", text, reason, []))
}

/// Has the site ask its own server, once that answers; keeps what was there before.
fn resolve(
    draft: &mut Draft<'_>,
    wanted: String,
    restored: Option<StepId>,
    after: impl Iterator<Item = Option<StepId>>,
) {
    if restored.is_some() {
        // What is in its place now is not what will be there then.
        let after: Vec<Option<StepId>> = after.chain([restored]).collect();
        write(draft, "write-resolv-conf", wanted, "its server answers again".to_owned(), after);
        return;
    }
    let mut after: Vec<Option<StepId>> = after.collect();
    let is_foreign = draft
        .file(RESOLV)
        .is_some_and(|found| !found.text.as_ref().is_some_and(|text| text.starts_with(HEAD)));
    let there = Condition::new(Probe::file(draft.site(), BEFORE), Expect::Present);
    if is_foreign && !draft.holds(&there) {
        let keep = Command::new(["cp", "--", RESOLV, BEFORE], there, format!("`{BEFORE}` is missing"));
        after.push(draft.run("keep-resolv-conf", keep, after.clone()));
    }
    draft.write("write-resolv-conf", File::text(RESOLV, wanted), after);
}

fn write(
    draft: &mut Draft<'_>,
    verb: &str,
    text: String,
    reason: String,
    after: impl IntoIterator<Item = Option<StepId>>,
) -> StepId {
    let action = Action::WriteFile {
        site: draft.site().clone(),
        path: RESOLV.to_owned(),
        content: Content::Text(text),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        check: Vec::new(),
    };
    draft.add(verb, action, reason, after)
}

/// Returns the file: the server first, and behind it whom it asks itself, for the time in which it does not run.
fn resolv_conf(config: &Config) -> String {
    let mut text = HEAD.to_owned();
    let domain = config.domain.iter().map(|domain| domain.to_ascii_lowercase());
    let search: Vec<String> = config.search.clone().unwrap_or_else(|| domain.collect());
    if !search.is_empty() {
        text.push_str(&format!("search {}\n", search.join(" ")));
    }
    let upstream = config.upstream.iter().filter(|server| !server.contains('#'));
    for server in config.listen.iter().chain(upstream).take(RESOLVERS) {
        text.push_str(&format!("nameserver {server}\n"));
    }
    text.push_str("options timeout:2 attempts:2\n");
    text
}
