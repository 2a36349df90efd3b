//! Talk with QEMU and with the agent in a machine: lines of JSON over a socket, one at a time. Of the many hundred
//! commands a handful is used, and what users ask of the agent is passed on as it is, so no types are needed for them.

use std::{
    fs::File,
    os::fd::AsRawFd as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};

/// What stands before the answer to `guest-sync-delimited`: whatever came before it belongs to somebody else.
const MARK: u8 = 0xff;
/// The most that one answer may be.
const LONGEST: u64 = 64 << 20;

/// A connection.
pub(super) struct Wire(BufReader<UnixStream>);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// Nobody is there, or does not answer in time.
    Nobody,
    /// The command was refused.
    Refused(String),
}

impl Wire {
    /// Connects to a socket in a directory.
    async fn to(dir: &Path, name: &str) -> Result<Self, Silence> {
        // The address of a socket holds about a hundred bytes; a way over the open directory is always short.
        let held = File::open(dir).map_err(|_| Silence::Nobody)?;
        let path = format!("/proc/self/fd/{}/{name}", held.as_raw_fd());
        let stream = UnixStream::connect(path).await.map_err(|_| Silence::Nobody)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Connects to the monitor of a machine.
    pub(super) async fn to_monitor(dir: &Path, limit: Duration) -> Result<Self, Silence> {
        within(limit, async {
            let mut wire = Self::to(dir, "qmp").await?;
            wire.line().await?;
            wire.ask("qmp_capabilities", json!({})).await?;
            Ok(wire)
        })
        .await
    }

    /// Connects to the agent in a machine, if it answers within the limit.
    pub(super) async fn to_agent(dir: &Path, limit: Duration) -> Result<Self, Silence> {
        within(limit, async {
            let mut wire = Self::to(dir, "qga").await?;
            let id = new_id();
            let hello = json!({ "execute": "guest-sync-delimited", "arguments": { "id": id } });
            let mut bytes = vec![MARK];
            bytes.extend(format!("{hello}\n").into_bytes());
            wire.0.get_mut().write_all(&bytes).await.map_err(|_| Silence::Nobody)?;
            loop {
                // Up to the mark stands what others asked for and did not wait for.
                let mut skipped = Vec::new();
                let length = (&mut wire.0).take(LONGEST).read_until(MARK, &mut skipped).await;
                if length.map_err(|_| Silence::Nobody)? == 0 {
                    return Err(Silence::Nobody);
                }
                if wire.line().await?["return"].as_u64() == Some(id) {
                    return Ok(wire);
                }
            }
        })
        .await
    }

    /// Gives a command and returns the answer to it; what is told meanwhile is passed over.
    pub(super) async fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Silence> {
        self.tell(command, arguments).await?;
        loop {
            let mut line = self.line().await?;
            if let Some(text) = line["error"]["desc"].as_str() {
                return Err(Silence::Refused(text.to_owned()));
            }
            if line.get("return").is_some() {
                return Ok(line["return"].take());
            }
        }
    }

    /// Gives a command and does not wait for an answer.
    pub(super) async fn tell(&mut self, command: &str, arguments: Value) -> Result<(), Silence> {
        let mut text = match arguments.as_object().is_some_and(serde_json::Map::is_empty) {
            true => json!({ "execute": command }),
            false => json!({ "execute": command, "arguments": arguments }),
        }
        .to_string();
        text.push('\n');
        self.0.get_mut().write_all(text.as_bytes()).await.map_err(|_| Silence::Nobody)
    }

    async fn line(&mut self) -> Result<Value, Silence> {
        let mut text = String::new();
        let length = (&mut self.0).take(LONGEST).read_line(&mut text).await.map_err(|_| Silence::Nobody)?;
        if length == 0 {
            return Err(Silence::Nobody);
        }
        serde_json::from_str(&text)
            .map_err(|error| Silence::Refused(format!("an answer is no JSON: {error}")))
    }
}

/// Waits for at most so long.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Silence>>,
) -> Result<T, Silence> {
    timeout(limit, work).await.unwrap_or(Err(Silence::Nobody))
}

/// Returns a number that nobody has given to this machine's agent before.
fn new_id() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    // The agent reads it as a signed number.
    (u64::from(now) << 16) + (COUNT.fetch_add(1, Ordering::Relaxed) & 0xffff)
}
