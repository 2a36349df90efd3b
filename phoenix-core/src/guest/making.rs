//! Making: the steps that bring a guest into being, from an OS template, an image or another guest.

use std::collections::BTreeMap;

use super::{CloneMode, GuestSpec, Origin, disk, machine::Machine, stock, wish::Drift};
use crate::{
    action::Action,
    diagnostic::{Diagnostic, Diagnostics},
    evidence::Evidence,
    facts::Facts,
    id::{GuestId, Vmid},
    layer::LayerId,
    marker::Marker,
    plan::{Change, Phase, Step},
    probe::Probe,
};

/// Returns the steps that create a guest which is not there, up to its complete configuration. With `is_begun`, the
/// task that makes it runs already.
pub fn steps<M: Machine>(
    guest: GuestId,
    want: &M,
    facts: &Facts,
    is_begun: bool,
) -> Result<Vec<Step>, Diagnostics> {
    let spec = want.guest();
    let mut steps = Vec::new();
    if !is_begun {
        check_storages(guest, want, facts)?;
    }
    match &spec.origin {
        Origin::Clone { source, mode, snapshot } => {
            let source = GuestId { vmid: *source, ..guest };
            let parent = parent_spec::<M>(want)?;
            if !is_begun {
                check_source(guest, source, *mode, parent.as_ref(), facts)?;
                steps.push(clone(guest, source, want, *mode, snapshot.as_deref(), facts));
            }
            let have = inherited(want, source, parent.as_ref(), facts);
            configure_clone(guest, want, &have, &mut steps)?;
        }
        Origin::OsTemplate { .. } | Origin::CloudImage { .. } => {
            if !is_begun {
                let fetch = stock::step(spec, facts);
                let mut create = create(guest, want)?;
                if let Some(fetch) = fetch {
                    create = create.after(&fetch.id);
                    steps.push(fetch);
                }
                steps.push(create);
            }
            steps.extend(raw_keys(guest, want, ""));
            if matches!(spec.origin, Origin::CloudImage { .. }) {
                steps.push(disk::resize(guest, M::ROOT, spec.disk_gib, None));
            }
        }
    }
    Ok(steps)
}

/// Returns the step that sets the raw lines, if they differ from those of the configuration's `lxc`.
pub fn raw_keys<M: Machine>(guest: GuestId, want: &M, have: &str) -> Option<Step> {
    let wanted = want.raw_keys()?;
    let mut found: Vec<(String, String)> = have
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    found.sort();
    found.dedup();
    if wanted.iter().eq(&found) {
        return None;
    }
    let print = |(key, value): &(String, String)| format!("{key}: {value}");
    let gone = found.iter().filter(|line| !wanted.contains(*line));
    let new = wanted.iter().filter(|line| !found.contains(line));
    let changes = gone
        .map(|line| Change::new(line.0.clone(), Some(print(line)), None))
        .chain(new.map(|line| Change::new(line.0.clone(), None, Some(print(line)))));
    let lines = wanted.iter().cloned().collect();
    let action = Action::SetRawKeys { guest, lines };
    let reason = "its raw `lxc.*` lines differ";
    Some(
        Step::new(&guest.resource(), "guest", "raw-keys", Phase::Configure, action, reason)
            .with_changes(changes),
    )
}

fn parent_spec<M: Machine>(want: &M) -> Result<Option<M>, Diagnostics> {
    let Some(value) = &want.place().parent_spec else { return Ok(None) };
    M::deserialize(value.as_ref()).map(Some).map_err(|error| {
        Diagnostic::error(
            "clone-source",
            format!("the source of `{}` is no guest of its kind: {error}", want.id()),
        )
        .with_hint("a container is cloned from a container, a virtual machine from a virtual machine")
        .into()
    })
}

fn check_source<M: Machine>(
    guest: GuestId,
    source: GuestId,
    mode: CloneMode,
    parent: Option<&M>,
    facts: &Facts,
) -> Result<(), Diagnostic> {
    let row = facts.row(source.vmid).filter(|row| row.guest == source);
    if parent.is_none() && row.is_none() {
        return Err(Diagnostic::error(
            "clone-source",
            format!("`{guest}` is to be cloned from `{source}`, which is neither on the host nor configured"),
        )
        .with_hint(format!("add `{source}` to the configuration, or name another source")));
    }
    if parent.is_some_and(Machine::has_bind_mounts) {
        return Err(Diagnostic::error(
            "clone-source",
            format!("`{guest}` cannot be cloned from `{source}`: a directory of the host is mounted there"),
        )
        .with_hint(format!("mount it in `{guest}` instead")));
    }
    let is_template =
        parent.is_some_and(|parent| parent.guest().template) || row.is_some_and(|row| row.template);
    if mode == CloneMode::Linked && !is_template {
        return Err(Diagnostic::error(
            "clone-source",
            format!("`{guest}` cannot be a linked clone of `{source}`, which is no template"),
        )
        .with_hint(format!("make `{source}` a template, or ask for a full clone")));
    }
    Ok(())
}

fn check_storages<M: Machine>(guest: GuestId, want: &M, facts: &Facts) -> Result<(), Diagnostics> {
    // A linked clone lives where its base does.
    if matches!(want.guest().origin, Origin::Clone { mode: CloneMode::Linked, .. }) {
        return Ok(());
    }
    let Some(Evidence::Storages { rows }) = facts.get(&Probe::Storages { node: want.guest().node.clone() })
    else {
        return Ok(());
    };
    let mut findings = Diagnostics::new();
    for (name, content) in want.storages() {
        match rows.get(name) {
            None => findings.push(
                Diagnostic::error(
                    "unknown-storage",
                    format!("`{guest}` needs the storage `{name}`, which is not there"),
                )
                .with_hint(format!(
                    "the host has {}",
                    rows.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )),
            ),
            Some(row) if !row.content.contains(content) => findings.push(
                Diagnostic::error(
                    "storage-content",
                    format!(
                        "`{guest}` needs the storage `{name}` for `{content}`, which it is not set up for"
                    ),
                )
                .with_hint(format!("`pvesm set {name} --content …,{content}` on the node allows it")),
            ),
            Some(_) => {}
        }
    }
    findings.into_result(())
}

fn create<M: Machine>(guest: GuestId, want: &M) -> Result<Step, Diagnostics> {
    let spec = want.guest();
    let nothing = BTreeMap::new();
    let mut drift = Drift::between(M::GUEST, &want.wishes(&nothing), &nothing);
    let marker = Marker::new(spec.vmid, None);
    drift.set.insert("description".to_owned(), marker.describe(&spec.description));
    let Some(action) = want.creation(drift.set) else {
        return Err(Diagnostic::error(
            "origin",
            format!("a {} cannot be made from {}", M::GUEST.noun(), describe(&spec.origin)),
        )
        .with_hint("a container is made from an OS template, a virtual machine from a cloud image")
        .into());
    };
    let reason = format!("it is not there; it is made from {}", describe(&spec.origin));
    let mut changes = Vec::new();
    if let Action::CreateLxc { params, .. } | Action::CreateVm { params, .. } = &action {
        let told = params.iter().filter(|(key, _)| *key != "description");
        changes.extend(told.map(|(key, value)| Change::new(key.clone(), None, Some(value.clone()))));
    }
    Ok(Step::new(&guest.resource(), "guest", "create", Phase::Create, action, reason).with_changes(changes))
}

fn describe(origin: &Origin) -> String {
    match origin {
        Origin::OsTemplate { template, .. } => format!("the OS template `{template}`"),
        Origin::CloudImage { filename, .. } => format!("the image `{filename}`"),
        Origin::Clone { source, .. } => format!("guest {source}"),
    }
}

fn clone<M: Machine>(
    guest: GuestId,
    source: GuestId,
    want: &M,
    mode: CloneMode,
    snapshot: Option<&str>,
    facts: &Facts,
) -> Step {
    let spec: &GuestSpec = want.guest();
    let marker = Marker::new(spec.vmid, base(guest, want, facts));
    let action = Action::Clone {
        source,
        target: guest.vmid,
        name: spec.name.clone(),
        description: marker.describe(&spec.description),
        mode,
        storage: (mode == CloneMode::Full).then(|| spec.storage.clone()),
        snapshot: snapshot.map(str::to_owned),
    };
    let manner = match mode {
        CloneMode::Full => "cloned",
        CloneMode::Linked => "cloned, linked,",
    };
    let reason = format!("it is not there; it is {manner} from `{source}`");
    Step::new(&guest.resource(), "guest", "clone", Phase::Create, action, reason)
}

/// Returns the layer that a guest which is to be made will stand on. What is there is what is cloned: a source that
/// stands on an older layer gives that one, whatever it should be.
pub fn base<M: Machine>(guest: GuestId, want: &M, facts: &Facts) -> Option<LayerId> {
    let stands = |source: Vmid| {
        // One that is no template is first brought to what it should be.
        facts.row(source).filter(|row| row.template)?;
        let config = facts.config(GuestId { vmid: source, ..guest })?;
        Marker::parse(config.values.get("description").map_or("", String::as_str)).1?.layer
    };
    source(&want.guest().origin).and_then(stands).or_else(|| want.place().base.clone())
}

/// Returns the configuration that a fresh clone has: the source's, as it will be once the source is as specified.
fn inherited<M: Machine>(
    want: &M,
    source: GuestId,
    parent: Option<&M>,
    facts: &Facts,
) -> BTreeMap<String, String> {
    let mut values = facts.config(source).map(|config| config.values.clone()).unwrap_or_default();
    if let Some(parent) = parent {
        Drift::between(M::GUEST, &parent.wishes(&values), &values).apply(&mut values);
        let gib = parent.guest().disk_gib;
        let is_smaller = values
            .get(M::ROOT)
            .and_then(|root| disk::bytes(M::GUEST, M::ROOT, root))
            .is_none_or(|now| now < gib << 30);
        if is_smaller {
            values.insert(M::ROOT.to_owned(), format!("{}:root,size={gib}G", parent.guest().storage));
        }
        if let Some(raw) = parent.raw_keys() {
            let lines: Vec<_> = raw.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            values.insert("lxc".to_owned(), lines.join("\n"));
        }
    }
    for key in ["description", "lock", "template", "parent", "digest", "protection"] {
        values.remove(key);
    }
    values.insert(M::NAME_KEY.to_owned(), want.guest().name.clone());
    for (key, value) in &mut values {
        if key.strip_prefix("net").is_some_and(|number| number.parse::<u8>().is_ok()) {
            // A clone gets addresses of its own; the source's must not come back with a rewrite.
            *value = without_address::<M>(key, value);
        }
    }
    values
}

fn without_address<M: Machine>(key: &str, value: &str) -> String {
    let mut card = super::form::of(M::GUEST, key).parse(value);
    card.take("hwaddr");
    card.take("macaddr");
    card.to_string()
}

fn configure_clone<M: Machine>(
    guest: GuestId,
    want: &M,
    have: &BTreeMap<String, String>,
    steps: &mut Vec<Step>,
) -> Result<(), Diagnostics> {
    let drift = Drift::between(M::GUEST, &want.wishes(have), have);
    if !drift.is_empty() {
        let reason = format!("{} from the source", drift.sentence());
        let action = drift.configure(guest, None);
        steps.push(
            Step::new(&guest.resource(), "guest", "configure", Phase::Configure, action, reason)
                .with_changes(drift.changes),
        );
    }
    steps.extend(raw_keys(guest, want, have.get("lxc").map_or("", String::as_str)));
    disk::grow(guest, &want.disks(have), have, steps)
}

/// Returns the vmid of the source of a clone.
pub fn source(origin: &Origin) -> Option<Vmid> {
    match origin {
        Origin::Clone { source, .. } => Some(*source),
        Origin::OsTemplate { .. } | Origin::CloudImage { .. } => None,
    }
}
