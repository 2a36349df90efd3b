//! What an errand answers: lines of a word and fields in base64, after a line that tells them from what a login shell may
//! say first.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use phoenix_core::{BackendError, ErrorKind, Evidence, Probe, Site, evidence::FileState};
use sha2::{Digest, Sha256};

/// The line that an errand begins its answer with.
const GREETING: &str = "phoenix 1";
/// The longest content that is kept whole.
pub(super) const TEXT_LIMIT: usize = 64 << 10;

/// Returns the lines of an errand's answer; none if the errand has not begun.
pub(super) fn lines(output: &[u8]) -> Option<Vec<&str>> {
    let text = match std::str::from_utf8(output) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&output[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut lines = text.lines().skip_while(|line| *line != GREETING);
    lines.next().map(|_| lines.collect())
}

/// Returns the answer to a probe.
pub(super) fn evidence(site: &Site, probe: &Probe, line: &str) -> Result<Evidence, BackendError> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let read = match word {
        "absent" => Some(Evidence::Absent),
        "unreachable" => texts(rest).map(|texts| Evidence::Unreachable { reason: tidy(&first(&texts)) }),
        "file" => file(rest).transpose().map_err(|problem| failed(site, &problem))?,
        "package" => texts(rest).map(|texts| Evidence::Package { version: first(&texts) }),
        "unit" => texts(rest).map(|texts| unit(&first(&texts), texts.get(1).map_or("", String::as_str))),
        "user" => texts(rest).and_then(|texts| user(&texts)),
        "ended" => output(rest),
        "late" => return Err(late(site, program(probe))),
        "long" => return Err(long(site, program(probe))),
        "failed" => {
            return Err(failed(site, &texts(rest).map(|texts| first(&texts)).unwrap_or_default()));
        }
        _ => None,
    };
    read.ok_or_else(|| garbled(site))
}

/// Reads how an action ended.
pub(super) fn done(site: &Site, line: &str, what: &str) -> Result<(), BackendError> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "done" => Ok(()),
        "changed" => Err(BackendError::new(
            ErrorKind::Changed,
            format!("the file in `{site}` was changed while it was written"),
        )),
        "late" => Err(late(site, what)),
        "failed" => {
            let texts = texts(rest).ok_or_else(|| garbled(site))?;
            let mut error = failed(site, &first(&texts));
            error.log = texts.get(1).map(|log| tail(log)).unwrap_or_default();
            if error.log.iter().any(|line| line.contains("No space left on device")) {
                error.kind = ErrorKind::Full;
            }
            Err(error)
        }
        "ran" => Err(output(rest).map_or_else(|| garbled(site), |said| unwell(site, &said, what))),
        _ => Err(garbled(site)),
    }
}

/// Reads what a command answered.
pub(super) fn answered(site: &Site, line: &str, what: &str) -> Result<Vec<u8>, BackendError> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match (word, output(rest)) {
        ("ended", Some(Evidence::Output { status: 0, stdout, .. })) => Ok(stdout.into_bytes()),
        ("ended", Some(said)) => Err(unwell(site, &said, what)),
        ("late", _) => Err(late(site, what)),
        ("long", _) => Err(long(site, what)),
        ("failed", _) => Err(failed(site, &texts(rest).map(|texts| first(&texts)).unwrap_or_default())),
        _ => Err(garbled(site)),
    }
}

/// Returns the error of a command that did not end with status 0.
fn unwell(site: &Site, said: &Evidence, what: &str) -> BackendError {
    let Evidence::Output { status, stdout, stderr } = said else { return garbled(site) };
    let message = format!("`{what}` ended with status {status} in `{site}`");
    let mut error = BackendError::new(ErrorKind::Failed, message);
    error.log = tail(&format!("{stderr}\n{stdout}"));
    match status {
        127 => error.with_hint(format!("`{what}` is not there: is its package installed?")),
        _ => error,
    }
}

/// Returns the error of what an errand cannot be without.
pub(super) fn lacking(site: &Site, line: &str) -> Option<BackendError> {
    let tool = line.strip_prefix("lacking ")?;
    let message = format!("`{site}` has no `{tool}`, which work inside it needs");
    Some(
        BackendError::new(ErrorKind::Failed, message)
            .with_hint("install `coreutils` (or busybox) there, or take features out of the guest"),
    )
}

/// Returns the error of an answer that is not one.
pub(super) fn garbled(site: &Site) -> BackendError {
    BackendError::new(ErrorKind::Failed, format!("the answer from `{site}` broke off or cannot be read"))
        .with_hint("run the command again; `-vv` shows what was asked")
}

fn file(rest: &str) -> Option<Result<Evidence, String>> {
    let fields: Vec<&str> = rest.split(' ').collect();
    let [kind, is_link, mode, _size, owner, group, sum, link, content, problem] = fields[..] else {
        return None;
    };
    let problem = text(problem)?;
    if !problem.is_empty() {
        return Some(Err(problem));
    }
    let sum = text(sum)?;
    let content = STANDARD.decode(content).ok()?;
    let is_whole = content.len() <= TEXT_LIMIT;
    let sha256 = match (kind, is_whole) {
        ("file", true) => hex(&Sha256::digest(&content)),
        ("file", false) => {
            let sum = sum.split(' ').next().unwrap_or_default();
            let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_sum {
                return Some(Err("its content cannot be hashed: there is no `sha256sum`".to_owned()));
            }
            sum.to_owned()
        }
        _ => String::new(),
    };
    Some(Ok(Evidence::File(FileState {
        directory: kind == "directory",
        sha256,
        mode: u32::from_str_radix(mode, 8).ok()?,
        owner: owner.to_owned(),
        group: group.to_owned(),
        link: (is_link == "yes").then(|| text(link)).flatten(),
        text: (kind == "file" && is_whole).then(|| String::from_utf8(content).ok()).flatten(),
    })))
}

fn unit(shown: &str, stale: &str) -> Evidence {
    let value = |key: &str| {
        let mut lines = shown.lines().filter_map(|line| line.split_once('='));
        lines.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    };
    if matches!(value("LoadState"), "not-found" | "") {
        return Evidence::Absent;
    }
    let has_run = !matches!(value("ExecMainStartTimestampMonotonic"), "" | "0");
    let active = match value("ActiveState") {
        "active" | "reloading" | "refreshing" => true,
        "inactive" => value("Type") == "oneshot" && value("Result") == "success" && has_run,
        _ => false,
    };
    // As `systemctl is-enabled` has it, without what the next boot forgets: what cannot be enabled counts as enabled.
    let states = ["enabled", "alias", "static", "indirect", "generated"];
    let enabled = states.contains(&value("UnitFileState"));
    Evidence::Unit { active, enabled, stale: stale.lines().map(str::to_owned).collect() }
}

fn user(texts: &[String]) -> Option<Evidence> {
    let [entry, groups, own] = texts else { return None };
    let fields: Vec<&str> = entry.split(':').collect();
    let groups: BTreeSet<String> =
        groups.split_whitespace().filter(|group| *group != own.trim()).map(str::to_owned).collect();
    Some(Evidence::User {
        uid: fields.get(2)?.parse().ok()?,
        shell: fields.get(6).unwrap_or(&"").trim_end().to_owned(),
        home: (*fields.get(5)?).to_owned(),
        groups,
    })
}

fn output(rest: &str) -> Option<Evidence> {
    let fields: Vec<&str> = rest.split(' ').collect();
    let [status, stdout, stderr] = fields[..] else { return None };
    Some(Evidence::Output { status: status.parse().ok()?, stdout: text(stdout)?, stderr: text(stderr)? })
}

fn text(field: &str) -> Option<String> {
    STANDARD.decode(field).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn texts(rest: &str) -> Option<Vec<String>> {
    rest.split(' ').map(text).collect()
}

fn first(texts: &[String]) -> String {
    texts.first().cloned().unwrap_or_default()
}

fn program(probe: &Probe) -> &str {
    match probe {
        Probe::Command { argv, .. } => argv.first().map_or("", String::as_str),
        _ => "",
    }
}

fn tail(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(20)..].iter().map(|line| (*line).to_owned()).collect()
}

fn tidy(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

fn failed(site: &Site, message: &str) -> BackendError {
    let message = tidy(message);
    let kind = match message.contains("No space left on device") {
        true => ErrorKind::Full,
        false => ErrorKind::Failed,
    };
    BackendError::new(kind, format!("{message} (in `{site}`)"))
}

fn late(site: &Site, what: &str) -> BackendError {
    BackendError::new(ErrorKind::Timeout, format!("`{what}` took too long in `{site}` and was ended"))
        .with_hint(format!("run it in `{site}` by hand and see what it waits for"))
}

fn long(site: &Site, what: &str) -> BackendError {
    BackendError::new(ErrorKind::Failed, format!("`{what}` in `{site}` says more than is kept and was ended"))
        .with_hint("let it say less: only what a plan needs to know is worth asking for")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_begins_after_what_a_login_says() {
        assert_eq!(lines(b"Welcome!\nphoenix 1\nabsent\nend\n"), Some(vec!["absent", "end"]));
        assert_eq!(lines(b"Welcome!\n"), None);
    }

    fn found(active: bool, enabled: bool) -> Evidence {
        Evidence::Unit { active, enabled, stale: BTreeSet::new() }
    }

    #[test]
    fn a_oneshot_that_has_run_is_active() {
        let shown = |active: &str, kind: &str, state: &str| {
            unit(
                &format!(
                    "Type={kind}\nResult=success\nExecMainStartTimestampMonotonic=7\nLoadState=loaded\nActiveState={active}\nUnitFileState={state}\n"
                ),
                "",
            )
        };
        assert_eq!(shown("inactive", "oneshot", "enabled"), found(true, true));
        assert_eq!(shown("inactive", "simple", "disabled"), found(false, false));
        assert_eq!(shown("active", "simple", "static"), found(true, true));
        assert_eq!(unit("LoadState=not-found\nActiveState=inactive\n", ""), Evidence::Absent);
    }
}
