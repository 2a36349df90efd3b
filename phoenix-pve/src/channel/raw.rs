//! Raw `lxc.*` lines of containers: PVE has no call for them, so the configuration is read and replaced on the container's
//! node, under the lock that PVE's own tools take.

use base64::{Engine, engine::general_purpose::STANDARD};
use phoenix_core::{BackendError, ErrorKind, GuestId, GuestKind};
use sha2::{Digest, Sha256};

use super::{
    answer,
    live::{Came, Errand, LiveChannel},
    request,
};

const RAW: &str = concat!(include_str!("script/prelude.sh"), include_str!("script/raw.sh"));
/// How often a configuration is tried that somebody else writes to as well.
const CONTESTED: usize = 5;

impl LiveChannel {
    /// Replaces the raw lines of a container.
    pub(super) async fn write_raw_keys(
        &self,
        guest: GuestId,
        lines: &[(String, String)],
    ) -> Result<(), BackendError> {
        check(guest, lines)?;
        let missing = || BackendError::new(ErrorKind::NotFound, format!("guest `{guest}` does not exist"));
        let node = self.node_of(guest).await?.ok_or_else(missing)?;
        let file = self.pve_dir.join("nodes").join(&node).join("lxc").join(format!("{}.conf", guest.vmid));
        let file = file.to_string_lossy().into_owned();
        let lock = self.lock_dir.join(format!("pve-config-{}.lock", guest.vmid));
        let lock = lock.to_string_lossy().into_owned();
        for _ in 0..CONTESTED {
            let read = self.raw(&node, request::line("read", &[&file])?).await?;
            let Some(old) = text_of(&read).transpose()? else { return Err(missing()) };
            if let Some(holder) = locked_by(&old) {
                let message = format!("CT is locked ({holder}), so its raw keys cannot be set");
                return Err(BackendError::new(ErrorKind::Locked, message));
            }
            let new = with_raw_lines(&old, lines);
            if new == old {
                return Ok(());
            }
            let sum: String = Sha256::digest(&old).iter().map(|byte| format!("{byte:02x}")).collect();
            let mut input = request::line("write", &[&file, &lock, &sum])?;
            input.push_str(&STANDARD.encode(&new));
            input.push('\n');
            let said = self.raw(&node, input).await?;
            match said.split(' ').next() {
                Some("done") => return Ok(()),
                Some("changed") => {}
                Some("absent") => return Err(missing()),
                Some("locked") => {
                    let message = format!("can't lock file `{lock}` on `{node}` - got timeout");
                    return Err(BackendError::new(ErrorKind::Locked, message));
                }
                Some(_) | None => return Err(refused(&node, &file, &said)),
            }
        }
        let message = format!("the configuration of `{guest}` is changed all the time by somebody else");
        Err(BackendError::new(ErrorKind::Changed, message).with_hint("run `phoenix plan` again"))
    }

    async fn raw(&self, node: &str, input: String) -> Result<String, BackendError> {
        let errand = Errand { script: RAW, input: input.as_bytes(), limit: self.limits.quick };
        let unreachable = |reason: String| Err(BackendError::new(ErrorKind::Unreachable, reason));
        match self.on_node(node, errand).await? {
            Came::Answer(output) => {
                let lines = answer::lines(&output).unwrap_or_default();
                Ok(lines.last().copied().unwrap_or_default().to_owned())
            }
            Came::Absent => unreachable(format!("the cluster tells no address of its node `{node}`")),
            Came::Unreachable(reason) => unreachable(reason),
        }
    }
}

fn check(guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError> {
    let invalid = |message: String| Err(BackendError::new(ErrorKind::Invalid, message));
    if guest.kind != GuestKind::Lxc {
        return invalid(format!("`{guest}` is no container: it has no raw `lxc.*` keys"));
    }
    for (key, value) in lines {
        let rest = key.strip_prefix("lxc.").unwrap_or_default();
        let is_key = !rest.is_empty()
            && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
        if !is_key || value.contains(['\n', '\r', '\0']) {
            return invalid(format!("`{key}` is no raw key, or its value is more than a line"));
        }
    }
    Ok(())
}

/// Returns the text of a configuration that was read; none if there is none.
fn text_of(said: &str) -> Option<Result<String, BackendError>> {
    let garbled = || BackendError::new(ErrorKind::Failed, "the configuration cannot be read");
    match said.split_once(' ') {
        _ if said == "absent" => None,
        Some(("text", field)) => {
            let bytes = STANDARD.decode(field).map_err(|_| garbled());
            Some(bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| garbled())))
        }
        Some(_) | None => Some(Err(garbled())),
    }
}

fn refused(node: &str, file: &str, said: &str) -> BackendError {
    let field = said.split(' ').nth(1).unwrap_or_default();
    let why = STANDARD.decode(field).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let message = format!("`{file}` on `{node}` could not be written: {}", why.unwrap_or_default());
    BackendError::new(ErrorKind::Failed, message).with_hint(format!(
        "`pvecm status` on `{node}` tells whether the cluster has a quorum: without one nothing can be written"
    ))
}

/// Returns what locks the configuration.
fn locked_by(text: &str) -> Option<&str> {
    text.lines()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| Some(line.strip_prefix("lock:")?.trim()))
}

/// Returns a configuration with these raw lines in its main section, where PVE itself puts them, and no others. What
/// follows, snapshots and what waits for a start, stays as it is.
fn with_raw_lines(text: &str, raw: &[(String, String)]) -> String {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let main = all.iter().position(|line| line.starts_with('[')).unwrap_or(all.len());
    let (main, rest) = all.split_at(main);
    let blank = main.iter().rev().take_while(|line| line.trim().is_empty()).count();
    let (main, blank) = main.split_at(main.len() - blank);
    let mut new = String::with_capacity(text.len());
    for line in main.iter().filter(|line| !line.starts_with("lxc.")) {
        new.push_str(line);
    }
    if !raw.is_empty() && !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    for (key, value) in raw {
        new.push_str(&format!("{key}: {}\n", value.trim()));
    }
    for line in blank.iter().chain(rest) {
        new.push_str(line);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "#hello\narch: amd64\nlxc.apparmor.profile: unconfined\nmemory: 512\n\n[clean]\nmemory: 256\nlxc.cap.drop: \n";

    fn raw(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn raw_lines_stand_at_the_end_of_the_main_section_alone() {
        let new = with_raw_lines(
            CONFIG,
            &raw(&[("lxc.cap.drop", ""), ("lxc.cgroup2.devices.allow", "c 195:* rwm")]),
        );
        assert_eq!(
            new,
            "#hello\narch: amd64\nmemory: 512\nlxc.cap.drop: \nlxc.cgroup2.devices.allow: c 195:* rwm\n\n[clean]\nmemory: 256\nlxc.cap.drop: \n"
        );
        assert_eq!(
            with_raw_lines(&new, &raw(&[("lxc.cap.drop", ""), ("lxc.cgroup2.devices.allow", "c 195:* rwm")])),
            new
        );
        assert_eq!(with_raw_lines("arch: amd64", &raw(&[("lxc.a", "b")])), "arch: amd64\nlxc.a: b\n");
        assert_eq!(with_raw_lines(CONFIG, &[]), CONFIG.replace("lxc.apparmor.profile: unconfined\n", ""));
    }

    #[test]
    fn what_would_be_another_line_is_refused() {
        for odd in [("lxc.a", "b\nmemory: 1"), ("memory", "1"), ("lxc.", ""), ("lxc.a: b\nx", "")] {
            let refused = check(GuestId::lxc(100), &raw(&[odd])).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Invalid, "{odd:?}");
        }
        assert!(check(GuestId::vm(100), &[]).is_err());
    }

    #[test]
    fn a_lock_is_seen_in_the_main_section_alone() {
        assert_eq!(locked_by("arch: amd64\nlock: backup\n"), Some("backup"));
        assert_eq!(locked_by("arch: amd64\n[s]\nlock: backup\n"), None);
    }
}
