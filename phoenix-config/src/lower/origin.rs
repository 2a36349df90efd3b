//! The origin of a guest: exactly one of OS template, cloud image and clone.

use phoenix_core::{CloneMode, Diagnostic, GuestKind, Vmid, guest::Origin};

use super::Context;
use crate::{
    format::guest::CloneWord,
    format::{lxc::Lxc, vm::Vm},
    model::{CloneView, Entry, Guest},
};

/// Returns the origin, or reports why there is none.
pub(super) fn origin(context: &mut Context<'_>, guest: &Guest<'_>) -> Option<Origin> {
    let given = origins(guest);
    match given.as_slice() {
        [] => {
            let wanted = match guest.id.kind {
                GuestKind::Lxc => "`os_template` or `clone`",
                GuestKind::Vm => "`template_image` or `clone`",
            };
            context.findings.push(
                guest.spot.put(
                    Diagnostic::error(
                        "no-origin",
                        format!("`{}` does not say where it comes from", guest.name),
                    )
                    .with_hint(format!("add {wanted}")),
                ),
            );
            return None;
        }
        [_] => {}
        [first, second, ..] => {
            let finding = Diagnostic::error(
                "two-origins",
                format!("`{}` has both `{first}` and `{second}`", guest.name),
            )
            .with_hint(format!("remove `{first}` or `{second}`"));
            context.findings.push(guest.spot.at(second).put(finding));
        }
    }
    match (&guest.clone, guest.entry) {
        (Some(clone), _) => clone_origin(context, clone),
        (None, Entry::Lxc(lxc)) => os_template(context, guest, lxc),
        (None, Entry::Vm(vm)) => Some(cloud_image(context, vm)),
    }
}

fn origins(guest: &Guest<'_>) -> Vec<&'static str> {
    let given = match guest.entry {
        Entry::Lxc(lxc) => vec![
            ("clone", lxc.clone.is_some()),
            ("clone_from_ctid", lxc.clone_from_ctid.is_some()),
            ("os_template", lxc.os_template.is_some()),
            ("template", lxc.template.is_some()),
        ],
        Entry::Vm(vm) => vec![
            ("clone", vm.clone.is_some()),
            ("clone_from_vmid", vm.clone_from_vmid.is_some()),
            ("template_image", vm.template_image.is_some() || vm.image_url.is_some()),
        ],
    };
    given.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| key).collect()
}

fn clone_origin(context: &Context<'_>, clone: &CloneView) -> Option<Origin> {
    let source = Vmid::new(clone.source)?;
    // A template has no snapshots, so a name that the predecessor gave one means the template itself.
    let is_template = context.guest(source.0).is_some_and(|guest| guest.is_template);
    Some(Origin::Clone {
        source,
        mode: match clone.mode {
            CloneWord::Full => CloneMode::Full,
            CloneWord::Linked => CloneMode::Linked,
        },
        snapshot: clone.snapshot.clone().filter(|_| !is_template),
    })
}

fn os_template(context: &mut Context<'_>, guest: &Guest<'_>, lxc: &Lxc) -> Option<Origin> {
    let mut storage = lxc.os_template_storage.clone();
    let template = match (&lxc.os_template, &lxc.template) {
        (Some(template), _) => template.clone(),
        (None, Some(path)) => {
            let (found, template) = from_path(context, path);
            storage = storage.or(found);
            let finding =
                Diagnostic::warning("old-spelling", "`template` is the old spelling of `os_template`")
                    .with_hint(format!("write `\"os_template\": \"{template}\"`"));
            context.findings.push(guest.spot.at("template").put(finding));
            template
        }
        (None, None) => return None,
    };
    let storage = storage.unwrap_or_else(|| context.host.os_template_storage.clone());
    Some(Origin::OsTemplate { storage, template })
}

/// `/fastData/shared-iso/template/cache/NAME` lies on the storage of the dataset `fastData/shared-iso`.
fn from_path(context: &Context<'_>, path: &str) -> (Option<String>, String) {
    let template = path.rsplit('/').next().unwrap_or(path).to_owned();
    let storage = context.host.storages.iter().find(|storage| {
        let is_below = storage
            .path
            .as_deref()
            .is_some_and(|base| path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/')));
        is_below && storage.content.iter().any(|content| content == "vztmpl")
    });
    let storage = storage.map(|storage| storage.name.clone());
    (storage.or_else(|| path.starts_with("/var/lib/vz/").then(|| "local".to_owned())), template)
}

fn cloud_image(context: &Context<'_>, vm: &Vm) -> Origin {
    let release = context
        .model
        .hypervisor
        .vm_defaults
        .as_ref()
        .and_then(|defaults| defaults.ubuntu_release.clone())
        .unwrap_or_else(|| "noble".to_owned());
    let of_url = vm.image_url.as_deref().and_then(|url| url.rsplit('/').next()).map(str::to_owned);
    let filename = vm.template_image.clone().or(of_url).unwrap_or_default();
    let url = vm
        .image_url
        .clone()
        .unwrap_or_else(|| format!("https://cloud-images.ubuntu.com/{release}/current/{filename}"));
    Origin::CloudImage {
        storage: vm.image_storage.clone().unwrap_or_else(|| context.host.image_storage.clone()),
        url,
        filename,
        sha256: vm.image_sha256.as_ref().map(|sum| sum.to_lowercase()),
    }
}
