//! Programs of this machine, each with a limit.

use std::{process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command};

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

/// Runs words for at most so long, with `input` on standard input. Fails if the status is not zero.
pub async fn run(words: &[String], input: &[u8], limit: Duration) -> Result<Output, SandboxError> {
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
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Who has heard enough closes early; its status tells whether that was right.
            let _ = stdin.write_all(input).await;
        }
    };
    let whole = async { tokio::join!(feed, child.wait_with_output()).1 };
    let ended = tokio::time::timeout(limit, whole)
        .await
        .map_err(|_| SandboxError::Late { program: shown(), seconds: limit.as_secs() })?
        .map_err(no_program)?;
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
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
