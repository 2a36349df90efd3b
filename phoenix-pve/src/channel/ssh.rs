//! Ssh: the system's own client, with its keys, its configuration and its known hosts. One connection is made for each
//! address and used by everything that is done there.

use std::{
    collections::BTreeMap,
    env,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use openssh::{ControlPersist, Error, KnownHosts, Session, SessionBuilder};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::{
    address::Address,
    error::ChannelError,
    process::{self, Ended},
};

/// A server takes ten sessions on a connection unless it is told otherwise.
const SESSIONS: usize = 8;
/// For how long a host that could not be reached is not tried again.
const REST: Duration = Duration::from_secs(5);
/// How long a connection that nobody uses is kept: it outlives a run that was killed by no more than this.
const IDLE: usize = 600;

/// What is said to ssh beside the address.
#[derive(Clone, Debug, Default)]
pub struct SshOptions {
    /// Another configuration than `~/.ssh/config`.
    pub config_file: Option<PathBuf>,
}

/// A way: where to, and over what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) to: Address,
    pub(super) over: Option<Address>,
}

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Ssh {
    options: SshOptions,
    masters: Mutex<BTreeMap<Way, Arc<Master>>>,
}

#[derive(Debug)]
struct Master {
    line: AsyncMutex<Line>,
    sessions: Semaphore,
}

#[derive(Debug, Default)]
struct Line {
    session: Option<Arc<Session>>,
    failed: Option<(Instant, ChannelError)>,
}

impl Ssh {
    pub(super) fn new(options: SshOptions) -> Self {
        Self { options, masters: Mutex::default() }
    }

    /// Runs words that [`process::limited`] made.
    pub(super) async fn run(
        &self,
        way: &Way,
        words: &[String],
        input: &[u8],
        limit: Duration,
    ) -> Result<Ended, ChannelError> {
        let place = way.to.to_string();
        let master = self.master(way);
        let lost = |what: &str| ChannelError::Lost { place: place.clone(), what: what.to_owned() };
        let _permit = master.sessions.acquire().await.map_err(|_| lost("it is closed"))?;
        let text = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        // A connection can have died since it was last used. Every errand can be done twice.
        let mut attempts = 0;
        loop {
            attempts += 1;
            let session = self.session(&master, way).await?;
            let control = session.control_socket().to_string_lossy().into_owned();
            let head = ["ssh", "-S", &control, "-o", "ControlMaster=no", "-o", "BatchMode=yes"];
            let tail = ["-T", "-p", "9", "none", &text];
            let words: Vec<String> = head.iter().chain(&tail).map(|&word| word.to_owned()).collect();
            let ended = process::run(&words, input, limit, &place).await;
            match ended {
                Err(ChannelError::Lost { .. }) if attempts == 1 && session.check().await.is_err() => {
                    tracing::debug!(place, "the connection died");
                    master.line.lock().await.session = None;
                }
                ended => return ended,
            }
        }
    }

    fn master(&self, way: &Way) -> Arc<Master> {
        let mut masters = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        let master = masters.entry(way.clone()).or_insert_with(|| {
            Arc::new(Master { line: AsyncMutex::default(), sessions: Semaphore::new(SESSIONS) })
        });
        Arc::clone(master)
    }

    async fn session(&self, master: &Master, way: &Way) -> Result<Arc<Session>, ChannelError> {
        let mut line = master.line.lock().await;
        if let Some(session) = &line.session {
            return Ok(Arc::clone(session));
        }
        // Thirty guests shall not wait thirty times for a node that is down.
        if let Some((when, error)) = &line.failed
            && when.elapsed() < REST
        {
            return Err(error.clone());
        }
        match self.connect(way).await {
            Ok(session) => {
                tracing::debug!(place = %way.to, "connected");
                let session = Arc::new(session);
                line.session = Some(Arc::clone(&session));
                Ok(session)
            }
            Err(error) => {
                let error = failure(&way.to, &error);
                line.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self, way: &Way) -> Result<Session, Error> {
        // A socket's path is short, and so must its directory's be.
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let mut builder = SessionBuilder::default();
        builder
            .user(way.to.user.clone())
            .known_hosts_check(KnownHosts::Strict)
            .connect_timeout(Duration::from_secs(10))
            .server_alive_interval(Duration::from_secs(15))
            .control_directory(runtime.unwrap_or_else(env::temp_dir));
        if let Some(idle) = NonZeroUsize::new(IDLE) {
            builder.control_persist(ControlPersist::IdleFor(idle));
        }
        if let Some(port) = way.to.port {
            builder.port(port);
        }
        if let Some(file) = &self.options.config_file {
            builder.config_file(file);
        }
        if let Some(over) = &way.over {
            builder.jump_hosts([over.to_string()]);
        }
        builder.connect(&way.to.host).await
    }
}

/// Returns what a failure to connect means.
fn failure(to: &Address, error: &Error) -> ChannelError {
    let place = to.to_string();
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let said = cause.unwrap_or_else(|| error.to_string());
    let port = to.port.unwrap_or(22);
    let is_missing = matches!(error, Error::Connect(cause) | Error::Ssh(cause)
        if cause.kind() == std::io::ErrorKind::NotFound);
    if is_missing {
        return ChannelError::NoProgram { program: "ssh".to_owned(), what: said };
    }
    if said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        let host = if port == 22 { to.host.clone() } else { format!("[{}]:{port}", to.host) };
        return ChannelError::ChangedKey { place, host };
    }
    if said.contains("Host key verification failed") || said.contains("host key is known for") {
        let command = match to.port {
            Some(port) => format!("ssh -p {port} {}@{} true", to.user, to.host),
            None => format!("ssh {}@{} true", to.user, to.host),
        };
        return ChannelError::UnknownKey { place, command };
    }
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let what = lines.last().copied().unwrap_or("no reason given").to_owned();
    match what.contains("Permission denied (") || said.contains("Too many authentication failures") {
        true => ChannelError::Refused { place, what },
        false => ChannelError::Unreachable { place, what },
    }
}

/// Returns a word as the shell at the other end reads it back. Only constant texts, addresses and numbers come here.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
