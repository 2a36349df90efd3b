//! Errands in virtual machines: through QEMU's guest agent, which the API reaches, and where that does not answer by ssh
//! to the machine's address.
//!
//! What the agent is given and says is text in JSON, so everything is base64 by then. Content that is too long for one
//! call goes into a directory that only root sees: the agent writes files for everybody to read.

use std::time::Duration;

use phoenix_core::{BackendError, ErrorKind, GuestId, Site};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    address::Address,
    live::{Came, Errand, LiveChannel, judge},
    process::Ended,
};
use crate::{
    client::{Params, segment},
    error::PveError,
    lenient,
};

/// What a call takes at once: 64 KiB of input, 60 KiB of a file.
const CHUNK: usize = 60_000;
const MAKE_ROOM: &str = "umask 077; mktemp -d /run/.phoenix.XXXXXX || mktemp -d";
const FROM_ROOM: &str = r#"cat "$0"/* | /bin/sh -c "$1"; status=$?; rm -rf "$0"; exit "$status""#;
const CLEAR_ROOM: &str = r#"rm -rf "$0""#;
/// What says that there is no way through the agent, now or at all.
const NO_AGENT: [&str; 6] = [
    "No QEMU guest agent configured",
    "QEMU guest agent is not running",
    "qga command",
    "guest-exec",
    "has been disabled",
    "got timeout",
];

impl LiveChannel {
    /// Runs an errand in a virtual machine.
    pub(super) async fn in_machine(
        &self,
        guest: GuestId,
        node: &str,
        errand: Errand<'_>,
    ) -> Result<Came, BackendError> {
        let agent = Agent { channel: self, guest, path: agent_path(guest, node)? };
        let error = match agent.run(errand).await {
            Ok(ended) => return judge(&Site::Guest(guest), &ended, errand.limit),
            Err(Failure::Api(error)) => error,
            Err(Failure::Other(error)) => return Err(error),
        };
        if error.kind() == ErrorKind::NotFound {
            return Ok(Came::Absent);
        }
        if error.says(&format!("VM {} is not running", guest.vmid)) {
            return Ok(Came::Unreachable(format!("`{guest}` does not run")));
        }
        if !NO_AGENT.iter().any(|part| error.says(part)) {
            return Err(error.into());
        }
        tracing::debug!(%guest, %error, "no way through the guest agent");
        self.by_ssh(guest, node, errand, &agent, &error).await
    }

    async fn by_ssh(
        &self,
        guest: GuestId,
        node: &str,
        errand: Errand<'_>,
        agent: &Agent<'_>,
        refusal: &PveError,
    ) -> Result<Came, BackendError> {
        let why = match refusal.says("No QEMU guest agent configured") {
            true => format!("`{guest}` has no guest agent (`agent: 1` in its configuration)"),
            false => format!("the guest agent of `{guest}` does not answer"),
        };
        let config = match self.client.get(&config_path(guest, node)?, Vec::new()).await {
            Ok(config) => config,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Came::Absent),
            Err(error) => return Err(error.into()),
        };
        let host = match agent.address().await {
            Some(host) => Some(host),
            None => fixed_address(&config),
        };
        let Some(host) = host else {
            return Ok(Came::Unreachable(format!("{why}, and no address is known to reach it by ssh")));
        };
        let user = lenient::word(&config["ciuser"]).unwrap_or_else(|| "root".to_owned());
        let Ok(address) = format!("{user}@{host}").parse::<Address>() else {
            return Ok(Came::Unreachable(format!("{why}, and `{user}@{host}` is no address for ssh")));
        };
        let words = ["/bin/sh", "-c", errand.script];
        match self.nodes.run_beyond(node, &address, &words, errand.input, errand.limit).await {
            Ok(ended) => judge(&Site::Guest(guest), &ended, errand.limit),
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Forbidden) => {
                let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                Ok(Came::Unreachable(format!("{why}, and {}{hint}", error.message)))
            }
            Err(error) => Err(error),
        }
    }
}

/// The agent of a virtual machine.
struct Agent<'a> {
    channel: &'a LiveChannel,
    guest: GuestId,
    path: String,
}

/// Why an errand did not end.
enum Failure {
    Api(PveError),
    Other(BackendError),
}

impl From<PveError> for Failure {
    fn from(error: PveError) -> Self {
        Self::Api(error)
    }
}

impl Agent<'_> {
    async fn run(&self, errand: Errand<'_>) -> Result<Ended, Failure> {
        let input = String::from_utf8_lossy(errand.input);
        if input.len() <= CHUNK {
            return self.execute(&["/bin/sh", "-c", errand.script], &input, errand.limit).await;
        }
        let quick = self.channel.limits.quick;
        let made = self.execute(&["/bin/sh", "-c", MAKE_ROOM], "", quick).await?;
        let room = String::from_utf8_lossy(&made.output).trim().to_owned();
        if made.status != 0 || !room.starts_with('/') {
            let message = format!("no directory can be made in `{}`: {}", self.guest, made.errors.trim());
            return Err(Failure::Other(BackendError::new(ErrorKind::Failed, message)));
        }
        let ended = self.in_pieces(&room, &input, errand).await;
        if ended.is_err() {
            // The directory holds what was to be written: that may be a secret.
            let _ = self.execute(&["/bin/sh", "-c", CLEAR_ROOM, &room], "", quick).await;
        }
        ended
    }

    async fn in_pieces(&self, room: &str, input: &str, errand: Errand<'_>) -> Result<Ended, Failure> {
        let mut rest = input;
        let mut number = 0;
        while !rest.is_empty() {
            // It is all ASCII, so every place is between two characters.
            let (chunk, later) = rest.split_at(rest.len().min(CHUNK));
            let params = vec![
                ("file".to_owned(), format!("{room}/{number:06}")),
                ("content".to_owned(), chunk.to_owned()),
            ];
            self.channel.client.post(&format!("{}/file-write", self.path), params).await?;
            rest = later;
            number += 1;
        }
        self.execute(&["/bin/sh", "-c", FROM_ROOM, room, errand.script], "", errand.limit).await
    }

    async fn execute(&self, words: &[&str], input: &str, limit: Duration) -> Result<Ended, Failure> {
        let client = &self.channel.client;
        let mut params: Params = words.iter().map(|&word| ("command".to_owned(), word.to_owned())).collect();
        if !input.is_empty() {
            params.push(("input-data".to_owned(), input.to_owned()));
        }
        let begun = client.post(&format!("{}/exec", self.path), params).await?;
        let pid = lenient::number(&begun["pid"]).ok_or_else(|| self.odd("it told no process number"))?;
        let begin = Instant::now();
        let mut pause = self.channel.limits.poll_floor;
        loop {
            tokio::time::sleep(pause).await;
            let params = vec![("pid".to_owned(), pid.to_string())];
            let asked = client.get(&format!("{}/exec-status", self.path), params).await;
            let status = match asked {
                Ok(status) => status,
                // A machine under load: the agent itself answers late.
                Err(error) if error.kind() == ErrorKind::Timeout => Value::Null,
                Err(error) => return Err(error.into()),
            };
            if lenient::flag(&status["exited"]) {
                return self.ended(&status);
            }
            if begin.elapsed() > limit + limit / 4 + Duration::from_secs(1) {
                let message = format!(
                    "work in `{}` did not end within {} s; it goes on as process {pid}",
                    self.guest,
                    limit.as_secs()
                );
                return Err(Failure::Other(
                    BackendError::new(ErrorKind::Timeout, message)
                        .with_hint("end it there if it hangs, then run the command again"),
                ));
            }
            pause = (pause * 3 / 2).min(Duration::from_secs(1));
        }
    }

    fn ended(&self, status: &Value) -> Result<Ended, Failure> {
        if lenient::flag(&status["out-truncated"]) {
            return Err(self.odd("it says more than the guest agent keeps"));
        }
        let said = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
        let code = lenient::number(&status["exitcode"]).and_then(|code| i32::try_from(code).ok());
        let signal = lenient::number(&status["signal"]).and_then(|signal| i32::try_from(signal).ok());
        let status = code.or(signal.map(|signal| signal + 128)).unwrap_or(0);
        Ok(Ended { status, output: said("out-data").into_bytes(), errors: said("err-data") })
    }

    fn odd(&self, what: &str) -> Failure {
        let message = format!("work through the guest agent of `{}` went wrong: {what}", self.guest);
        Failure::Other(BackendError::new(ErrorKind::Failed, message))
    }

    /// Returns the address that the agent tells, if it tells any.
    async fn address(&self) -> Option<String> {
        let path = format!("{}/network-get-interfaces", self.path);
        let data = self.channel.client.get(&path, Vec::new()).await.ok()?;
        let cards = lenient::items(&data["result"]).iter();
        let all: Vec<(String, bool)> = cards
            .flat_map(|card| lenient::items(&card["ip-addresses"]))
            .filter_map(|row| Some((lenient::word(&row["ip-address"])?, row["ip-address-type"] == "ipv4")))
            .filter(|(ip, _)| !is_own(ip))
            .collect();
        let four = all.iter().find(|(_, is_four)| *is_four);
        four.or(all.first()).map(|(ip, _)| ip.clone())
    }
}

/// Tells whether an address means something only on its own machine or cable.
fn is_own(ip: &str) -> bool {
    ip.starts_with("127.") || ip.starts_with("169.254.") || ip == "::1" || ip.starts_with("fe80:")
}

/// Returns the address that cloud-init gives a virtual machine, if it is fixed.
fn fixed_address(config: &Value) -> Option<String> {
    let cards = config.as_object()?.iter().filter(|(key, _)| key.starts_with("ipconfig"));
    cards.filter_map(|(_, value)| value.as_str()).find_map(|value| {
        let property = phoenix_core::property::PropertyString::parse(value, "ip");
        let ip = property.get("ip").filter(|ip| ip.contains('.'));
        let ip = ip.or_else(|| property.get("ip6").filter(|ip| ip.contains(':')))?;
        Some(ip.split('/').next()?.to_owned())
    })
}

fn agent_path(guest: GuestId, node: &str) -> Result<String, PveError> {
    Ok(format!("/nodes/{}/qemu/{}/agent", segment(node)?, guest.vmid))
}

/// Returns the path of a machine's status.
pub(super) fn status_path(guest: GuestId, node: &str) -> Result<String, PveError> {
    Ok(format!("/nodes/{}/qemu/{}/status/current", segment(node)?, guest.vmid))
}

fn config_path(guest: GuestId, node: &str) -> Result<String, PveError> {
    Ok(format!("/nodes/{}/qemu/{}/config", segment(node)?, guest.vmid))
}
