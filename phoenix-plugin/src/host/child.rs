//! The parent's side of a plugin's process: starts it, gives it a call and takes the answer, within its time.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Write as _},
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::PathBuf,
    process::{Child as Process, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::ioctl_fionbio,
    time::Timespec,
};
use tempfile::TempDir;

use super::{frame, open::LARGEST_ANSWER};

/// How much of what a plugin writes to its standard error is kept: the last of it.
const KEPT: usize = 2048;
/// How much is read at once.
const PIECE: usize = 64 << 10;

/// How a plugin's process is started: a program that calls [`serve`](super::serve) with the two words that follow these
/// arguments, which are the plugin's name and a number of seconds.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// What comes before the two words.
    pub arguments: Vec<OsString>,
    /// What its environment has, which is nothing of this process's.
    pub environment: Vec<(OsString, OsString)>,
}

/// A plugin's process.
pub(super) struct Child {
    process: Process,
    requests: File,
    answers: File,
    errors: Option<File>,
    said: Vec<u8>,
    taken: Vec<u8>,
    _directory: TempDir,
}

/// Why a process did not answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It ended.
    Died,
    /// Its time is over.
    Slow,
    /// It says that more follows than is taken.
    Large,
}

impl Launcher {
    /// Returns the launcher of a program.
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(OsString::from).collect();
        Self { program: program.into(), arguments, environment: Vec::new() }
    }

    pub(super) fn start(&self, name: &str, timeout: Duration) -> io::Result<Child> {
        let directory = tempfile::Builder::new().prefix("phoenix-plugin-").tempdir()?;
        let mut process = Command::new(&self.program)
            .args(&self.arguments)
            .arg(name)
            .arg(timeout.as_secs().to_string())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(directory.path())
            // What the terminal sends to Phoenix is not for its plugins.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stream = |end: Option<OwnedFd>| -> io::Result<File> {
            let end = end.expect("it was asked for as a pipe");
            ioctl_fionbio(&end, true)?;
            Ok(end.into())
        };
        let requests = stream(process.stdin.take().map(Into::into))?;
        let answers = stream(process.stdout.take().map(Into::into))?;
        let errors = Some(stream(process.stderr.take().map(Into::into))?);
        let (said, taken) = (Vec::new(), Vec::new());
        Ok(Child { process, requests, answers, errors, said, taken, _directory: directory })
    }
}

impl Child {
    /// Sends a request and returns the body of the answer's frame.
    pub(super) fn exchange(&mut self, request: &[u8], timeout: Duration) -> Result<Vec<u8>, Failure> {
        let end = Instant::now() + timeout;
        let request = frame::of(&[request]);
        let mut left = &request[..];
        self.taken.clear();
        loop {
            if let Some(answer) = self.answer()? {
                return Ok(answer);
            }
            let wait = end.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Err(Failure::Slow);
            }
            self.wait(!left.is_empty(), wait);
            if !left.is_empty() {
                match ready(self.requests.write(left)) {
                    Ok(Some(written)) => left = &left[written..],
                    Ok(None) => {}
                    // It reads no more, so it is about to end; the last that it says is still of use.
                    Err(_) => left = &[],
                }
            }
            self.listen();
            let mut piece = [0; PIECE];
            match ready(self.answers.read(&mut piece)) {
                Ok(Some(0)) | Err(_) => return Err(Failure::Died),
                Ok(Some(read)) => self.taken.extend_from_slice(&piece[..read]),
                Ok(None) => {}
            }
        }
    }

    /// Ends the process, and returns how it ended and what it said last.
    pub(super) fn end(mut self) -> (String, String) {
        // One that is about to end by itself is let: how it does is worth knowing.
        let begun = Instant::now();
        let mut status = self.process.try_wait().ok().flatten();
        while status.is_none() && begun.elapsed() < Duration::from_millis(200) && self.is_closed() {
            self.pause();
            status = self.process.try_wait().ok().flatten();
        }
        if status.is_none() {
            let _ = self.process.kill();
        }
        let ended = status.map_or_else(|| self.process.wait(), Ok);
        self.listen();
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        (how, words(&self.said))
    }

    /// Returns the answer that was taken, if all of it is there.
    fn answer(&self) -> Result<Option<Vec<u8>>, Failure> {
        match frame::size(&self.taken) {
            Some(size) if size > LARGEST_ANSWER + 1 => Err(Failure::Large),
            Some(size) => Ok(self.taken.get(frame::HEAD..frame::HEAD + size).map(<[u8]>::to_vec)),
            None => Ok(None),
        }
    }

    fn wait(&self, is_sending: bool, wait: Duration) {
        let mut ends = vec![PollFd::new(&self.answers, PollFlags::IN)];
        if is_sending {
            ends.push(PollFd::new(&self.requests, PollFlags::OUT));
        }
        ends.extend(self.errors.iter().map(|errors| PollFd::new(errors, PollFlags::IN)));
        // Interrupted or not, the streams are looked at and the time is counted.
        let _ = poll(&mut ends, Timespec::try_from(wait).ok().as_ref());
    }

    /// Tells whether the process has closed its answers, as one does that ends.
    fn is_closed(&self) -> bool {
        let mut ends = [PollFd::new(&self.answers, PollFlags::empty())];
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut ends, Some(&none)).is_ok() && ends[0].revents().contains(PollFlags::HUP)
    }

    /// Lets a moment pass, or less if something is said meanwhile.
    fn pause(&mut self) {
        let mut ends: Vec<PollFd<'_>> =
            self.errors.iter().map(|errors| PollFd::new(errors, PollFlags::IN)).collect();
        let _ = poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 }));
        drop(ends);
        self.listen();
    }

    /// Takes what was written to standard error.
    fn listen(&mut self) {
        let Some(errors) = &mut self.errors else { return };
        let mut piece = [0; PIECE];
        // One piece: a pipe holds no more, and one that never stops talking does not get Phoenix's time.
        match ready(errors.read(&mut piece)) {
            Ok(Some(0)) | Err(_) => self.errors = None,
            Ok(Some(read)) => {
                self.said.extend_from_slice(&piece[..read]);
                let surplus = self.said.len().saturating_sub(KEPT);
                self.said.drain(..surplus);
            }
            Ok(None) => {}
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both do nothing to one that has been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ready<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Returns what was said as one line.
fn words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
