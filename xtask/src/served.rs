//! A node served by a process of its own, in the state in which the records of a real Proxmox VE begin.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::command::{cargo, output, without_settings, words};

/// Who clients go in as.
pub(crate) const USER: &str = "root@pam";
/// The password of [`USER`] on a node in that state.
const PASSWORD: &str = "secret123";

/// A served node. The process ends with this.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) password: String,
    /// A token of [`USER`], as `user@realm!name=secret`.
    pub(crate) token: String,
    /// The file of the certificate that the node shows.
    pub(crate) certificate: PathBuf,
    /// The command line that begins the node afresh while it is served.
    pub(crate) reset: String,
    _process: Process,
}

impl Served {
    /// Builds Phoenix and serves a node whose files are in `scratch`, `speed` times as fast as a real host.
    pub(crate) fn start(root: &Path, scratch: &Path, speed: &str) -> Result<Self, String> {
        let program = phoenix(root)?;
        let folder = scratch.join("node");
        let nowhere = scratch.join("no-configuration");
        let phoenix = || {
            let mut command = Command::new(&program);
            without_settings(&mut command).current_dir(scratch).stdin(Stdio::null());
            command.arg("--node-dir").arg(&folder).arg("--config-dir").arg(&nowhere);
            command.args(["--host", "embedded", "--node-speed", speed, "--json"]);
            command
        };
        let mut reset = phoenix();
        output(reset.args(["node", "reset", "--yes", "--profile", "truth"]))?;
        let mut serve = phoenix();
        serve.args(["node", "serve", "--tls", "--listen", "127.0.0.1:0"]).env("PHOENIX_PASSWORD", PASSWORD);
        let mut process = Process::start(&mut serve)?;
        let said = process.line()?;
        let told = |key: &str| said[key].as_str().ok_or_else(|| format!("the node did not tell its {key}"));
        let address = told("url")?
            .trim_start_matches("https://")
            .parse()
            .map_err(|error| format!("the node told a strange URL: {error}"))?;
        Ok(Self {
            address,
            password: PASSWORD.to_owned(),
            token: told("token")?.to_owned(),
            certificate: folder.join("serve/certificate.pem"),
            reset: words(&reset).join(" "),
            _process: process,
        })
    }
}

/// Builds the binary `phoenix` and returns where it is.
fn phoenix(root: &Path) -> Result<PathBuf, String> {
    let arguments = ["build", "--quiet", "--locked", "--package", "phoenix-cli", "--message-format", "json"];
    output(&mut cargo(root, &arguments))?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo did not tell where it put `phoenix`".to_owned())
}

/// A process, and what it writes.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("could not serve a node: {error}"))?;
        let lines = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        Ok(Self { child, lines })
    }

    /// Waits for the next line, which is JSON.
    fn line(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(|error| format!("could not hear the node: {error}"))?;
        serde_json::from_str(&line).map_err(|_| "the node ended before it was served".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
