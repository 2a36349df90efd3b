//! What the user writes for `base-setup`. Everything has a default, so `{}` is a whole configuration.

pub(crate) mod apt;

use std::collections::BTreeSet;

use phoenix_core::SecretRef;
use serde::{Deserialize, Serialize};

pub use self::apt::{Address, AptName, AptSource, AptWord};
pub use crate::name::{Account, Locale, Package, Shell, SshKey, Timezone};

/// The packages that a guest has if the user names none.
const PACKAGES: [&str; 9] = ["curl", "wget", "vim", "htop", "jq", "git", "rsync", "gnupg", "locales"];

/// The configuration of `base-setup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The locale of the system.
    pub locale: Locale,
    /// The time zone of the system; the image's if not given.
    pub timezone: Option<Timezone>,
    /// Sources of packages beside those that the guest has.
    pub apt_sources: Vec<AptSource>,
    /// The proxy through which packages come; directly if not given.
    pub apt_proxy: Option<Address>,
    /// Packages to install.
    pub packages: BTreeSet<Package>,
    /// User accounts beside root.
    pub users: Vec<User>,
    /// Keys that may log in as root.
    pub root_ssh_keys: Vec<SshKey>,
}

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login name.
    pub name: Account,
    /// The login shell.
    #[serde(default = "User::default_shell")]
    pub shell: Shell,
    /// Groups that it must be in; others stay.
    #[serde(default)]
    pub groups: BTreeSet<Account>,
    /// Keys that may log in.
    #[serde(default)]
    pub ssh_keys: Vec<SshKey>,
    /// It may do everything with `sudo`, without a password if it has none.
    #[serde(default)]
    pub sudo: bool,
    /// The crypt hash of its password, set when the account is made or mended.
    #[serde(default)]
    pub password_hash: Option<SecretRef>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            locale: "en_US.UTF-8".to_owned().try_into().expect("the default locale is one"),
            timezone: None,
            apt_sources: Vec::new(),
            apt_proxy: None,
            packages: PACKAGES.into_iter().map(package).collect(),
            users: Vec::new(),
            root_ssh_keys: Vec::new(),
        }
    }
}

impl Config {
    /// Returns the packages to install: those that the user names and those that the rest of it needs.
    pub fn needed_packages(&self) -> BTreeSet<Package> {
        let mut packages = self.packages.clone();
        if self.locale.is_generated() {
            packages.insert(package("locales"));
        }
        if self.timezone.is_some() {
            packages.insert(package("tzdata"));
        }
        if self.users.iter().any(|user| user.sudo) {
            packages.insert(package("sudo"));
        }
        packages
    }
}

impl User {
    fn default_shell() -> Shell {
        "/bin/bash".to_owned().try_into().expect("the default shell is a path")
    }
}

fn package(name: &str) -> Package {
    name.to_owned().try_into().expect("the default packages have good names")
}
