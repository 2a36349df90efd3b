//! What the user writes for `samba`.

use std::{collections::BTreeSet, net::IpAddr};

use phoenix_core::{Problems, SecretRef, path};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is the system's, with all below it.
const SYSTEM: [&str; 13] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp",
    "/usr",
];
/// Names that mean something to Samba itself.
const RESERVED: [&str; 6] = ["global", "homes", "printers", "print$", "ipc$", "admin$"];

/// The configuration of `samba`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address of the host that it answers at, beside its own loopback; at all if not given.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub address: Option<IpAddr>,
    /// The workgroup.
    #[serde(default = "workgroup")]
    pub workgroup: String,
    /// Who may log in.
    #[serde(default)]
    pub users: Vec<User>,
    /// What is shared.
    #[serde(default)]
    pub shares: Vec<Share>,
}

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login name.
    pub name: String,
    /// A reference (`env:`, `file:` or `cmd:`) to the password. It is set when the user is made or mended, and when another
    /// reference is written here; without one, nobody can log in as this user.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretRef>,
    /// The account of the host that it needs is made by somebody else.
    #[serde(default)]
    pub has_account: bool,
}

/// A directory that is shared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// The absolute path. It is made if it is missing; one that is there keeps its owner and mode.
    pub path: String,
    /// It shows in listings.
    #[serde(default = "yes")]
    pub browsable: bool,
    /// Nothing can be written.
    #[serde(default)]
    pub read_only: bool,
    /// No password is asked.
    #[serde(default)]
    pub guest_ok: bool,
    /// Users that may use it; all that are named above if there are none.
    #[serde(default)]
    pub valid_users: Vec<String>,
    /// The account that all files belong to, whoever writes them; the first of its users if not given.
    #[serde(default)]
    pub owner: Option<String>,
}

fn workgroup() -> String {
    "WORKGROUP".to_owned()
}

fn yes() -> bool {
    true
}

impl Config {
    /// Returns the users of a share.
    pub(crate) fn users_of<'a>(&'a self, share: &'a Share) -> Vec<&'a str> {
        match share.valid_users.is_empty() {
            true => self.users.iter().map(|user| user.name.as_str()).collect(),
            false => share.valid_users.iter().map(String::as_str).collect(),
        }
    }

    /// Returns whom the files of a share belong to.
    pub(crate) fn owner_of<'a>(&'a self, share: &'a Share) -> &'a str {
        share.owner.as_deref().or_else(|| self.users_of(share).first().copied()).unwrap_or("nobody")
    }

    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        if self.address.is_some_and(|address| address.is_unspecified() || address.is_multicast()) {
            problems.refuse(
                "/address",
                "it is no address of the host",
                "leave it out to answer at all of them",
            );
        }
        if !is_word(&self.workgroup) {
            problems.add("/workgroup", format!("`{}` is no name of a workgroup", self.workgroup));
        }
        let mut names = BTreeSet::new();
        for (at, user) in self.users.iter().enumerate() {
            let pointer = format!("/users/{at}/name");
            if !is_account(&user.name) || user.name == "root" {
                problems.add(pointer, format!("`{}` is no name of a user who could log in", user.name));
            } else if !names.insert(user.name.as_str()) {
                problems.add(pointer, format!("the user `{}` is there twice", user.name));
            }
        }
        let mut shares = BTreeSet::new();
        for (at, share) in self.shares.iter().enumerate() {
            let pointer = format!("/shares/{at}");
            let name = share.name.to_ascii_lowercase();
            if !is_word(&share.name) || RESERVED.contains(&name.as_str()) {
                problems.add(format!("{pointer}/name"), format!("`{}` is no name of a share", share.name));
            } else if !shares.insert(name) {
                problems.add(format!("{pointer}/name"), format!("the share `{}` is there twice", share.name));
            }
            let path = share.path.as_str();
            let is_in = |above: &str| {
                path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if !path::is_plain(path) {
                problems
                    .add(format!("{pointer}/path"), format!("`{path}` is no absolute path of plain letters"));
            } else if SYSTEM.iter().any(|above| is_in(above)) {
                let hint = "share a directory of its own, such as `/srv/NAME`";
                problems.refuse(format!("{pointer}/path"), format!("`{path}` is the system's"), hint);
            }
            for (index, user) in share.valid_users.iter().enumerate() {
                if !names.contains(user.as_str()) {
                    let hint = "name it among `users` too, with a reference to its password";
                    let message = format!("nobody gives the user `{user}` of `{}` a password", share.name);
                    problems.refuse(format!("{pointer}/valid_users/{index}"), message, hint);
                }
            }
            if let Some(owner) = share.owner.as_ref().filter(|owner| !is_account(owner)) {
                problems.add(format!("{pointer}/owner"), format!("`{owner}` is no name of an account"));
            }
            if !share.guest_ok && self.users_of(share).is_empty() {
                let hint = "name users, or say `guest_ok` if everybody may";
                problems.refuse(pointer, format!("nobody may use the share `{}`", share.name), hint);
            }
        }
        problems
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 80
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.$".contains(&byte))
}

fn is_account(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}
