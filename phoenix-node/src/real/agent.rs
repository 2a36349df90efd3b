//! What the agent of a virtual machine is asked through the API: passed on to the agent that runs in it, or, where the
//! machine is a container, done in that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use phoenix_sandbox::{AgentError, SandboxError};
use serde_json::{Value, json};

use super::Real;
use crate::api::reply::{Answer, Refusal, Reply};

/// Runs words in a container with standard input, and says its status and its output on three lines.
const EXECUTE: &str = r#"dir=$(mktemp -d) && cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT
/usr/local/sbin/pct exec "$@" >out 2>err
echo "$?"
base64 -w0 out
echo
base64 -w0 err"#;
/// How long a program in a container may run.
const LONGEST: Duration = Duration::from_secs(3600);
/// How much of a file the agent gives at once.
const CHUNK: u64 = 1 << 20;

/// Something that an agent is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) vmid: u32,
    /// Whether the machine is a container.
    pub(crate) as_container: bool,
    pub(crate) what: Inquiry,
}

/// What an agent is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inquiry {
    /// Run a program.
    Exec { command: Vec<String>, input: Option<Vec<u8>> },
    /// Say how one ended.
    ExecStatus { pid: u64 },
    /// Give a part of a file: at most so many bytes from there on.
    FileRead { path: String, offset: u64, count: u64, decode: bool },
    /// Write a file.
    FileWrite { path: String, content: Vec<u8> },
    /// Give a user a password.
    Password { user: String, password: String, crypted: bool },
    /// A command without parameters.
    Named { command: String },
}

/// How a program in a container goes: nothing while it runs.
type Run = Arc<Mutex<Option<Result<Ended, String>>>>;

/// The programs that run in containers for the API, by the machine and a number.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<BTreeMap<(u32, u64), Run>>);

#[derive(Clone, Debug)]
struct Ended {
    status: i64,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Real {
    /// Has an errand done.
    pub(crate) async fn run(&self, errand: Errand) -> Reply {
        let Errand { vmid, as_container, what } = errand;
        match as_container {
            true => self.in_container(vmid, what).await,
            false => self.by_agent(vmid, what).await,
        }
    }

    async fn by_agent(&self, vmid: u32, what: Inquiry) -> Reply {
        let ask = async |command: &str, arguments: Value| {
            self.machines.ask_agent(vmid, command, arguments).await.map_err(refusal)
        };
        let value = match what {
            Inquiry::Exec { command, input } => {
                let mut arguments = json!({
                    "path": command.first().map_or("", String::as_str),
                    "arg": command.get(1..).unwrap_or_default(),
                    "capture-output": true,
                });
                if let Some(input) = input {
                    arguments["input-data"] = STANDARD.encode(input).into();
                }
                ask("exec", arguments).await?
            }
            Inquiry::ExecStatus { pid } => told(ask("exec-status", json!({ "pid": pid })).await?),
            Inquiry::FileRead { path, offset, count, decode } => {
                let handle = ask("file-open", json!({ "path": path, "mode": "r" })).await?;
                let mut bytes = Vec::new();
                let wanted = usize::try_from(offset.saturating_add(count)).unwrap_or(usize::MAX);
                let mut is_end = false;
                while bytes.len() < wanted && !is_end {
                    let part = ask("file-read", json!({ "handle": handle, "count": CHUNK })).await?;
                    bytes.extend(decoded(&part["buf-b64"]));
                    is_end = part["eof"] == true;
                }
                ask("file-close", json!({ "handle": handle })).await?;
                return Ok(part_of_file(&bytes, offset, count, decode).into());
            }
            Inquiry::FileWrite { path, content } => {
                let handle = ask("file-open", json!({ "path": path, "mode": "wb" })).await?;
                let text = STANDARD.encode(content);
                ask("file-write", json!({ "handle": handle, "buf-b64": text })).await?;
                ask("file-close", json!({ "handle": handle })).await?;
                return Ok(Answer::null());
            }
            Inquiry::Password { user, password, crypted } => {
                let password = STANDARD.encode(password);
                let arguments = json!({ "username": user, "password": password, "crypted": crypted });
                json!({ "result": ask("set-user-password", arguments).await? })
            }
            Inquiry::Named { command } => json!({ "result": ask(&command, json!({})).await? }),
        };
        Ok(value.into())
    }

    async fn in_container(&self, vmid: u32, what: Inquiry) -> Reply {
        let sh = |script: &str, rest: &[&str]| -> Vec<String> {
            ["/bin/sh", "-c", script].iter().chain(rest).map(|word| (*word).to_owned()).collect()
        };
        match what {
            Inquiry::Exec { command, input } => Ok(json!({ "pid": self.begin(vmid, command, input) }).into()),
            Inquiry::ExecStatus { pid } => {
                let mut runs = self.runs.0.lock().unwrap_or_else(PoisonError::into_inner);
                let unknown = || Refusal::failed("Agent error: Invalid parameter 'pid'");
                let run = Arc::clone(runs.get(&(vmid, pid)).ok_or_else(unknown)?);
                let ended = run.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let Some(ended) = ended else { return Ok(json!({ "exited": 0 }).into()) };
                runs.remove(&(vmid, pid));
                let ended = ended.map_err(|text| Refusal::failed(format!("Agent error: {text}")))?;
                Ok(told(json!({
                    "exited": true, "exitcode": ended.status,
                    "out-data": STANDARD.encode(ended.out), "err-data": STANDARD.encode(ended.err),
                }))
                .into())
            }
            Inquiry::FileRead { path, offset, count, decode } => {
                let bytes = self.wait(vmid, sh(r#"exec cat -- "$0""#, &[&path]), None).await?;
                Ok(part_of_file(&bytes, offset, count, decode).into())
            }
            Inquiry::FileWrite { path, content } => {
                self.wait(vmid, sh(r#"exec cat >"$0""#, &[&path]), Some(content)).await?;
                Ok(Answer::null())
            }
            Inquiry::Password { user, password, crypted } => {
                let script = if crypted { "exec chpasswd -e" } else { "exec chpasswd" };
                self.wait(vmid, sh(script, &[]), Some(format!("{user}:{password}\n").into_bytes())).await?;
                Ok(json!({ "result": {} }).into())
            }
            Inquiry::Named { command } => {
                let result = self.named(vmid, &command).await?;
                Ok(json!({ "result": result }).into())
            }
        }
    }

    async fn named(&self, vmid: u32, command: &str) -> Result<Value, Refusal> {
        let text = async |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            self.wait(vmid, words, None).await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(match command {
            "ping" => json!({}),
            "get-host-name" => json!({ "host-name": text(&["/bin/hostname"]).await?.trim() }),
            "get-osinfo" => os(&text(&["/bin/cat", "/etc/os-release"]).await?),
            "get-time" => crate::state::now_ms().saturating_mul(1_000_000).into(),
            "network-get-interfaces" => interfaces(&text(&["/bin/ip", "-j", "addr"]).await?),
            "shutdown" => {
                self.containers.stop(vmid, Some(60)).await.map_err(|error| failure(&error))?;
                json!({})
            }
            other => {
                return Err(Refusal::failed(format!(
                    "Agent error: The command guest-{other} has not been found"
                )));
            }
        })
    }

    /// Lets a program begin in a container and returns its number.
    fn begin(&self, vmid: u32, command: Vec<String>, input: Option<Vec<u8>>) -> u64 {
        let run = Run::default();
        let mut runs = self.runs.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = runs.keys().filter(|(of, _)| *of == vmid).map(|(_, pid)| pid + 1).max().unwrap_or(1000);
        runs.insert((vmid, pid), Arc::clone(&run));
        let containers = self.containers.clone();
        tokio::spawn(async move {
            let ended = execute(&containers, vmid, &command, &input.unwrap_or_default()).await;
            *run.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ended.map_err(|error| error.to_string()));
        });
        pid
    }

    /// Runs a program in a container to its end, which must be a good one, and returns its output.
    async fn wait(
        &self,
        vmid: u32,
        command: Vec<String>,
        input: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Refusal> {
        let ended = execute(&self.containers, vmid, &command, &input.unwrap_or_default()).await;
        let ended = ended.map_err(|error| failure(&error))?;
        match ended.status {
            0 => Ok(ended.out),
            _ => {
                let text = String::from_utf8_lossy(&ended.err).trim().to_owned();
                Err(Refusal::failed(format!("Agent error: {text}")))
            }
        }
    }
}

async fn execute(
    containers: &phoenix_sandbox::Containers,
    vmid: u32,
    command: &[String],
    input: &[u8],
) -> Result<Ended, SandboxError> {
    let vmid = vmid.to_string();
    let mut words = vec!["/bin/sh", "-c", EXECUTE, "sh", &vmid, "--"];
    words.extend(command.iter().map(String::as_str));
    let said = containers.sandbox().await?.run(&words, input, LONGEST).await?.text;
    let mut lines = said.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let status = next().trim().parse().unwrap_or(255);
    let [out, err] = [next(), next()].map(|line| STANDARD.decode(line.trim()).unwrap_or_default());
    Ok(Ended { status, out, err })
}

/// Puts what an agent says of a program as PVE does: flags as numbers, output as text.
fn told(mut status: Value) -> Value {
    let Some(fields) = status.as_object_mut() else { return status };
    for (key, value) in fields.iter_mut() {
        if matches!(key.as_str(), "out-data" | "err-data") {
            *value = String::from_utf8_lossy(&decoded(value)).into_owned().into();
        } else if let Some(flag) = value.as_bool() {
            *value = u8::from(flag).into();
        }
    }
    fields.retain(|key, value| !matches!(key.as_str(), "out-data" | "err-data") || *value != "");
    status
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()
}

fn part_of_file(bytes: &[u8], offset: u64, count: u64, decode: bool) -> Value {
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(bytes.len());
    let part = &bytes[at(offset)..at(offset.saturating_add(count))];
    let content = match decode {
        true => String::from_utf8_lossy(part).into_owned(),
        false => STANDARD.encode(part),
    };
    let mut data = json!({ "content": content, "bytes-read": part.len() });
    if at(offset.saturating_add(count)) < bytes.len() {
        data["truncated"] = 1.into();
    }
    data
}

fn os(release: &str) -> Value {
    let field = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    json!({
        "id": field("ID"), "name": field("NAME"), "pretty-name": field("PRETTY_NAME"),
        "version": field("VERSION"), "version-id": field("VERSION_ID"), "machine": std::env::consts::ARCH,
    })
}

/// Puts what `ip -j addr` says as the agent does.
fn interfaces(said: &str) -> Value {
    let rows: Vec<Value> = serde_json::from_str(said).unwrap_or_default();
    rows.iter()
        .map(|row| {
            let all = row["addr_info"].as_array().map(Vec::as_slice).unwrap_or_default();
            let addresses: Vec<Value> = all
                .iter()
                .map(|one| {
                    let family = if one["family"] == "inet6" { "ipv6" } else { "ipv4" };
                    json!({ "ip-address": one["local"], "ip-address-type": family, "prefix": one["prefixlen"] })
                })
                .collect();
            json!({ "name": row["ifname"], "hardware-address": row["address"], "ip-addresses": addresses })
        })
        .collect()
}

fn refusal(error: AgentError) -> Refusal {
    Refusal::failed(match error {
        AgentError::Silent => "QEMU guest agent is not running".to_owned(),
        AgentError::Refused(text) => format!("Agent error: {text}"),
    })
}

fn failure(error: &SandboxError) -> Refusal {
    Refusal::failed(format!("Agent error: {error}"))
}
