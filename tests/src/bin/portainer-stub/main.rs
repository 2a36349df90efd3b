//! A STUB of Portainer, for tests: it is no Portainer, and says so in its status. Written from Portainer's published API,
//! as far as Phoenix uses it; behind it the real Docker really runs the stacks. Words: `server` or `agent`, then the
//! options that Portainer has for these things, and `--listen`, `--announce` and `--no-docker` of its own.

mod agent;
mod api;
mod docker;
mod endpoints;
mod stacks;
mod store;
mod wire;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use docker::Engine;

/// What this calls itself wherever Portainer says its version.
const VERSION: &str = "2.33.2-stub";

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run(&words)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "portainer-stub: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[String]) -> Result<(), Failure> {
    let options = options(words.get(1..).unwrap_or_default());
    let path = |key: &str| options.get(key).map(PathBuf::from);
    let secret = env::var("AGENT_SECRET").unwrap_or_default();
    let engine = if options.contains_key("no-docker") { Engine::pretended() } else { Engine::Real };
    let pair = path("sslcert").zip(path("sslkey"));
    let tls = wire::acceptor(pair.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path())))?;
    let announce = path("announce");
    match words.first().map(String::as_str) {
        Some("server") => {
            let data = path("data").unwrap_or_else(|| "/data".into());
            let server = api::Server::open(&data, path("admin-password-file").as_deref(), engine, secret)?;
            let listen = options.get("listen").map_or("0.0.0.0:9443", String::as_str);
            let server = Arc::new(server);
            let answer = move |request| {
                let server = Arc::clone(&server);
                async move { server.answer(request).await }
            };
            wire::listen(listen, announce.as_deref(), tls, answer).await
        }
        Some("agent") => {
            // The agent of Portainer has the host's files below `/host`: Docker's programs are there.
            if Path::new("/host/usr/bin").is_dir() {
                rustix::process::chroot("/host")?;
                rustix::process::chdir("/")?;
            }
            let agent = Arc::new(agent::Agent { engine, secret });
            let listen = options.get("listen").map_or("0.0.0.0:9001", String::as_str);
            let answer = move |request| {
                let agent = Arc::clone(&agent);
                async move { agent.answer(request).await }
            };
            wire::listen(listen, announce.as_deref(), tls, answer).await
        }
        Some(other) => Err(format!("`{other}` is neither `server` nor `agent`").into()),
        None => Err("say `server` or `agent`".into()),
    }
}

/// Reads `--key=value`, `--key value` and `--key`.
fn options(words: &[String]) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches("--");
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            None => (word, words.next_if(|next| !next.starts_with("--")).cloned().unwrap_or_default()),
        };
        options.insert(key.to_owned(), value);
    }
    options
}
