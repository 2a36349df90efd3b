//! What an errand is given: a line for each probe, or a line and a body for an action. Words are written so that a shell
//! cannot find a meaning in them.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use phoenix_core::{
    Action, Artifact, BackendError, Content, ErrorKind, Probe, Site, UnitGoal,
    artifact::{Format, Source},
    earlier,
};
use sha2::{Digest, Sha256};

/// The script that answers probes.
pub(super) const ASK: &str = concat!(include_str!("script/prelude.sh"), include_str!("script/ask.sh"));
/// The script that performs an action.
pub(super) const ACT: &str = concat!(include_str!("script/prelude.sh"), include_str!("script/act.sh"));

/// Bytes that stand for themselves.
const PLAIN: &[u8] = b"/._:@%+,-";

/// What a file must hold when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Anything, or it need not be there.
    Any,
    /// What has this SHA-256; `none` if it must not be there.
    Sha256(String),
}

/// Returns the line of a probe. `limit` and `bytes` are what a command may take and say.
pub(super) fn probe(probe: &Probe, limit: Duration, bytes: usize) -> Result<String, BackendError> {
    match probe {
        Probe::File { path, .. } => line("file", &[absolute(path)?]),
        Probe::Package { name, .. } => line("package", &[name]),
        Probe::Unit { name, reads, .. } => {
            let mut words = vec![name.as_str()];
            for path in reads {
                words.push(absolute(path)?);
            }
            line("unit", &words)
        }
        Probe::User { name, .. } => line("user", &[name]),
        Probe::Command { argv, .. } => {
            let (seconds, bytes) = (limit.as_secs().to_string(), bytes.to_string());
            let mut words = vec![seconds.as_str(), &bytes];
            words.extend(checked(argv)?);
            line("command", &words)
        }
        Probe::Nodes
        | Probe::Guests
        | Probe::Storages { .. }
        | Probe::Volumes { .. }
        | Probe::Config { .. }
        | Probe::Snapshots { .. }
        | Probe::Firewall { .. }
        | Probe::FirewallNames { .. }
        | Probe::Objects { .. } => Err(invalid("this is a question to the API, not to a site")),
    }
}

/// Returns what an errand is given to perform an action. `body` is what it writes or hands over.
pub(super) fn action(
    action: &Action,
    body: Option<&[u8]>,
    expected: &Expected,
    limit: Duration,
) -> Result<Vec<u8>, BackendError> {
    let seconds = limit.as_secs().to_string();
    let given = if body.is_some() { "given" } else { "none" };
    let line = match action {
        Action::WriteFile { site, path, mode, owner, group, check, .. } => {
            let owner = format!("{owner}:{group}");
            let expected = match expected {
                Expected::Any => "any",
                Expected::Sha256(sum) => sum,
            };
            let (beside, mode) = (beside(path), octal(*mode));
            let folder = absolute(path)?.rsplit_once('/').map_or("", |(folder, _)| folder);
            let check: Vec<String> =
                check.iter().map(|word| word.replace("{}", &format!("{folder}/{beside}"))).collect();
            // A guest is made anew where it is wanted as it was; a host is not.
            let (kept, nothing) = match site {
                Site::Host(_) => (earlier::kept(path), earlier::nothing(path)),
                Site::Guest(_) => Default::default(),
            };
            let mut words = vec![path.as_str(), &beside, &owner, &mode, expected, &seconds, &kept, &nothing];
            words.extend(check.iter().map(String::as_str));
            line("write", &words)?
        }
        Action::InstallArtifact { artifact, path, mode, .. } => {
            let url = match &artifact.source {
                Source::Url(url) => web_address(url)?,
                Source::File(_) => "",
            };
            let member = artifact.unpack.as_ref().and_then(|unpack| unpack.member.as_deref());
            let format = match artifact.unpack.as_ref().map(|unpack| unpack.format) {
                None => "plain",
                Some(Format::Tar) => "tar",
                Some(Format::Zip) => "zip",
            };
            let (stamp, mode) = (artifact.stamp_path(), octal(*mode));
            let member = member.unwrap_or_default();
            let words = [
                &seconds,
                absolute(path)?,
                &beside(path),
                &mode,
                &artifact.sha256,
                url,
                format,
                member,
                &stamp,
            ];
            line("artifact", &words)?
        }
        Action::MakeDirectory { path, mode, owner, group, .. } => {
            line("directory", &[absolute(path)?, &format!("{owner}:{group}"), &octal(*mode)])?
        }
        Action::Symlink { path, target, .. } => line("symlink", &[absolute(path)?, &beside(path), target])?,
        Action::RemoveFile { path, .. } => line("remove", &[absolute(path)?])?,
        Action::InstallPackages { names, .. } => {
            if let Some(odd) = names.iter().find(|name| !is_package(name)) {
                return Err(invalid(format!("`{odd}` is no name of a Debian package")));
            }
            let words: Vec<&str> =
                std::iter::once(seconds.as_str()).chain(names.iter().map(String::as_str)).collect();
            line("install", &words)?
        }
        Action::EnsureUser { name, shell, groups, .. } => {
            let mut words = vec![seconds.as_str(), name, shell, given];
            words.extend(groups.iter().map(String::as_str));
            line("user", &words)?
        }
        Action::SetUnit { name, goal, enabled, .. } => {
            let verb = match goal {
                UnitGoal::Started => "start",
                UnitGoal::Restarted => "restart",
                UnitGoal::Reloaded => "reload-or-restart",
                UnitGoal::Stopped => "stop",
            };
            line("unit", &[&seconds, name, verb, if *enabled { "enable" } else { "disable" }])?
        }
        Action::Run { argv, .. } => {
            let mut words = vec![seconds.as_str(), given];
            words.extend(checked(argv)?);
            line("run", &words)?
        }
        Action::Reboot { .. } => line("run", &[&seconds, given, "systemctl", "reboot"])?,
        Action::Await { .. }
        | Action::FetchOsTemplate { .. }
        | Action::FetchImage { .. }
        | Action::CreateLxc { .. }
        | Action::CreateVm { .. }
        | Action::Clone { .. }
        | Action::Configure { .. }
        | Action::SetRawKeys { .. }
        | Action::Resize { .. }
        | Action::Start { .. }
        | Action::Stop { .. }
        | Action::Migrate { .. }
        | Action::Delete { .. }
        | Action::Snapshot { .. }
        | Action::DeleteSnapshot { .. }
        | Action::Rollback { .. }
        | Action::MakeTemplate { .. }
        | Action::Firewall { .. }
        | Action::Object { .. } => {
            return Err(invalid("this is an action of the API, not of a site"));
        }
    };
    let mut input = line.into_bytes();
    input.extend(STANDARD.encode(body.unwrap_or_default()).into_bytes());
    input.push(b'\n');
    Ok(input)
}

/// Returns what an errand is given to have a command answer what it reads.
pub(super) fn answer(
    argv: &[String],
    stdin: Option<&[u8]>,
    limit: Duration,
    bytes: usize,
) -> Result<Vec<u8>, BackendError> {
    let given = if stdin.is_some() { "given" } else { "none" };
    let (seconds, bytes) = (limit.as_secs().to_string(), bytes.to_string());
    let mut words = vec![seconds.as_str(), &bytes, given];
    words.extend(checked(argv)?);
    let mut input = line("answer", &words)?.into_bytes();
    input.extend(STANDARD.encode(stdin.unwrap_or_default()).into_bytes());
    input.push(b'\n');
    Ok(input)
}

/// Returns the content that an action writes or hands over, as far as it needs to know nothing else.
pub(super) fn body(action: &Action, secret: Option<&[u8]>) -> Option<Vec<u8>> {
    let content = |content: &Content| match content.over("") {
        Some(text) => text.into_bytes(),
        None => secret.unwrap_or_default().to_vec(),
    };
    match action {
        Action::InstallArtifact { artifact: Artifact { source: Source::File(_), .. }, .. } => {
            secret.map(<[u8]>::to_vec)
        }
        Action::WriteFile { content: wanted, .. } | Action::Run { stdin: Some(wanted), .. } => {
            Some(content(wanted))
        }
        Action::EnsureUser { password_hash: Some(_), .. } => secret.map(<[u8]>::to_vec),
        _ => None,
    }
}

/// Returns a line of a verb and words.
pub(super) fn line(verb: &str, words: &[&str]) -> Result<String, BackendError> {
    let mut line = verb.to_owned();
    for word in words {
        if word.contains('\0') {
            return Err(invalid("a path, name or argument has a NUL in it"));
        }
        line.push_str(" =");
        for byte in word.bytes() {
            match byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
                true => line.push(char::from(byte)),
                false => line.push_str(&format!("\\0{byte:03o}")),
            }
        }
    }
    line.push('\n');
    Ok(line)
}

fn checked(argv: &[String]) -> Result<impl Iterator<Item = &str>, BackendError> {
    match argv.first().is_none_or(String::is_empty) {
        true => Err(invalid("the command has no program")),
        false => Ok(argv.iter().map(String::as_str)),
    }
}

fn absolute(path: &str) -> Result<&str, BackendError> {
    match path.starts_with('/') {
        true => Ok(path),
        false => Err(invalid(format!("`{path}` is no absolute path"))),
    }
}

fn web_address(url: &str) -> Result<&str, BackendError> {
    match url.starts_with("https://") || url.starts_with("http://") {
        true => Ok(url),
        false => Err(invalid(format!("`{url}` is no address of a web server"))),
    }
}

/// Returns the name of the new file beside a path: always the same, so that what was left by a run that was cut off is
/// replaced and not added to.
fn beside(path: &str) -> String {
    let sum = Sha256::digest(path);
    let digits: String = sum.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!(".phoenix-{digits}")
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// Tells whether apt takes a word for a name: `-` and `+` at its end, `/` and `=` would be orders.
fn is_package(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(is_plain)
        && !name.ends_with('-')
        && name.chars().all(|c| is_plain(c) || "+.-:".contains(c))
}

fn invalid(message: impl Into<String>) -> BackendError {
    BackendError::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use phoenix_core::{GuestId, Site};

    use super::*;

    #[test]
    fn words_mean_nothing_to_a_shell() {
        let odd = "$(id) `id` 'a' \"b\"\n* \\0101 -rf ~ ü;&|<>";
        let line = line("file", &[odd, ""]).unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._:@%+,-=\\ \n".contains(c);
        assert!(line.chars().all(plain), "{line}");
        assert!(line.ends_with(" =\n"), "an empty word is a word");
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(super::line("x", &["a\0b"]).unwrap_err().kind, ErrorKind::Invalid);
    }

    #[test]
    fn a_relative_path_and_an_order_to_apt_are_refused() {
        let site = Site::Guest(GuestId::lxc(100));
        let relative = Probe::File { site: site.clone(), path: "etc/motd".to_owned() };
        assert_eq!(probe(&relative, Duration::ZERO, 1).unwrap_err().kind, ErrorKind::Invalid);
        for odd in ["vim-", "-y", "vim/testing", "vim=1", "Vim", ""] {
            let names = [odd.to_owned()].into();
            let install = Action::InstallPackages { site: site.clone(), names };
            let refused = action(&install, None, &Expected::Any, Duration::ZERO);
            assert_eq!(refused.unwrap_err().kind, ErrorKind::Invalid, "{odd}");
        }
        let names = ["g++".to_owned(), "libc6:i386".to_owned()].into();
        assert!(
            action(&Action::InstallPackages { site, names }, None, &Expected::Any, Duration::ZERO).is_ok()
        );
    }
}
