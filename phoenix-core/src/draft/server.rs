//! Servers of a draft: how one is asked from inside its own guest whether it answers.

use std::{fmt::Display, net::IpAddr};

use super::Draft;
use crate::condition::Condition;

impl Draft<'_> {
    /// Returns the condition that a URL answers when the site itself asks for it.
    pub fn answers(&self, url: &str) -> Condition {
        // The certificate is for the server's name; whether it is good is the matter of who uses it.
        let trusting = url.starts_with("https:").then_some("-k");
        self.succeeds(["curl", "-fsS"].into_iter().chain(trusting).chain([url]))
    }
}

/// Returns the host and port of a URL for a server of the same guest that listens there.
pub fn from_inside(host: &str, port: impl Display) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => format!("127.0.0.1:{port}"),
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        Ok(IpAddr::V4(address)) => format!("{address}:{port}"),
        Err(_) if host.is_empty() || host == "localhost" => format!("127.0.0.1:{port}"),
        // An address with a zone.
        Err(_) if host.contains(':') => format!("[{host}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::from_inside;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_at_home() {
        for host in ["0.0.0.0", "::", "", "localhost"] {
            assert_eq!(from_inside(host, 80), "127.0.0.1:80", "{host}");
        }
        assert_eq!(from_inside("10.0.0.5", 80), "10.0.0.5:80");
        assert_eq!(from_inside("fd00::5", 80), "[fd00::5]:80");
        assert_eq!(from_inside("fe80::1%eth0", 80), "[fe80::1%eth0]:80");
        assert_eq!(from_inside("guest.example", 80), "guest.example:80");
    }
}
