//! The calls on a node's packages and certificates.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::host::digest,
    work::{HostJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/apt/versions", Handler::Plain(versions)),
    ("GET /nodes/{node}/apt/update", Handler::Plain(updates)),
    ("POST /nodes/{node}/apt/update", Handler::Plain(update)),
    ("GET /nodes/{node}/apt/changelog", Handler::Plain(changelog)),
    ("GET /nodes/{node}/apt/repositories", Handler::Plain(repositories)),
    ("POST /nodes/{node}/apt/repositories", Handler::Plain(switch_repository)),
    ("PUT /nodes/{node}/apt/repositories", Handler::Plain(add_repository)),
    ("GET /nodes/{node}/certificates/info", Handler::Plain(certificates)),
    ("POST /nodes/{node}/certificates/custom", Handler::Plain(set_certificate)),
    ("DELETE /nodes/{node}/certificates/custom", Handler::Plain(delete_certificate)),
];

/// Packages of a node: name, version, section, title.
const PACKAGES: &[(&str, &str, &str, &str)] = &[
    ("corosync", "3.1.9-pve2", "admin", "cluster engine daemon and utilities"),
    ("lxc-pve", "6.0.5-1", "admin", "Linux containers userspace tools"),
    ("lxcfs", "6.0.4-pve1", "admin", "LXC userspace filesystem"),
    ("proxmox-ve", "9.2.0", "admin", "Proxmox Virtual Environment"),
    ("pve-container", "6.1.0", "perl", "Proxmox VE Container management tool"),
    ("pve-manager", "9.2.11", "admin", "Proxmox Virtual Environment Management Tools"),
    ("pve-qemu-kvm", "10.1.2-1", "admin", "Full virtualization on x86 hardware"),
    ("qemu-server", "9.1.0", "admin", "Qemu Server Tools"),
];

/// The repositories of a node: handle, address, component, and whether it is used.
const REPOSITORIES: &[(&str, &str, &str, bool)] = &[
    ("debian", "http://deb.debian.org/debian", "main", true),
    ("no-subscription", "http://download.proxmox.com/debian/pve", "pve-no-subscription", true),
    ("enterprise", "https://enterprise.proxmox.com/debian/pve", "pve-enterprise", false),
];
const SOURCES: &str = "/etc/apt/sources.list.d/proxmox.sources";

fn versions(_call: &mut Call<'_>) -> Reply {
    let rows = PACKAGES.iter().map(|(name, version, section, title)| {
        json!({ "Package": name, "Version": version, "OldVersion": version, "Section": section, "Title": title,
            "Description": title, "Priority": "optional", "Arch": "amd64", "Origin": "Proxmox",
            "CurrentState": "Installed" })
    });
    Ok(rows.collect::<Value>().into())
}

fn updates(_call: &mut Call<'_>) -> Reply {
    Ok(json!([]).into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let node = call.node();
    call.task(Work::Host(HostJob::FetchPackageLists { node }))
}

fn changelog(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("name");
    let Some((name, version, ..)) = PACKAGES.iter().find(|(known, ..)| *known == name) else {
        return Err(Refusal::failed(format!("changelog for '{name}' not found")));
    };
    Ok(Value::from(format!("{name} ({version}) trixie; urgency=medium\n")).into())
}

fn repositories(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let rows: Vec<Value> = REPOSITORIES
        .iter()
        .map(|(handle, uri, component, is_used)| {
            let is_used = host.repositories.get(*handle).copied().unwrap_or(*is_used);
            json!({ "Types": ["deb"], "URIs": [uri], "Suites": ["trixie"], "Components": [component],
                "Enabled": u8::from(is_used), "FileType": "sources" })
        })
        .collect();
    let standard: Vec<Value> = REPOSITORIES
        .iter()
        .skip(1)
        .map(|(handle, _, component, is_used)| {
            let is_used = host.repositories.get(*handle).copied().unwrap_or(*is_used);
            json!({ "handle": handle, "name": component, "status": u8::from(is_used), "description": component })
        })
        .collect();
    let digest = repositories_digest(call);
    Ok(json!({ "digest": digest, "errors": [], "infos": [], "standard-repos": standard,
        "files": [{ "path": SOURCES, "file-type": "sources", "repositories": rows }] })
    .into())
}

fn repositories_digest(call: &Call<'_>) -> String {
    digest(&format!("{:?}", call.state.host_of(&call.node()).repositories))
}

fn check_repositories(call: &Call<'_>) -> Result<(), Refusal> {
    match call.args.get("digest") {
        Some(given) if given != repositories_digest(call) => {
            Err(Refusal::failed("detected modified configuration - file changed by other user? Try again."))
        }
        _ => Ok(()),
    }
}

fn switch_repository(call: &mut Call<'_>) -> Reply {
    check_repositories(call)?;
    let (path, index) = (call.args.text("path"), call.args.number("index").unwrap_or(u64::MAX));
    let found = usize::try_from(index).ok().and_then(|index| REPOSITORIES.get(index));
    let Some((handle, ..)) = found.filter(|_| path == SOURCES) else {
        return Err(Refusal::failed(format!("invalid path or index: {path} {index}")));
    };
    let (node, is_used) = (call.node(), call.args.get("enabled") != Some("0"));
    call.state.change_host(&node, |host| {
        host.repositories.insert((*handle).to_owned(), is_used);
    });
    Ok(Answer::null())
}

fn add_repository(call: &mut Call<'_>) -> Reply {
    check_repositories(call)?;
    let handle = call.args.text("handle").to_owned();
    if !REPOSITORIES.iter().any(|(known, ..)| *known == handle) {
        return Err(Refusal::failed(format!("unknown repository handle '{handle}'")));
    }
    let node = call.node();
    call.state.change_host(&node, |host| {
        host.repositories.insert(handle, true);
    });
    Ok(Answer::null())
}

fn certificates(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let row = |filename: &str, pem: &str| {
        // Only a node's own certificate carries its names.
        let names = if filename == "pve-root-ca.pem" { json!([]) } else { json!([call.node()]) };
        let sum: Vec<String> = crate::state::config::hex(&<sha2::Sha256 as sha2::Digest>::digest(format!(
            "{}{pem}",
            call.node()
        )))
        .to_uppercase()
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).into_owned())
        .collect();
        json!({ "filename": filename, "fingerprint": sum.join(":"), "issuer": "/CN=Proxmox Virtual Environment",
            "subject": format!("/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={}.test.local", call.node()),
            "notbefore": call.state.booted, "notafter": call.state.booted + 730 * 86_400,
            "public-key-type": "rsaEncryption", "public-key-bits": 2048, "san": names, "pem": pem })
    };
    let mut rows = vec![row("pve-root-ca.pem", ""), row("pve-ssl.pem", "")];
    if let Some(pem) = &host.certificate {
        rows.push(row("pveproxy-ssl.pem", pem));
    }
    Ok(Value::from(rows).into())
}

fn set_certificate(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    if call.state.host_of(&node).certificate.is_some() && !args.flag("force") {
        let text = "Custom certificate file exists but 'force' is not set.";
        return Err(Refusal::param("force", text));
    }
    let pem = args.text("certificates").to_owned();
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Refusal::param(
            "certificates",
            "value does not look like a valid PEM-encoded certificate",
        ));
    }
    call.state.change_host(&node, |host| host.certificate = Some(pem));
    let rows = certificates(call)?;
    Ok(rows)
}

fn delete_certificate(call: &mut Call<'_>) -> Reply {
    let node = call.node();
    call.state.change_host(&node, |host| host.certificate = None);
    Ok(Answer::null())
}
