//! `step`, as far as it makes an authority and asks for its health, and `runuser` and `env`, which run others.

use serde_json::json;

use crate::sim::{
    programs::{self, Ran, Run, openssl},
    world::{Body, Entry},
};

/// What signs requests, and the root of whom.
const SIGN: &str = "/usr/local/lib/phoenix/sign-certificate";
const MAKE: &str = "/usr/local/lib/phoenix/make-authority";
const REVOKED: &str = "/etc/step-ca/db/revoked";
const ROOT: &str = "/etc/step-ca/certs/root_ca.crt";
/// Where it is installed.
const PATHS: [&str; 2] = ["/usr/local/bin/step", "/usr/local/lib/phoenix/step"];

/// Runs the command behind its options, as whoever it may be: in a simulated site all are alike.
pub(super) fn runuser(run: Run<'_>) -> Ran {
    match run.args.iter().position(|word| word == "--") {
        Some(at) => programs::run(run.world, &run.args[at + 1..], run.stdin),
        None => Ran::failed(1, "runuser: only `runuser -u USER -- COMMAND` is simulated"),
    }
}

/// Runs the command behind the variables. The one variable that a simulated program reads goes in front of its words.
pub(super) fn env(run: Run<'_>) -> Ran {
    let at = run.args.iter().position(|word| !word.contains('=')).unwrap_or(run.args.len());
    let (variables, command) = run.args.split_at(at);
    let mut words = command.to_vec();
    if let Some(at) = words.iter().position(|word| word.ends_with("/step") || word == "step") {
        let behind = at + 1;
        words.splice(behind..behind, variables.iter().filter(|word| word.starts_with("STEPPATH=")).cloned());
    }
    programs::run(run.world, &words, run.stdin)
}

pub(super) fn step(run: Run<'_>) -> Ran {
    if !PATHS.iter().any(|path| run.world.follow(path).is_some()) {
        return Ran::failed(127, "step: command not found");
    }
    let words = run.words();
    let (state, words) = match words.split_first() {
        Some((first, rest)) if first.starts_with("STEPPATH=") => (&first["STEPPATH=".len()..], rest),
        _ => ("/root/.step", &words[..]),
    };
    match words {
        ["ca", "health", ..] => Ran::said("ok\n"),
        ["ca", "init", ..] => {
            let host = run.world.hostname().to_owned();
            let mut write = |path: String, mode: u32, text: String| {
                let entry =
                    Entry { mode, owner: "step".into(), group: "step".into(), body: Body::Text(text) };
                run.world.place(&path, entry);
            };
            let given = |option: &str| {
                let pairs = words.windows(2).filter(move |pair| pair[0] == option);
                pairs.map(|pair| pair[1].to_owned()).collect::<Vec<_>>()
            };
            let settings = json!({
                "address": given("--address").first(),
                "dnsNames": given("--dns"),
                "authority": { "provisioners": [] },
            });
            write(format!("{state}/secrets/root_ca_key"), 0o600, format!("encrypted key of {host}\n"));
            write(format!("{state}/config/ca.json"), 0o600, format!("{settings:#}\n"));
            for name in ["root_ca", "intermediate_ca"] {
                let text =
                    format!("-----BEGIN CERTIFICATE-----\n{name} of {host}\n-----END CERTIFICATE-----\n");
                write(format!("{state}/certs/{name}.crt"), 0o600, text);
            }
            Ran::default()
        }
        _ => Ran::failed(1, "step: only `ca init` and `ca health` are simulated"),
    }
}

/// Runs the command that makes an authority, unless its settings are there, and puts the lifetime into them.
pub(super) fn make_authority(run: Run<'_>) -> Ran {
    let [path, lifetime, _, command @ ..] = run.args else {
        return Ran::failed(2, "make-authority: settings, a lifetime and a command are wanted");
    };
    if run.world.text(MAKE).is_none() {
        return Ran::failed(127, format!("{MAKE}: not found"));
    }
    if run.world.file(path).is_some() {
        return Ran::default();
    }
    let ran = programs::run(run.world, command, run.stdin);
    let Some(mut entry) = run.world.file(path).cloned().filter(|_| ran.status == 0) else { return ran };
    if let Body::Text(text) = &mut entry.body
        && let Ok(mut settings) = serde_json::from_str::<serde_json::Value>(text)
    {
        settings["authority"]["claims"] =
            json!({ "maxTLSCertDuration": lifetime, "defaultTLSCertDuration": lifetime });
        *text = format!("{settings:#}\n");
    }
    run.world.place(path, entry);
    ran
}

/// Signs a request at the authority of the same site, which must run.
pub(super) fn sign_certificate(run: Run<'_>) -> Ran {
    let words = run.words();
    let [lifetime] = words[..] else { return Ran::failed(2, "sign-certificate: one lifetime is wanted") };
    if run.world.text(SIGN).is_none() {
        return Ran::failed(127, format!("{SIGN}: not found"));
    }
    if !run.world.unit("step-ca.service").is_some_and(|unit| unit.active) {
        return Ran::failed(1, "client GET https://127.0.0.1/roots failed: connection refused");
    }
    let Some(root) = run.world.text(ROOT) else {
        return Ran::failed(1, format!("open {ROOT}: no such file"));
    };
    let request = String::from_utf8_lossy(run.stdin.unwrap_or_default());
    if !request.starts_with(openssl::REQUEST) {
        return Ran::failed(1, "error parsing stdin: file is not a certificate request");
    }
    let revoked = run.world.text(REVOKED).unwrap_or_default();
    Ran::said(openssl::make_certificate(&request, lifetime.trim_end_matches('h'), root, revoked))
}

/// Takes a certificate back, by its number.
pub(super) fn revoke_certificate(run: Run<'_>) -> Ran {
    let words = run.words();
    let [serial] = words[..] else { return Ran::failed(2, "revoke-certificate: one number is wanted") };
    let mut revoked = run.world.text(REVOKED).unwrap_or_default().to_owned();
    if revoked.lines().any(|line| line == serial) {
        return Ran::failed(1, format!("certificate with serial number '{serial}' is already revoked"));
    }
    revoked.push_str(&format!("{serial}\n"));
    run.world.write(REVOKED, revoked);
    Ran::said(format!("Certificate with Serial Number {serial} has been revoked.\n"))
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn an_authority_is_made_where_it_is_told() {
        let mut world = World::of_image("ubuntu-24.04");
        let line = "runuser -u step -- env STEPPATH=/etc/step-ca /usr/local/bin/step ca init --name x";
        assert_eq!(say(&mut world, line).status, 127);
        world.write("/usr/local/bin/step", "program");
        assert_eq!(say(&mut world, line).status, 0);
        assert!(world.text("/etc/step-ca/certs/root_ca.crt").is_some());
        assert_eq!(say(&mut world, "step ca health").stdout, "ok\n");
    }
}
