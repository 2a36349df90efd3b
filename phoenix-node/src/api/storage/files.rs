//! The calls that bring files onto a storage from elsewhere: the appliance index of OS templates, downloads from a URL,
//! and what a URL or a backup would bring.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    sim::catalog::APPLIANCES,
    state::volname,
    work::{StorageJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/storage/{storage}/download-url", Handler::Plain(download)),
    ("GET /nodes/{node}/storage/{storage}/file-restore/list", Handler::Plain(file_restore)),
    ("GET /nodes/{node}/storage/{storage}/file-restore/download", Handler::Plain(file_restore)),
    ("GET /nodes/{node}/storage/{storage}/import-metadata", Handler::Plain(import_metadata)),
    ("GET /nodes/{node}/query-url-metadata", Handler::Plain(url_metadata)),
    ("GET /nodes/{node}/aplinfo", Handler::Plain(appliances)),
    ("POST /nodes/{node}/aplinfo", Handler::Plain(fetch_appliance)),
];

/// Where the OS templates of the index come from.
const ARCHIVE: &str = "http://download.proxmox.com/images/system";

fn appliances(_call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = APPLIANCES
        .iter()
        .map(|(file, section, size, headline)| {
            let mut parts = file.splitn(3, '_');
            let (package, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let os = package.rsplit_once('-').map_or(package, |(os, _)| os);
            json!({ "template": file, "package": package, "version": version, "section": section, "os": os,
                "type": "lxc", "headline": headline, "architecture": "amd64", "source": "http://download.proxmox.com",
                "location": format!("{ARCHIVE}/{file}"), "infopage": "",
                "description": headline, "maintainer": "", "sha512sum": "", "md5sum": "", "size": size })
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn fetch_appliance(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (storage, template) = (args.text("storage").to_owned(), args.text("template").to_owned());
    let Some((_, _, size, _)) = APPLIANCES.iter().find(|(file, ..)| *file == template) else {
        return Err(Refusal::param("template", "no such template"));
    };
    let path = target(call, &storage, "vztmpl", &template)?;
    let volid = format!("{storage}:vztmpl/{template}");
    call.task(Work::Storage(StorageJob::Fetch {
        storage,
        volid,
        content: "vztmpl".to_owned(),
        size: *size,
        url: format!("{ARCHIVE}/{template}"),
        path,
        what: template,
        template: true,
        reachable: true,
    }))
}

fn download(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let storage = args.text("storage").to_owned();
    let (content, url) = (args.text("content").to_owned(), args.text("url").to_owned());
    let filename = plain_name(args.text("filename"));
    if args.get("checksum").is_some() != args.get("checksum-algorithm").is_some() {
        let (given, missing) = match args.get("checksum") {
            Some(_) => ("checksum", "checksum-algorithm"),
            None => ("checksum-algorithm", "checksum"),
        };
        return Err(Refusal::param(missing, format!("missing property - '{given}' requires this property")));
    }
    check_ending(&content, &filename)?;
    let path = target(call, &storage, &content, &filename)?;
    let volid = format!("{storage}:{content}/{filename}");
    if call.state.volume(&volid).is_some() {
        return Err(Refusal::failed(format!("refusing to override existing file '{path}'")));
    }
    let size = size_of(&content);
    let reachable = !is_out_of_reach(&url);
    let what = filename;
    call.task(Work::Storage(StorageJob::Fetch {
        storage,
        volid,
        content,
        size,
        url,
        path,
        what,
        template: false,
        reachable,
    }))
}

/// Returns how large a file of that kind is that nobody really fetches.
fn size_of(content: &str) -> u64 {
    match content {
        "iso" => 1200 << 20,
        "vztmpl" => 140 << 20,
        _ => 600 << 20,
    }
}

/// Refuses a file whose name has the wrong ending for its kind.
pub(super) fn check_ending(content: &str, filename: &str) -> Result<(), Refusal> {
    let endings: &[&str] = match content {
        "iso" => &[".iso", ".img"],
        "vztmpl" => &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"],
        _ => &[".qcow2", ".raw", ".vmdk", ".ova", ".img"],
    };
    let lower = filename.to_ascii_lowercase();
    match endings.iter().any(|ending| lower.len() > ending.len() && lower.ends_with(ending)) {
        true => Ok(()),
        false => Err(Refusal::param("filename", "wrong file extension")),
    }
}

/// Returns the name under which PVE keeps a file: without folders and without odd characters.
pub(super) fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name).trim_end_matches('\n');
    let keep = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' };
    last.chars().map(keep).collect()
}

/// Returns the path of a new file on a storage that takes files of that kind.
pub(super) fn target(
    call: &Call<'_>,
    storage: &str,
    content: &str,
    filename: &str,
) -> Result<String, Refusal> {
    let found = call.state.enabled_storage(storage, &call.node()).map_err(Refusal::failed)?;
    if !found.has_files() {
        return Err(Refusal::failed(format!("can't upload to storage type '{}'", found.plugin)));
    }
    if !found.content.contains(content) {
        return Err(Refusal::failed(format!(
            "storage '{storage}' is not configured for content-type '{content}'"
        )));
    }
    let root = found.option("path").unwrap_or("/var/lib/vz");
    Ok(format!("{root}/{}/{filename}", volname::folder(content).unwrap_or(content)))
}

/// Tells whether nothing can be fetched from a URL: the node itself serves no files, and addresses kept for
/// documentation belong to nobody.
pub(crate) fn is_out_of_reach(url: &str) -> bool {
    let host = host_of(url);
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_documentation(),
        Ok(IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".invalid"),
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.rsplit('@').next().unwrap_or(host)
}

fn url_metadata(call: &mut Call<'_>) -> Reply {
    let url = call.args.text("url");
    if is_out_of_reach(url) {
        let host = host_of(url);
        return Err(Refusal::failed(format!(
            "invalid server response: '500 Can't connect to {host} (Connection refused)'"
        )));
    }
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let filename = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let content = match filename.rsplit('.').next() {
        Some("iso" | "img") => "iso",
        Some("gz" | "xz" | "zst") => "vztmpl",
        _ => "import",
    };
    Ok(json!({ "filename": filename, "size": size_of(content), "mimetype": "application/octet-stream" })
        .into())
}

fn file_restore(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("storage");
    let storage = call.state.enabled_storage(name, &call.node()).map_err(Refusal::failed)?;
    if storage.plugin != "pbs" {
        return Err(Refusal::param("storage", "Only PBS storages supported for file-restore."));
    }
    let volume = call.args.text("volume");
    Err(Refusal::failed(format!("no such snapshot '{volume}'")))
}

fn import_metadata(call: &mut Call<'_>) -> Reply {
    let (name, volume) = (call.args.text("storage"), call.args.text("volume"));
    call.state.enabled_storage(name, &call.node()).map_err(Refusal::failed)?;
    let volid = if volume.contains(':') { volume.to_owned() } else { format!("{name}:{volume}") };
    let Some(found) = call.state.volume(&volid).filter(|found| found.content == "import") else {
        return Err(Refusal::failed(format!("volume '{volid}' does not exist")));
    };
    Err(Refusal::failed(format!("importing '{}' images is not supported here", found.format)))
}
