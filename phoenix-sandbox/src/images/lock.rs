//! Locks between processes: a file that one of them holds.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use crate::error::SandboxError;

/// How often a lock that somebody else holds is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// A lock that is held. It is given back on drop, and by the kernel if the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Waits for the lock for at most so long; `waiting` is called once if it is not free.
pub(crate) async fn lock(path: &Path, limit: Duration, waiting: impl FnOnce()) -> Result<Lock, SandboxError> {
    let options = || OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = options().map_err(SandboxError::file("write", path))?;
    let take = || flock(&file, FlockOperation::NonBlockingLockExclusive);
    let mut waiting = Some(waiting);
    let whole = async {
        loop {
            match take() {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(SandboxError::file("lock", path)(errno.into())),
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let program = || format!("the process that holds `{}`", path.display());
    tokio::time::timeout(limit, whole)
        .await
        .map_err(|_| SandboxError::Late { program: program(), seconds: limit.as_secs() })??;
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_has_one_holder_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        let first = lock(&path, Duration::from_secs(5), || panic!("it is free")).await.unwrap();
        let mut told = false;
        let late = lock(&path, Duration::from_millis(300), || told = true).await;
        assert!(matches!(late, Err(SandboxError::Late { .. })), "{late:?}");
        assert!(told);
        drop(first);
        lock(&path, Duration::from_secs(5), || ()).await.unwrap();
    }
}
