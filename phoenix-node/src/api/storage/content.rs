//! The calls on what lies on a storage: the list of volumes, and each volume.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{
        now,
        volname::{self, Named},
        volume::{Plugin, Volume, parse_size},
    },
    work::{StorageJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/storage/{storage}/content", Handler::Plain(list)),
    ("POST /nodes/{node}/storage/{storage}/content", Handler::Plain(allocate)),
    ("GET /nodes/{node}/storage/{storage}/content/{volume}", Handler::Plain(read)),
    ("PUT /nodes/{node}/storage/{storage}/content/{volume}", Handler::Plain(update)),
    ("POST /nodes/{node}/storage/{storage}/content/{volume}", Handler::Plain(copy)),
    ("DELETE /nodes/{node}/storage/{storage}/content/{volume}", Handler::Plain(delete)),
];

fn list(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let name = args.text("storage");
    let storage = call.state.enabled_storage(name, &call.node()).map_err(Refusal::failed)?;
    let is_wanted = |content: &str| args.get("content").is_none_or(|wanted| wanted == content);
    let vmid = args.get("vmid").map(|_| args.vmid("vmid"));
    let mut rows: Vec<Value> = Vec::new();
    for (volid, volume) in storage.volumes.iter().filter(|(_, volume)| is_wanted(&volume.content)) {
        let named = volname::read(storage, name_of(volid)).ok();
        let owner = named.and_then(|named| named.owner);
        if vmid.is_some() && vmid != owner {
            continue;
        }
        let mut row = row(volid, volume);
        if let Some(owner) = owner {
            row["vmid"] = owner.into();
        }
        match call.state.backups.get(volid) {
            Some(backup) => {
                row["subtype"] = backup.kind.api_name().into();
                if let Some(notes) = &backup.notes {
                    row["notes"] = notes.as_str().into();
                }
                if backup.is_protected {
                    row["protected"] = 1.into();
                }
            }
            None if owner.is_some() => disk(&mut row, volume),
            None => {}
        }
        rows.push(row);
    }
    for guest in call.state.guests.values().filter(|guest| vmid.is_none_or(|vmid| vmid == guest.vmid)) {
        for (volid, volume) in &guest.volumes {
            if volume.storage == name && is_wanted(&volume.content) {
                let mut row = row(volid, volume);
                row["vmid"] = guest.vmid.into();
                disk(&mut row, volume);
                rows.push(row);
            }
        }
    }
    Ok(Value::from(rows).into())
}

fn row(volid: &str, volume: &Volume) -> Value {
    json!({ "volid": volid, "content": volume.content, "format": volume.format, "size": volume.size, "ctime": volume.ctime })
}

fn disk(row: &mut Value, volume: &Volume) {
    row["used"] = volume.used.into();
    row["parent"] = volume.parent.as_deref().map_or(Value::Null, |parent| {
        // A file names its base by its path below the images, everything else by its volume.
        name_of(parent).into()
    });
}

fn name_of(volid: &str) -> &str {
    volid.split_once(':').map_or(volid, |(_, name)| name)
}

/// Returns the volid that a call means; the storage may stand in the path, in the volume, or in both.
fn meant(call: &Call<'_>) -> Result<(String, String), Refusal> {
    let (storage, volume) = (call.args.text("storage"), call.args.text("volume"));
    match volume.split_once(':') {
        Some((named, _)) if !storage.is_empty() && named != storage => {
            Err(Refusal::param("volume", format!("storage ID mismatch ({named} != {storage})\n")))
        }
        Some((named, _)) => Ok((named.to_owned(), volume.to_owned())),
        None if storage.is_empty() => Err(Refusal::param("volume", "no storage ID specified")),
        None => Ok((storage.to_owned(), format!("{storage}:{volume}"))),
    }
}

/// Reads the name of a volume on a storage that must be there.
fn named(call: &Call<'_>, storage: &str, volid: &str) -> Result<Named, Refusal> {
    let found = call.state.enabled_storage(storage, &call.node()).map_err(Refusal::failed)?;
    volname::read(found, name_of(volid)).map_err(Refusal::failed)
}

fn allocate(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (name, filename, vmid) = (args.text("storage"), args.text("filename"), args.vmid("vmid"));
    let storage = call.state.enabled_storage(name, &call.node()).map_err(Refusal::failed)?;
    let of_name = volname::format(filename);
    if let (Some(of_name), Some(given)) = (of_name, args.get("format"))
        && of_name != given
    {
        let text = format!("different storage formats ({given} != {of_name})");
        return Err(Refusal::param("format", text));
    }
    let format = args.get("format").or(of_name).unwrap_or(storage.formats()[0]).to_owned();
    if !storage.formats().contains(&format.as_str()) {
        return Err(Refusal::failed(format!("unsupported format '{format}'")));
    }
    let volume = match storage.kind() {
        Plugin::Files | Plugin::Btrfs => {
            let Some(ending) = of_name else {
                return Err(Refusal::failed(format!("unable to parse volume filename '{filename}'")));
            };
            if ending != format {
                return Err(Refusal::failed(format!(
                    "illegal name '{filename}' - wrong extension for format ('{ending} != '{format}')"
                )));
            }
            format!("{vmid}/{filename}")
        }
        Plugin::Zfs | Plugin::Thin | Plugin::Thick => {
            let word = if format == "subvol" { "subvol" } else { "vm" };
            if !filename.starts_with(&format!("{word}-{vmid}-")) {
                return Err(Refusal::failed(format!(
                    "illegal name '{filename}' - should be '{word}-{vmid}-*'"
                )));
            }
            filename.to_owned()
        }
    };
    let volid = format!("{name}:{volume}");
    let named = volname::read(storage, &volume).map_err(Refusal::failed)?;
    let is_thick = storage.kind() == Plugin::Thick;
    if call.state.volume(&volid).is_some() {
        return Err(Refusal::failed(format!("disk image '{}' already exists", named.path)));
    }
    // A number alone counts kilobytes.
    let size = parse_size(args.text("size"), 10).unwrap_or(0);
    let used = if is_thick { size } else { 0 };
    if used > call.state.free(name) {
        return Err(Refusal::failed(format!("out of space on storage '{name}': No space left on device")));
    }
    let owner = call.state.guests.get(&vmid).map(|guest| guest.kind);
    let content = match owner {
        Some(phoenix_core::GuestKind::Lxc) => "rootdir",
        Some(phoenix_core::GuestKind::Vm) | None => "images",
    };
    let volume = Volume {
        storage: name.to_owned(),
        content: content.to_owned(),
        format,
        size,
        used,
        ctime: now(),
        parent: None,
    };
    match owner.and_then(|kind| call.state.guest_mut(kind, vmid)) {
        Some(guest) => drop(guest.volumes.insert(volid.clone(), volume)),
        None => {
            if let Some(storage) = call.state.storages.get_mut(name) {
                storage.volumes.insert(volid.clone(), volume);
            }
            call.state.dirty.storages = true;
        }
    }
    Ok(Value::from(volid).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let (storage, volid) = meant(call)?;
    let named = named(call, &storage, &volid)?;
    let Some(found) = call.state.volume(&volid) else {
        return Err(Refusal::failed(format!("volume_size_info on '{volid}' failed - no format")));
    };
    // What is no image is bytes to the one who looks at it as an image.
    let format = if named.content == "images" { found.format.as_str() } else { "raw" };
    let mut data = json!({ "path": named.path, "format": format, "size": found.size, "used": found.used });
    if let Some(parent) = &found.parent {
        data["parent"] = name_of(parent).into();
    }
    if let Some(backup) = call.state.backups.get(&volid) {
        data["notes"] = backup.notes.as_deref().unwrap_or_default().into();
        data["protected"] = u8::from(backup.is_protected).into();
    }
    Ok(data.into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (storage, volid) = meant(call)?;
    let named = named(call, &storage, &volid)?;
    for (key, text) in
        [("notes", "only backups can have notes"), ("protected", "only backups can be protected")]
    {
        if args.get(key).is_some() && named.content != "backup" {
            return Err(Refusal::failed(text));
        }
    }
    if args.get("notes").is_none() && args.get("protected").is_none() {
        return Ok(Answer::null());
    }
    let Some(backup) = call.state.backups.get_mut(&volid) else {
        return Err(Refusal::failed(format!("file '{}' does not exist", named.path)));
    };
    if let Some(notes) = args.get("notes") {
        backup.notes = Some(notes.to_owned()).filter(|notes| !notes.is_empty());
    }
    if args.get("protected").is_some() {
        backup.is_protected = args.flag("protected");
    }
    Ok(Answer::null())
}

fn copy(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (storage, volid) = meant(call)?;
    named(call, &storage, &volid)?;
    let target = args.text("target");
    let target = match target.contains(':') {
        true => target.to_owned(),
        false => format!("{storage}:{target}"),
    };
    let (to, _) = target.split_once(':').unwrap_or_default();
    named(call, to, &target)?;
    if let Some(node) = args.get("target_node").filter(|node| !call.state.has_node(node)) {
        return Err(Refusal::failed(format!("no such cluster node '{node}'")));
    }
    call.task(Work::Storage(StorageJob::Copy { volid, target }))
}

fn delete(call: &mut Call<'_>) -> Reply {
    let (storage, volid) = meant(call)?;
    let named = named(call, &storage, &volid)?;
    let owner = named.owner.map_or_else(String::new, |vmid| vmid.to_string());
    call.task(Work::Storage(StorageJob::Delete { storage, volid, owner }))
}
