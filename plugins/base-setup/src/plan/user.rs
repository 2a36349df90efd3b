//! User accounts, their keys and their rights. Keys that others have put beside Phoenix's stay.

use std::collections::BTreeSet;

use phoenix_core::{Action, Content, Diagnostic, Evidence, StepId, evidence::FileState};

use super::{Draft, File, block, old};
use crate::{
    config::{Account, Config, SshKey, User},
    probes,
    setup::NAME,
};

pub(super) fn plan(draft: &mut Draft<'_>, config: &Config) {
    keys(draft, "root", "/root", &config.root_ssh_keys, None);
    let mut seen = BTreeSet::new();
    for (index, user) in config.users.iter().enumerate() {
        let is_root = user.name.as_str() == "root";
        if is_root || !seen.insert(&user.name) {
            let message = match is_root {
                true => format!("feature `{NAME}`: `root` is always there and is not among `users`"),
                false => format!("feature `{NAME}`: the user `{}` is there twice", user.name),
            };
            let mut finding = Diagnostic::error("feature-config", message)
                .with_hint("take the entry out of `users`; keys of root belong into `root_ssh_keys`");
            finding.place =
                Some(phoenix_core::Place { path: format!("/users/{index}/name"), ..Default::default() });
            draft.findings.push(finding);
            continue;
        }
        let made = account(draft, user);
        let home = probes::home(draft.site, user, draft.facts);
        keys(draft, user.name.as_str(), &home, &user.ssh_keys, made.as_ref());
        sudo(draft, user, made);
    }
}

fn account(draft: &mut Draft<'_>, user: &User) -> Option<StepId> {
    let reason = match draft.facts.get(&probes::account(draft.site, user)) {
        Some(Evidence::User { shell, groups, .. }) => {
            let missing: Vec<String> = user
                .groups
                .iter()
                .filter(|group| !groups.contains(group.as_str()))
                .map(|group| format!("`{group}`"))
                .collect();
            match (shell == user.shell.as_str(), missing.is_empty()) {
                (true, true) => return None,
                (false, _) => {
                    format!("the shell of `{}` is `{shell}` instead of `{}`", user.name, user.shell)
                }
                (true, false) => format!("the user `{}` is not in {}", user.name, missing.join(", ")),
            }
        }
        _ => format!("the user `{}` is missing", user.name),
    };
    let action = Action::EnsureUser {
        site: draft.site.clone(),
        name: user.name.to_string(),
        shell: user.shell.to_string(),
        groups: user.groups.iter().map(Account::to_string).collect(),
        password_hash: user.password_hash.clone(),
    };
    // A shell or a group may come with a package.
    let install = draft.install.clone();
    Some(draft.add(&format!("ensure-user-{}", user.name), action, reason, [install]))
}

fn keys(draft: &mut Draft<'_>, owner: &str, home: &str, keys: &[SshKey], made: Option<&StepId>) {
    let path = format!("{home}/.ssh/authorized_keys");
    let found = probes::state(draft.site, &path, draft.facts);
    if let (Some(state), false) = (found, keys.is_empty())
        && state.text.is_none()
    {
        // Written without what is in it, the keys of others would be lost.
        let message = format!("feature `{NAME}`: `{path}` in `{}` is too large or no text", draft.site);
        let hint = "look at the file: Phoenix keeps the keys of others in it and must be able to read them";
        draft.findings.push(Diagnostic::error("unreadable-keys", message).with_hint(hint));
        return;
    }
    let content = block(keys.iter().map(|key| key.as_str().to_owned()));
    // Without keys, a file is touched only to take the block of a former run out of it.
    let has_block = |state: &FileState| content.over(old(state)).as_deref() != Some(old(state));
    if keys.is_empty() && !found.is_some_and(has_block) {
        return;
    }
    let directory = directory(draft, owner, &format!("{home}/.ssh"), made);
    let file = File { path: &path, content, mode: 0o600, owner };
    draft.write(&format!("authorize-keys-{owner}"), file, [made.cloned(), directory]);
}

fn directory(draft: &mut Draft<'_>, owner: &str, path: &str, made: Option<&StepId>) -> Option<StepId> {
    let reason = match probes::state(draft.site, path, draft.facts) {
        Some(state) if state.directory && state.mode & 0o7777 == 0o700 && state.owner == owner => {
            return None;
        }
        // `sshd` takes no keys from a directory that others can write to.
        Some(_) => format!("`{path}` is no directory of `{owner}` alone"),
        None => format!("`{path}` is missing"),
    };
    let action = Action::MakeDirectory {
        site: draft.site.clone(),
        path: path.to_owned(),
        mode: 0o700,
        owner: owner.to_owned(),
        group: owner.to_owned(),
    };
    Some(draft.add(&format!("make-ssh-directory-{owner}"), action, reason, [made.cloned()]))
}

fn sudo(draft: &mut Draft<'_>, user: &User, made: Option<StepId>) {
    let path = probes::sudoers(user);
    let install = draft.install.clone();
    if user.sudo {
        // Somebody without a password could not type one.
        let tag = if user.password_hash.is_some() { "" } else { "NOPASSWD: " };
        let text = format!("{} ALL=(ALL:ALL) {tag}ALL\n", user.name);
        let file = File { path: &path, content: Content::Text(text), mode: 0o440, owner: "root" };
        draft.write(&format!("allow-sudo-{}", user.name), file, [install, made]);
    } else if probes::state(draft.site, &path, draft.facts).is_some() {
        let reason = format!("`{}` may no longer use `sudo`", user.name);
        let action = Action::RemoveFile { site: draft.site.clone(), path };
        draft.add(&format!("forbid-sudo-{}", user.name), action, reason, []);
    }
}
