//! `openssl`, without a single number of cryptography: a key is a text, its public half the hash of that, and a certificate
//! says in words what it is for, how long, and who vouches for it.

use sha2::{Digest, Sha256};

use crate::{
    sim::{
        programs::{Ran, Run},
        world::{Body, Entry, World},
    },
    state::config::hex,
};

const KEY: &str = "-----BEGIN PRIVATE KEY-----";
pub(super) const REQUEST: &str = "-----BEGIN CERTIFICATE REQUEST-----";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

pub(super) fn openssl(run: Run<'_>) -> Ran {
    if run.world.package("openssl").is_none() && run.world.package("ca-certificates").is_none() {
        return Ran::failed(127, "openssl: command not found");
    }
    let words = run.words();
    let given = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).copied()
    };
    match words[..] {
        // Not a random one: what is simulated is the same on every run.
        ["rand", "-hex", "-out", path, _] => {
            run.world.place(path, Entry::root(0o644, Body::Opaque { sha256: "00".repeat(32) }));
            Ran::default()
        }
        ["genpkey", ..] => match given("-out") {
            Some(path) => make_key(run.world, path),
            None => Ran::failed(1, "genpkey: only `-out FILE` is simulated"),
        },
        ["pkey", ..] => match given("-in").and_then(|path| public(run.world, path)) {
            Some(key) if words.contains(&"-pubout") => Ran::said(framed(&key)),
            Some(_) => Ran::default(),
            None => Ran::failed(1, "Could not find private key"),
        },
        ["req", "-new", ..] => match given("-key").and_then(|path| public(run.world, path)) {
            Some(key) => {
                let names = given("-addext").unwrap_or_default();
                let end = REQUEST.replace("BEGIN", "END");
                Ran::said(format!("{REQUEST}\nkey {key}\n{names}\n{end}\n"))
            }
            None => Ran::failed(1, "Could not find private key"),
        },
        ["x509", "-noout", ..] => match given("-in").and_then(|path| certificate(run.world, path)) {
            Some(text) => show(&text, given("-checkend")),
            None => Ran::failed(1, "Could not find certificate"),
        },
        ["verify", ..] => verify(run.world, given("-CAfile"), words.last().copied().unwrap_or_default()),
        _ => Ran::failed(1, "openssl: this command is not simulated"),
    }
}

/// Returns the line by which a certificate names who vouches for it.
pub(super) fn voucher(root: &str) -> String {
    format!("by {}", hash(root.trim()))
}

/// Returns a certificate, with a serial number that was not taken back.
pub(super) fn make_certificate(request: &str, hours: &str, root: &str, revoked: &str) -> String {
    let asked: Vec<&str> = request.lines().filter(|line| !line.starts_with("-----")).collect();
    let asked = asked.join("\n");
    let (by, end) = (voucher(root), CERTIFICATE.replace("BEGIN", "END"));
    let serials = (0..).map(|count| hash(&format!("{asked}{by}{hours}{count}"))[..12].to_owned());
    let is_good = |serial: &String| {
        let decimal = u64::from_str_radix(serial, 16).unwrap_or_default().to_string();
        revoked.lines().all(|line| line != decimal)
    };
    let serial = serials.into_iter().find(is_good).unwrap_or_default();
    format!("{CERTIFICATE}\nserial {serial}\n{asked}\nhours {hours}\n{by}\n{end}\n")
}

fn make_key(world: &mut World, path: &str) -> Ran {
    // The same on every run, as all that is simulated.
    let seed = hash(&format!("{} {path}", world.hostname()));
    let text = format!("{KEY}\n{seed}\n{}\n", KEY.replace("BEGIN", "END"));
    let entry = match world.file(path) {
        Some(entry) => Entry { body: Body::Text(text), ..entry.clone() },
        None => Entry::root(0o600, Body::Text(text)),
    };
    world.place(path, entry);
    world.touch(path);
    Ran::default()
}

/// Returns the public half of a key.
fn public(world: &World, path: &str) -> Option<String> {
    world.text(path).filter(|text| text.starts_with(KEY)).map(hash)
}

fn framed(key: &str) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")
}

fn certificate(world: &World, path: &str) -> Option<String> {
    world.text(path).filter(|text| text.starts_with(CERTIFICATE)).map(str::to_owned)
}

fn show(text: &str, seconds: Option<&str>) -> Ran {
    let line = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let hours: u64 = line("hours ").parse().unwrap_or_default();
    if let Some(seconds) = seconds.and_then(|seconds| seconds.parse::<u64>().ok()) {
        return match seconds < hours * 3600 {
            true => Ran::said("Certificate will not expire\n"),
            false => Ran { stdout: "Certificate will expire\n".to_owned(), ..Ran::failed(1, "") },
        };
    }
    let names = line("subjectAltName=").replace("IP:", "IP Address:").replace(',', ", ");
    Ran::said(format!(
        "serial={}\nnotAfter={hours} hours after now\n{}X509v3 Subject Alternative Name: \n    {names}\n",
        line("serial ").to_uppercase(),
        framed(&line("key ")),
    ))
}

/// Verifies as far as it can be told without keys: a bundle vouches for what it holds, and for what names it.
fn verify(world: &World, bundle: Option<&str>, path: &str) -> Ran {
    let Some(bundle) = bundle else {
        return Ran::failed(1, "openssl: only `verify -CAfile BUNDLE FILE` is simulated");
    };
    let text = |path: &str| match world.follow(path).map(|entry| &entry.body) {
        Some(Body::Text(text)) => Some(text.clone()),
        Some(Body::Opaque { sha256 }) => Some(format!("# sha256 {sha256}\n")),
        _ => None,
    };
    match (text(bundle), text(path)) {
        (Some(bundle), Some(own))
            if bundle.contains(own.trim()) || own.lines().any(|line| line == voucher(&bundle)) =>
        {
            Ran::said(format!("{path}: OK\n"))
        }
        _ => Ran::failed(2, format!("error {path}: verification failed")),
    }
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}
