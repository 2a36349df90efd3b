//! The server's file, which is the feature's own as a whole: what a distribution shares by itself, homes and printers, is not.

use std::fmt::Write as _;

use crate::config::{Config, Share};

/// The first line of the file if it is ours.
pub(crate) const HEAD: &str = "# Written by Phoenix (feature samba). Changes are overwritten.\n";

/// Returns the file.
pub(crate) fn text(config: &Config) -> String {
    let mut text = format!("{HEAD}{}", global(config));
    for share in &config.shares {
        text.push_str(&section(config, share));
    }
    text
}

/// Returns what a server reads but when it begins.
pub(crate) fn fixed(text: &str) -> &str {
    let at = text.match_indices("\n[").map(|(at, _)| at).nth(1);
    at.map_or(text, |at| &text[..at])
}

fn global(config: &Config) -> String {
    let mut text = format!("[global]\n\tworkgroup = {}\n", config.workgroup);
    if let Some(address) = config.address {
        let _ = writeln!(text, "\tinterfaces = lo {address}\n\tbind interfaces only = yes");
    }
    let guests = if config.shares.iter().any(|share| share.guest_ok) { "bad user" } else { "never" };
    let lines = [
        "server role = standalone server",
        "server min protocol = SMB2_10",
        "smb ports = 445",
        "disable netbios = yes",
        "passdb backend = tdbsam",
        "load printers = no",
        "printing = bsd",
        "disable spoolss = yes",
        "usershare max shares = 0",
        "logging = file",
        "log file = /var/log/samba/log.%m",
        "max log size = 1000",
    ];
    for line in lines {
        let _ = writeln!(text, "\t{line}");
    }
    let _ = writeln!(text, "\tmap to guest = {guests}");
    text
}

fn section(config: &Config, share: &Share) -> String {
    let word = |is_so: bool| if is_so { "yes" } else { "no" };
    let mut text = format!("\n[{}]\n\tpath = {}\n", share.name, share.path);
    let _ = writeln!(text, "\tbrowseable = {}", word(share.browsable));
    let _ = writeln!(text, "\tread only = {}", word(share.read_only));
    let _ = writeln!(text, "\tguest ok = {}", word(share.guest_ok));
    // Guests would be refused by a list of users.
    if !share.guest_ok {
        let _ = writeln!(text, "\tvalid users = {}", config.users_of(share).join(" "));
    }
    let _ = writeln!(text, "\tforce user = {}", config.owner_of(share));
    text.push_str("\tcreate mask = 0660\n\tdirectory mask = 2770\n");
    text
}

#[cfg(test)]
mod tests {
    use super::fixed;

    #[test]
    fn shares_are_not_what_a_server_reads_once() {
        assert_eq!(fixed("# a\n[global]\n\tx = y\n\n[one]\n\n[two]\n"), "# a\n[global]\n\tx = y\n");
        assert_eq!(fixed("# a\n[global]\n"), "# a\n[global]\n");
    }
}
