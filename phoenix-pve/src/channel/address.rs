//! An address for ssh.

use std::{fmt, str::FromStr};

/// Where somebody logs in by ssh: `USER@HOST[:PORT]`; the user is root and the port 22 (or what ssh's configuration says)
/// unless given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Who.
    pub user: String,
    /// A name, or an address without brackets.
    pub host: String,
    /// The port; ssh's own choice if not given.
    pub port: Option<u16>,
}

impl Address {
    /// Returns root's address on a host.
    pub fn root(host: impl Into<String>) -> Self {
        Self { user: "root".to_owned(), host: host.into(), port: None }
    }

    /// Returns root's address on the host of a URL.
    pub fn of_url(url: &str) -> Option<Self> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', '?']).next()?;
        let host = match host.strip_prefix('[') {
            Some(literal) => literal.split(']').next()?,
            None => host.split(':').next()?,
        };
        let host = host.rsplit('@').next()?;
        is_host(host).then(|| Self::root(host))
    }

    /// Tells whether work there needs `sudo`.
    pub fn needs_sudo(&self) -> bool {
        self.user != "root"
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not `USER@HOST` or `USER@HOST:PORT`");
        let (user, place) = text.rsplit_once('@').unwrap_or(("root", text));
        let (host, port) = match place.strip_prefix('[') {
            Some(literal) => {
                let (host, rest) = literal.split_once(']').ok_or_else(wrong)?;
                (host, rest.strip_prefix(':'))
            }
            // More than one colon is an IPv6 address without brackets, which has no port.
            None if place.matches(':').count() == 1 => {
                place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
            }
            None => (place, None),
        };
        let port = port.map(|port| port.parse::<u16>().map_err(|_| wrong())).transpose()?;
        let is_user = !user.is_empty()
            && !user.starts_with('-')
            && user.chars().all(|c| c.is_ascii_alphanumeric() || "._-\\+".contains(c));
        match is_user && is_host(host) {
            true => Ok(Self { user: user.to_owned(), host: host.to_owned(), port }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "{}@[{}]:{port}", self.user, self.host),
            (Some(port), false) => write!(f, "{}@{}:{port}", self.user, self.host),
            (None, _) => write!(f, "{}@{}", self.user, self.host),
        }
    }
}

/// Tells whether a word can be a host. One with a dash in front would be an option.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && !host.starts_with('-')
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_options_are_none() {
        let read = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        for text in ["root@pve1", "admin@10.0.0.1:2222", "root@[fd00::1]:22", "root@fd00::1"] {
            assert_eq!(read(text), Ok(text.to_owned()));
        }
        assert_eq!(read("pve1"), Ok("root@pve1".to_owned()));
        for text in ["", "root@", "-oProxyCommand=x", "a@-x", "root@pve1:", "root@a b", "$(x)@h"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_host_of_a_url_is_where_root_is_looked_for() {
        let of = |url| Address::of_url(url).map(|address| address.to_string());
        assert_eq!(of("https://pve.example.com:8006/"), Some("root@pve.example.com".to_owned()));
        assert_eq!(of("https://[fd00::1]:8006"), Some("root@fd00::1".to_owned()));
    }
}
