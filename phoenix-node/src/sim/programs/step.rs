//! `step`, as far as it makes an authority and asks for its health, and `runuser` and `env`, which run others.

use serde_json::json;

use crate::sim::{
    programs::{self, Ran, Run},
    world::{Body, Entry},
};

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
    if words.first().is_some_and(|program| program.ends_with("/step") || program == "step") {
        words.splice(1..1, variables.iter().filter(|word| word.starts_with("STEPPATH=")).cloned());
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
            let settings = json!({ "address": given("--address").first(), "dnsNames": given("--dns") });
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
