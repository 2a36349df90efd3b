//! A process of this machine: given its input, its outputs read up to a limit, and ended with everything it began when it
//! takes too long. What nobody waits for any more goes on until then, here as on a node far away: a package manager that is
//! cut off leaves more to mend than one that comes to its end.

use std::{io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use super::error::ChannelError;

/// How much a process may say. A batch of many probes says a few megabytes.
const OUTPUT: usize = 64 << 20;
/// How long the node's own limit is given to do its work before this one does.
const GRACE: Duration = Duration::from_secs(15);
/// Runs words under a limit and tells their status apart from everybody else's: ssh, sudo and pct have some of their own.
const WRAP: &str = r#"timeout -k 5 "$@"; printf '\nphoenix-status %d\n' "$?" >&2"#;
const STATUS: &str = "phoenix-status ";

/// How something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) status: i32,
    pub(super) output: Vec<u8>,
    pub(super) errors: String,
}

/// Returns the words that run words for at most so long, and tell their status on standard error.
pub(super) fn limited(words: &[&str], limit: Duration) -> Vec<String> {
    let seconds = limit.as_secs().max(1).to_string();
    let head = ["/bin/sh", "-c", WRAP, "sh", &seconds];
    head.iter().chain(words).map(|&word| word.to_owned()).collect()
}

/// Runs words that [`limited`] made, on this machine or through a program that takes them elsewhere.
pub(super) async fn run(
    words: &[String],
    input: &[u8],
    limit: Duration,
    place: &str,
) -> Result<Ended, ChannelError> {
    let program = words.first().cloned().unwrap_or_default();
    let no_program =
        |error: io::Error| ChannelError::NoProgram { program: program.clone(), what: error.to_string() };
    let mut command = Command::new(&program);
    command
        .args(words.iter().skip(1))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: a Ctrl-C at the terminal is for Phoenix, which lets running steps end.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(no_program)?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Who has heard enough closes early; its status tells whether that was right.
            let _ = stdin.write_all(input).await;
        }
    };
    let whole = async {
        let ((), output, errors) = tokio::join!(feed, collect(stdout), collect(stderr));
        (output, errors, child.wait().await)
    };
    let (output, errors, status) = tokio::time::timeout(limit + GRACE, whole)
        .await
        .map_err(|_| ChannelError::Late { place: place.to_owned(), seconds: limit.as_secs() })?;
    let long = || ChannelError::Long { place: place.to_owned(), mib: OUTPUT >> 20 };
    let output = output.ok_or_else(long)?;
    let errors = errors.ok_or_else(long)?;
    let status = status.map_err(no_program)?;
    let errors = String::from_utf8_lossy(&errors).into_owned();
    match told(&errors) {
        Some((errors, status)) => Ok(Ended { status, output, errors }),
        None => {
            let last: Vec<&str> = errors.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = last[last.len().saturating_sub(3)..].join(", ");
            let what = if last.is_empty() { status.to_string() } else { last };
            Err(ChannelError::Lost { place: place.to_owned(), what })
        }
    }
}

/// Returns what was said on standard error, and the status at its end.
fn told(errors: &str) -> Option<(String, i32)> {
    let (before, status) = errors.rsplit_once(STATUS)?;
    Some((before.trim_end().to_owned(), status.trim().parse().ok()?))
}

/// Reads to the end; none if there is more than may be said.
async fn collect(source: Option<impl AsyncRead + Unpin>) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(source) = source {
        let mut source = source.take(OUTPUT as u64 + 1);
        // What broke off says so by its missing end.
        let _ = source.read_to_end(&mut all).await;
    }
    (all.len() <= OUTPUT).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, input: &[u8], limit: u64) -> Result<Ended, ChannelError> {
        let limit = Duration::from_secs(limit);
        run(&limited(&["/bin/sh", "-c", script], limit), input, limit, "here").await
    }

    #[tokio::test]
    async fn a_process_is_given_its_input_and_tells_its_status() {
        let ended = shell("cat; echo no >&2; exit 255", b"a\0b", 20).await.unwrap();
        assert_eq!(ended, Ended { status: 255, output: b"a\0b".to_vec(), errors: "no".to_owned() });
    }

    #[tokio::test]
    async fn a_process_that_takes_too_long_is_ended_with_its_children() {
        let ended = shell("sleep 600 & echo $!; wait", b"", 1).await.unwrap();
        assert_eq!(ended.status, 124);
        let child = String::from_utf8(ended.output).unwrap();
        let is_dead = |_| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z")
        };
        let mut looks = 0..500;
        while !looks.next().is_none_or(is_dead) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(is_dead(0));
    }

    #[tokio::test]
    async fn what_says_no_status_broke_off() {
        let words = ["/bin/sh", "-c", "echo one; echo gone >&2; exit 3"].map(str::to_owned);
        let error = run(&words, b"", Duration::from_secs(20), "here").await.unwrap_err();
        assert_eq!(error, ChannelError::Lost { place: "here".to_owned(), what: "gone".to_owned() });
    }
}
