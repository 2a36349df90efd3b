//! Programs of this machine, each with a limit.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use crate::error::SandboxError;

/// How much of what a program said stands in an error.
const TAIL: usize = 600;

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// On standard output.
    pub text: String,
    /// On standard error.
    pub errors: String,
}

/// The processes of a program, ended with it when nobody waits for it any more: what `nsenter` runs would outlive it.
struct Group(Option<Pid>);

impl Group {
    /// Leaves alone what the program has put into the background.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // It may have ended by itself just now.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Runs words for at most so long, with `input` on standard input. Fails if the status is not zero.
pub async fn run(words: &[String], input: &[u8], limit: Duration) -> Result<Output, SandboxError> {
    run_told(words, input, limit, |_| ()).await
}

/// Runs words as [`run`] does; `told` hears each line of standard error as it comes.
pub(crate) async fn run_told(
    words: &[String],
    input: &[u8],
    limit: Duration,
    mut told: impl FnMut(&str),
) -> Result<Output, SandboxError> {
    let name = words.first().cloned().unwrap_or_default();
    let shown = || words.iter().take(12).cloned().collect::<Vec<_>>().join(" ");
    let mut command = Command::new(&name);
    command
        .args(words.iter().skip(1))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let no_program =
        |source: std::io::Error| SandboxError::File { what: "run", path: name.clone().into(), source };
    let mut child = command.spawn().map_err(no_program)?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Who has heard enough closes early; its status tells whether that was right.
            let _ = stdin.write_all(input).await;
        }
    };
    let stderr = child.stderr.take();
    let hear = async {
        let mut all = Vec::new();
        let Some(stderr) = stderr else { return Ok(all) };
        let mut stderr = BufReader::new(stderr);
        loop {
            let before = all.len();
            if stderr.read_until(b'\n', &mut all).await? == 0 {
                return Ok::<_, std::io::Error>(all);
            }
            told(String::from_utf8_lossy(&all[before..]).trim_end());
        }
    };
    let whole = async {
        let ((), heard, ended) = tokio::join!(feed, hear, child.wait_with_output());
        Ok((heard?, ended?))
    };
    let (heard, ended) = tokio::time::timeout(limit, whole)
        .await
        .map_err(|_| SandboxError::Late { program: shown(), seconds: limit.as_secs() })?
        .map_err(no_program)?;
    group.has_ended();
    let errors = String::from_utf8_lossy(&heard).into_owned();
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.status.success() {
        return Ok(Output { text, errors });
    }
    let said = if errors.trim().is_empty() { text } else { errors };
    let said = said.trim();
    let from = (said.len().saturating_sub(TAIL)..said.len()).find(|at| said.is_char_boundary(*at));
    Err(SandboxError::Command {
        program: shown(),
        status: ended.status.to_string(),
        said: said[from.unwrap_or(0)..].to_owned(),
    })
}
