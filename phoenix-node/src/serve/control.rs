//! The control socket of a served node, in its directory and for its owner alone: how `node reset` reaches a node that
//! another process has.

use std::{
    fs::{self, Permissions},
    io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use crate::{error::NodeError, node::describe, profile::Profile, serve::exchange::Service};

const SOCKET: &str = "control";
/// How long the other side may take to say what it wants, and to do it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest word that is listened to.
const LONGEST: u64 = 64;

/// Listens until it is dropped.
pub(super) async fn run(listener: UnixListener, service: Arc<Service>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = timeout(PATIENCE, answer(stream, &service)).await;
    }
}

async fn answer(stream: UnixStream, service: &Service) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream).take(LONGEST).read_line(&mut line).await?;
    let reply = match line.trim().split_once(' ') {
        Some(("reset", name)) => match Profile::named(name) {
            Some(profile) => match renew(service, profile) {
                Ok(()) => "ok".to_owned(),
                Err(error) => describe(&error),
            },
            None => format!("there is no profile `{name}`"),
        },
        Some(_) | None => "not understood".to_owned(),
    };
    stream.get_mut().write_all(format!("{reply}\n").as_bytes()).await
}

fn renew(service: &Service, profile: Profile) -> Result<(), NodeError> {
    service.node.renew(&profile.seed(), service.password.as_deref())
}

/// Opens the socket. The path goes by way of the folder's descriptor: addresses of sockets are short, folders may not be.
pub(super) fn listen(folder: &Path) -> Result<UnixListener, NodeError> {
    let path = folder.join(SOCKET);
    let opened = fs::create_dir_all(folder).and_then(|()| {
        let dir = fs::File::open(folder)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(by_descriptor(&dir))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    opened.map_err(|source| NodeError::Io { verb: "open", path, source })
}

/// Begins a node afresh that another process serves; tells whether one does.
pub async fn reset_served(dir: &Path, profile: Profile) -> Result<bool, NodeError> {
    let folder = dir.join("serve");
    let path = folder.join(SOCKET);
    let Ok(open) = fs::File::open(&folder) else { return Ok(false) };
    let stream = match UnixStream::connect(by_descriptor(&open)).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(false);
        }
        Err(source) => return Err(NodeError::Io { verb: "open", path, source }),
    };
    let asked =
        timeout(PATIENCE, ask(stream, profile)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    match asked.map_err(|source| NodeError::Io { verb: "use", path, source })?.trim() {
        "ok" => Ok(true),
        text => Err(NodeError::Served { dir: dir.to_owned(), text: text.to_owned() }),
    }
}

async fn ask(mut stream: UnixStream, profile: Profile) -> io::Result<String> {
    stream.write_all(format!("reset {}\n", profile.name()).as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

fn by_descriptor(folder: &fs::File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}
