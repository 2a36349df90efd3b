//! Programs around packages, certificates and keys.

use crate::sim::{
    gpu,
    programs::{Ran, Run},
    world::{Body, Entry},
};

pub(super) fn dpkg_query(run: Run<'_>) -> Ran {
    let names: Vec<&str> = run.words().into_iter().filter(|word| !word.starts_with('-')).collect();
    let format = run
        .words()
        .into_iter()
        .find_map(|word| word.strip_prefix("-f").or(word.strip_prefix("--showformat=")));
    let format = format.map_or("${Package} ${Version} ${Status}\\n", |format| format.trim_start_matches('='));
    let line = |name: &str, version: &str| {
        [
            ("${Package}", name),
            ("${binary:Package}", name),
            ("${Version}", version),
            ("${source:Upstream-Version}", gpu::upstream(version)),
            ("${Status}", "install ok installed"),
            ("${db:Status-Status}", "installed"),
            ("\\n", "\n"),
        ]
        .into_iter()
        .fold(format.to_owned(), |text, (field, value)| text.replace(field, value))
    };
    let mut said = Ran::default();
    if names.is_empty() {
        for (name, version) in run.world.packages() {
            said.stdout.push_str(&line(name, version));
        }
    }
    for name in names {
        match run.world.package(name) {
            Some(version) => said.stdout.push_str(&line(name, version)),
            None => {
                said.status = 1;
                said.stderr.push_str(&format!("dpkg-query: no packages found matching {name}\n"));
            }
        }
    }
    said
}

pub(super) fn update_ca_certificates(run: Run<'_>) -> Ran {
    const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
    if run.world.package("ca-certificates").is_none() {
        return Ran::failed(127, "update-ca-certificates: command not found");
    }
    let local: Vec<(String, String)> = run
        .world
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("/usr/local/share/ca-certificates/") && path.ends_with(".crt"))
        .filter_map(|(path, entry)| match &entry.body {
            Body::Text(text) => Some((path.to_owned(), text.clone())),
            Body::Opaque { sha256 } => Some((path.to_owned(), format!("# sha256 {sha256}\n"))),
            Body::Directory | Body::Tree | Body::Link(_) => None,
        })
        .collect();
    let mut bundle = String::from("# the bundle of the distribution\n");
    for (path, text) in &local {
        bundle.push_str(text);
        if !text.ends_with('\n') {
            bundle.push('\n');
        }
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".crt");
        let link = Entry::root(0o777, Body::Link(path.clone()));
        run.world.place(&format!("/etc/ssl/certs/{stem}.pem"), link);
    }
    run.world.write(BUNDLE, bundle);
    Ran::said(format!(
        "Updating certificates in /etc/ssl/certs...\n{} added, 0 removed; done.\n",
        local.len()
    ))
}

pub(super) fn ssh_keygen(run: Run<'_>) -> Ran {
    if run.words() != ["-A"] {
        return Ran::failed(1, "ssh-keygen: only -A is simulated");
    }
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let path = format!("/etc/ssh/ssh_host_{kind}_key");
        if run.world.file(&path).is_none() {
            let text = format!("host key of {} ({kind})\n", run.world.hostname());
            run.world.place(&path, Entry::root(0o600, Body::Text(text.clone())));
            run.world
                .place(&format!("{path}.pub"), Entry::root(0o644, Body::Text(format!("ssh-{kind} {text}"))));
        }
    }
    Ran::default()
}
