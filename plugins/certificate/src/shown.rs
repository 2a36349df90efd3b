//! What `openssl` shows of a certificate, read.

use std::collections::BTreeSet;

use crate::config::plain;

/// What a certificate says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its serial number, in upper-case hex.
    pub serial: String,
    /// When it ends, as `openssl` writes it.
    pub ends: String,
    /// The names and addresses that it is for, each in the one form that it can be compared in.
    pub names: BTreeSet<String>,
    /// Its public key in PEM form.
    pub key: String,
}

/// What makes `openssl` show all of it; the file's path follows.
pub(crate) const SHOW: [&str; 9] =
    ["openssl", "x509", "-noout", "-serial", "-enddate", "-pubkey", "-ext", "subjectAltName", "-in"];

impl Shown {
    /// Reads what `openssl` says.
    pub(crate) fn read(said: &str) -> Self {
        let mut shown = Self::default();
        let mut lines = said.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(serial) = line.strip_prefix("serial=") {
                shown.serial = serial.trim().to_ascii_uppercase();
            } else if let Some(end) = line.strip_prefix("notAfter=") {
                shown.ends = end.trim().to_owned();
            } else if line.starts_with("X509v3 Subject Alternative Name:") {
                let listed = lines.next().unwrap_or_default();
                shown.names = listed.split(", ").filter_map(|name| Self::name(name.trim())).collect();
            } else if line.starts_with("-----BEGIN PUBLIC KEY") {
                let rest: Vec<&str> =
                    std::iter::from_fn(|| lines.next_if(|line| !line.starts_with("-----END"))).collect();
                shown.key = rest.concat();
            }
        }
        shown
    }

    /// Returns the text of a public key in PEM form without its frame.
    pub(crate) fn bare_key(pem: &str) -> String {
        pem.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    fn name(entry: &str) -> Option<String> {
        let (sort, name) = entry.split_once(':')?;
        match sort {
            "DNS" | "IP Address" => Some(plain(name)),
            // Nothing else was asked for, so it is kept as it is and found to be wrong.
            _ => Some(entry.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssl_shows_is_read_in_any_order() {
        let said = "-----BEGIN PUBLIC KEY-----\nMFkw\nEwYH\n-----END PUBLIC KEY-----\nserial=0a1B\n\
            notAfter=Dec  1 10:00:00 2026 GMT\nX509v3 Subject Alternative Name: critical\n    \
            DNS:A.example, DNS:*.b.example, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5, email:x@y\n";
        let shown = Shown::read(said);
        let names = ["10.0.0.5", "*.b.example", "a.example", "email:x@y", "fd00::5"].map(str::to_owned);
        assert_eq!(shown.names, BTreeSet::from(names));
        assert_eq!((shown.serial.as_str(), shown.key.as_str()), ("0A1B", "MFkwEwYH"));
        assert_eq!(shown.ends, "Dec  1 10:00:00 2026 GMT");
        assert_eq!(
            Shown::bare_key("-----BEGIN PUBLIC KEY-----\nMFkw\nEwYH\n-----END PUBLIC KEY-----\n"),
            shown.key
        );
        let bare = Shown::read("serial=01\nNo extensions matching subjectAltName in certificate\n");
        assert!(bare.names.is_empty());
    }
}
