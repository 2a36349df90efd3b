//! User accounts, their keys and their rights. Keys that others have put beside Phoenix's stay.

use std::collections::BTreeSet;

use phoenix_core::{
    Diagnostic, Draft, Evidence, Probe, Problems, StepId,
    draft::{self, File},
};

use super::{NAME, block};
use crate::config::{Account, Config, SshKey, User};

pub(super) fn check(problems: &mut Problems, config: &Config) {
    let mut seen = BTreeSet::new();
    for (index, user) in config.users.iter().enumerate() {
        let message = if user.name.as_str() == "root" {
            "`root` is always there and is not among `users`".to_owned()
        } else if seen.insert(&user.name) {
            continue;
        } else {
            format!("the user `{}` is there twice", user.name)
        };
        let hint = "take the entry out of `users`; keys of root belong into `root_ssh_keys`";
        problems.refuse(format!("/users/{index}/name"), message, hint);
    }
}

pub(super) fn draft(draft: &mut Draft<'_>, config: &Config, installed: Option<&StepId>) {
    keys(draft, "root", "/root", &config.root_ssh_keys, None);
    for user in &config.users {
        let account = draft::Account {
            name: user.name.as_str(),
            shell: Some(user.shell.as_str()),
            groups: user.groups.iter().map(Account::to_string).collect(),
            password_hash: user.password_hash.clone(),
        };
        // A shell or a group may come with a package.
        let made = draft.user(account, [installed.cloned()]);
        let home = home(draft, user);
        keys(draft, user.name.as_str(), &home, &user.ssh_keys, made.as_ref());
        sudo(draft, user, [installed.cloned(), made]);
    }
}

/// Returns a user's home directory; Debian's choice while there is no such user.
fn home(draft: &Draft<'_>, user: &User) -> String {
    match draft.ask(Probe::User { site: draft.site().clone(), name: user.name.to_string() }) {
        Some(Evidence::User { home, .. }) => home.trim_end_matches('/').to_owned(),
        _ => format!("/home/{}", user.name),
    }
}

fn keys(draft: &mut Draft<'_>, owner: &str, home: &str, keys: &[SshKey], made: Option<&StepId>) {
    let path = format!("{home}/.ssh/authorized_keys");
    let found = draft.file(&path);
    let text = found.map(|found| found.text.as_deref());
    if text == Some(None) && !keys.is_empty() {
        // Written without what is in it, the keys of others would be lost.
        let message = format!("feature `{NAME}`: `{path}` in `{}` is too large or no text", draft.site());
        let hint = "look at the file: Phoenix keeps the keys of others in it and must be able to read them";
        return draft.find(Diagnostic::error("unreadable-keys", message).with_hint(hint));
    }
    let content = block(keys.iter().map(|key| key.as_str().to_owned()));
    // Without keys, a file is touched only to take the block of a former run out of it.
    let has_block = |text: &str| content.over(text).as_deref() != Some(text);
    if keys.is_empty() && !text.flatten().is_some_and(has_block) {
        return;
    }
    // `sshd` takes no keys from a directory that others can write to.
    let (verb, folder) = (format!("make-ssh-directory-{owner}"), format!("{home}/.ssh"));
    let folder = draft.directory(&verb, &folder, (0o700, owner), [made.cloned()]);
    let file = File::text(&path, "").holding(content).with_mode(0o600).owned_by(owner);
    draft.write(&format!("authorize-keys-{owner}"), file, [made.cloned(), folder]);
}

fn sudo(draft: &mut Draft<'_>, user: &User, after: [Option<StepId>; 2]) {
    let name = &user.name;
    // The name has no dot: `sudo` passes over files with one.
    let path = format!("/etc/sudoers.d/phoenix-{name}");
    if user.sudo {
        // Somebody without a password could not type one.
        let tag = if user.password_hash.is_some() { "" } else { "NOPASSWD: " };
        let file = File::text(&path, format!("{name} ALL=(ALL:ALL) {tag}ALL\n")).with_mode(0o440);
        draft.write(&format!("allow-sudo-{name}"), file, after);
    } else {
        let reason = format!("`{name}` may no longer use `sudo`");
        draft.removed(&format!("forbid-sudo-{name}"), &path, reason, []);
    }
}
