//! What `base-setup` must know. The home directories of users are known only once the users are, so their files are
//! asked about in a second round.

use phoenix_core::{Evidence, Facts, Probe, Site, evidence::FileState};

use crate::config::{Config, User};

pub(crate) const LOCALE_GEN: &str = "/etc/locale.gen";
pub(crate) const DEFAULT_LOCALE: &str = "/etc/default/locale";
pub(crate) const LOCALTIME: &str = "/etc/localtime";
pub(crate) const PROXY: &str = "/etc/apt/apt.conf.d/90phoenix-proxy";
pub(crate) const TIMEZONE: &str = "/etc/timezone";

/// Returns what must be known, given what is known.
pub(crate) fn probes(site: &Site, config: &Config, known: &Facts) -> Vec<Probe> {
    let mut probes: Vec<Probe> = config
        .needed_packages()
        .iter()
        .map(|package| Probe::Package { site: site.clone(), name: package.to_string() })
        .collect();
    probes.extend(config.apt_sources.iter().map(|source| file(site, &source.path())));
    probes.push(file(site, PROXY));
    probes.push(file(site, DEFAULT_LOCALE));
    if config.locale.is_generated() {
        probes.push(file(site, LOCALE_GEN));
        probes.push(locales(site));
    }
    if config.timezone.is_some() {
        probes.push(file(site, LOCALTIME));
        probes.push(file(site, TIMEZONE));
    }
    probes.push(file(site, "/root/.ssh"));
    probes.push(file(site, "/root/.ssh/authorized_keys"));
    for user in &config.users {
        let account = account(site, user);
        if known.knows(&account) {
            let home = home(site, user, known);
            probes.push(file(site, &format!("{home}/.ssh")));
            probes.push(file(site, &format!("{home}/.ssh/authorized_keys")));
        }
        probes.push(account);
        probes.push(file(site, &sudoers(user)));
    }
    probes
}

/// Returns the question about a file.
pub(crate) fn file(site: &Site, path: &str) -> Probe {
    Probe::File { site: site.clone(), path: path.to_owned() }
}

/// Returns the question which locales there are.
pub(crate) fn locales(site: &Site) -> Probe {
    Probe::Command { site: site.clone(), argv: vec!["locale".to_owned(), "-a".to_owned()] }
}

/// Returns the question about a user's account.
pub(crate) fn account(site: &Site, user: &User) -> Probe {
    Probe::User { site: site.clone(), name: user.name.to_string() }
}

/// Returns the file that lets a user do everything. Its name has no dot: `sudo` passes over files with one.
pub(crate) fn sudoers(user: &User) -> String {
    format!("/etc/sudoers.d/phoenix-{}", user.name)
}

/// Returns a user's home directory; Debian's choice while there is no such user.
pub(crate) fn home(site: &Site, user: &User, facts: &Facts) -> String {
    match facts.get(&account(site, user)) {
        Some(Evidence::User { home, .. }) => home.trim_end_matches('/').to_owned(),
        _ => format!("/home/{}", user.name),
    }
}

/// Returns what is known of a file; none if it is not there.
pub(crate) fn state<'a>(site: &Site, path: &str, facts: &'a Facts) -> Option<&'a FileState> {
    match facts.get(&file(site, path)) {
        Some(Evidence::File(state)) => Some(state),
        _ => None,
    }
}
