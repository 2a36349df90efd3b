//! Secrets: a reference becomes its content here, just before it is handed to the guest channel. The content is
//! never logged and never part of an error.

use std::{io, process::Command};

use phoenix_core::SecretRef;

use crate::error::PveError;

/// Returns the content of a secret.
pub async fn resolve(secret: &SecretRef) -> Result<Vec<u8>, PveError> {
    let reference = secret.clone();
    // A program may take its time, and files block: neither may hold up the runtime.
    let read = tokio::task::spawn_blocking(move || read(&reference)).await;
    read.unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| PveError::Secret { reference: secret.to_string(), source })
}

fn read(secret: &SecretRef) -> io::Result<Vec<u8>> {
    let content = content(secret)?;
    // An account with an empty hash lets everybody in.
    match content.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
        false => Ok(content),
    }
}

fn content(secret: &SecretRef) -> io::Result<Vec<u8>> {
    match secret {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(text) => Ok(text.into_bytes()),
            Err(error) => Err(io::Error::new(io::ErrorKind::NotFound, hide_content(&error))),
        },
        SecretRef::File(path) => std::fs::read(path).map(without_line_end),
        SecretRef::Cmd(argv) => {
            let (program, arguments) = argv
                .split_first()
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"))?;
            let output = Command::new(program).args(arguments).output()?;
            if !output.status.success() {
                return Err(io::Error::other(format!("the command ended with {}", output.status)));
            }
            Ok(without_line_end(output.stdout))
        }
    }
}

/// Returns what is wrong with a variable. `VarError::NotUnicode` would print its content.
fn hide_content(error: &std::env::VarError) -> &'static str {
    match error {
        std::env::VarError::NotPresent => "the environment variable is not set",
        std::env::VarError::NotUnicode(_) => "the environment variable is not UTF-8",
    }
}

fn without_line_end(mut content: Vec<u8>) -> Vec<u8> {
    if content.last() == Some(&b'\n') {
        content.pop();
        if content.last() == Some(&b'\r') {
            content.pop();
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_empty_is_none() {
        let printed = |text: &str| read(&SecretRef::Cmd(vec!["printf".into(), text.into()]));
        assert_eq!(printed("hash\\n").unwrap(), b"hash");
        assert_eq!(printed("\\n").unwrap_err().to_string(), "it is empty");
    }
}
