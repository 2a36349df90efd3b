//! The calls on storages, and on the appliance index of OS templates.

use phoenix_core::GuestKind;
use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    sim::catalog::APPLIANCES,
    state::volume::Volume,
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /storage", Handler::Plain(definitions)),
    ("GET /nodes/{node}/storage", Handler::Plain(list)),
    ("GET /nodes/{node}/storage/{storage}/status", Handler::Plain(status)),
    ("GET /nodes/{node}/storage/{storage}/content", Handler::Plain(content)),
    ("GET /nodes/{node}/storage/{storage}/content/{volume}", Handler::Plain(volume)),
    ("DELETE /nodes/{node}/storage/{storage}/content/{volume}", Handler::Plain(delete)),
    ("POST /nodes/{node}/storage/{storage}/download-url", Handler::Plain(download)),
    ("GET /nodes/{node}/aplinfo", Handler::Plain(appliances)),
    ("POST /nodes/{node}/aplinfo", Handler::Plain(fetch_appliance)),
];

pub(crate) fn definitions(call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = call
        .state
        .storages
        .iter()
        .map(|(name, storage)| {
            json!({ "storage": name, "type": storage.plugin, "content": storage.content_list(), "shared": 0 })
        })
        .collect();
    Ok(Value::from(rows).into())
}

pub(crate) fn list(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let contents = args.list("content");
    let names: Vec<String> = call
        .state
        .storages
        .iter()
        .filter(|(name, _)| args.get("storage").is_none_or(|wanted| wanted == name.as_str()))
        .filter(|(_, storage)| {
            contents.is_empty() || contents.iter().any(|word| storage.content.contains(word))
        })
        .map(|(name, _)| name.clone())
        .collect();
    let rows: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let mut row = state_of(call, &name);
            row["storage"] = name.into();
            row
        })
        .collect();
    Ok(Value::from(rows).into())
}

pub(crate) fn status(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let name = args.text("storage");
    if !call.state.storages.contains_key(name) {
        return Err(Refusal::param("storage", "No such storage."));
    }
    Ok(state_of(call, name).into())
}

fn state_of(call: &mut Call<'_>, name: &str) -> Value {
    let used = call.state.used(name);
    let storage = &call.state.storages[name];
    // A share for people to read; its last digits do not matter.
    #[allow(clippy::cast_precision_loss)]
    let fraction = if storage.total == 0 { 0.0 } else { used as f64 / storage.total as f64 };
    json!({
        "type": storage.plugin,
        "content": storage.content_list(),
        "active": 1,
        "enabled": 1,
        "shared": 0,
        "total": storage.total,
        "used": used,
        "avail": storage.total.saturating_sub(used),
        "used_fraction": fraction,
    })
}

pub(crate) fn content(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let name = args.text("storage");
    let storage = call
        .state
        .storages
        .get(name)
        .ok_or_else(|| Refusal::failed(format!("storage '{name}' does not exist")))?;
    let is_wanted = |content: &str| args.get("content").is_none_or(|wanted| wanted == content);
    let vmid = args.get("vmid").map(|_| args.vmid("vmid"));
    let mut rows: Vec<Value> = Vec::new();
    for (volid, volume) in storage.volumes.iter().filter(|(_, volume)| is_wanted(&volume.content)) {
        if vmid.is_none() {
            rows.push(row(volid, volume));
        }
    }
    for guest in call.state.guests.values().filter(|guest| vmid.is_none_or(|vmid| vmid == guest.vmid)) {
        for (volid, volume) in &guest.volumes {
            if volume.storage == name && is_wanted(&volume.content) {
                let mut row = row(volid, volume);
                row["vmid"] = guest.vmid.into();
                row["used"] = volume.used.into();
                row["parent"] = volume.parent.as_deref().map_or(Value::Null, Value::from);
                rows.push(row);
            }
        }
    }
    Ok(Value::from(rows).into())
}

fn row(volid: &str, volume: &Volume) -> Value {
    json!({ "volid": volid, "content": volume.content, "format": volume.format, "size": volume.size, "ctime": volume.ctime })
}

pub(crate) fn volume(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (name, volume) = (args.text("storage"), args.text("volume"));
    let volid = full_id(name, volume);
    let found = call.state.storages.get(name).and_then(|storage| storage.volumes.get(&volid));
    let found = found.or_else(|| call.state.guests.values().find_map(|guest| guest.volumes.get(&volid)));
    let found = found.ok_or_else(|| Refusal::failed(format!("volume '{volid}' does not exist")))?;
    Ok(json!({ "path": format!("/var/lib/{}", volid.replace(':', "/")), "format": found.format, "size": found.size,
        "used": found.used })
    .into())
}

pub(crate) fn delete(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (name, volume) = (args.text("storage"), args.text("volume"));
    if !call.state.storages.contains_key(name) {
        return Err(Refusal::failed(format!("storage '{name}' does not exist")));
    }
    let volid = full_id(name, volume);
    let owner = call.state.guests.values().find(|guest| guest.volumes.contains_key(&volid));
    if let Some(guest) = owner.filter(|guest| guest.disks().iter().any(|(_, disk)| *disk == volid)) {
        let noun = if guest.kind == GuestKind::Lxc { "Container" } else { "VM" };
        return Err(Refusal::failed(format!(
            "Cannot remove image, a guest with VMID '{}' exists! ({noun})\nYou can delete the image from the guest's hardware pane",
            guest.vmid
        )));
    }
    let owner = owner.map_or_else(String::new, |guest| guest.vmid.to_string());
    call.task(Work::DeleteVolume { storage: name.to_owned(), volid, owner })
}

fn full_id(storage: &str, volume: &str) -> String {
    if volume.contains(':') { volume.to_owned() } else { format!("{storage}:{volume}") }
}

pub(crate) fn appliances(_call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = APPLIANCES
        .iter()
        .map(|(file, section, size, headline)| {
            let mut parts = file.splitn(3, '_');
            let (package, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let os = package.rsplit_once('-').map_or(package, |(os, _)| os);
            json!({ "template": file, "package": package, "version": version, "section": section, "os": os,
                "type": "lxc", "headline": headline, "architecture": "amd64", "source": "http://download.proxmox.com",
                "location": format!("http://download.proxmox.com/images/system/{file}"), "infopage": "",
                "description": headline, "maintainer": "", "sha512sum": "", "md5sum": "", "size": size })
        })
        .collect();
    Ok(Value::from(rows).into())
}

pub(crate) fn fetch_appliance(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (storage, template) = (args.text("storage").to_owned(), args.text("template").to_owned());
    let Some((_, _, size, _)) = APPLIANCES.iter().find(|(file, ..)| *file == template) else {
        return Err(Refusal::param("template", "no such template"));
    };
    check_content(call, &storage, "vztmpl")?;
    let volid = format!("{storage}:vztmpl/{template}");
    call.task(Work::Fetch {
        storage,
        volid,
        content: "vztmpl".to_owned(),
        size: *size,
        what: template,
        template: true,
    })
}

pub(crate) fn download(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let storage = args.text("storage");
    let (content, filename) = (args.text("content").to_owned(), args.text("filename").to_owned());
    let (endings, size): (&[&str], u64) = match content.as_str() {
        "iso" => (&[".iso", ".img"], 1200 << 20),
        "vztmpl" => (&[".tar.gz", ".tar.xz", ".tar.zst"], 140 << 20),
        _ => (&[".qcow2", ".raw", ".vmdk", ".ova", ".img"], 600 << 20),
    };
    if !endings.iter().any(|ending| filename.ends_with(ending)) {
        return Err(Refusal::param("filename", "wrong file extension"));
    }
    check_content(call, storage, &content)?;
    let volid = format!("{storage}:{content}/{filename}");
    if call.state.storages[storage].volumes.contains_key(&volid) {
        return Err(Refusal::failed(format!("refusing to override existing file '{filename}'")));
    }
    let storage = storage.to_owned();
    call.task(Work::Fetch { storage, volid, content, size, what: filename, template: false })
}

fn check_content(call: &Call<'_>, storage: &str, content: &str) -> Result<(), Refusal> {
    let Some(found) = call.state.storages.get(storage) else {
        return Err(Refusal::failed(format!("storage '{storage}' does not exist")));
    };
    if !found.content.contains(content) {
        return Err(Refusal::failed(format!(
            "storage '{storage}' is not configured for content-type '{content}'"
        )));
    }
    Ok(())
}
