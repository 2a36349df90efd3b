//! This machine as a Proxmox VE host: where its files are, who it is, and how root is let in.

use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};

use crate::{
    error::PveError,
    https::{Credentials, Https, Trust},
};

/// Prints a ticket and its CSRF token. PVE has no call that gives root a ticket without a password, and `pvesh` takes a
/// second for each call and runs tasks to their end before it answers. PVE's own library makes tickets for its login, and
/// so it does here, once an hour; all else then goes the same way as from afar.
const TICKET: &str = r#"use strict; use PVE::AccessControl; my $user = shift; print PVE::AccessControl::assemble_ticket($user), "\n", PVE::AccessControl::assemble_csrf_prevention_token($user), "\n";"#;

/// This machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalHost {
    /// Where the cluster's files are.
    pub pve_dir: PathBuf,
    /// Where the API listens.
    pub url: String,
    /// The command that prints a ticket and its CSRF token, a line each, for who has neither token nor password.
    pub ticket: Vec<String>,
}

impl Default for LocalHost {
    fn default() -> Self {
        Self {
            pve_dir: PathBuf::from("/etc/pve"),
            url: "https://127.0.0.1:8006".to_owned(),
            ticket: ["perl", "-e", TICKET, "root@pam"].map(str::to_owned).to_vec(),
        }
    }
}

impl LocalHost {
    /// Tells whether this machine is a Proxmox VE host.
    pub fn is_there(&self) -> bool {
        self.pve_dir.join("local").exists()
    }

    /// Returns this machine's name as a node.
    pub fn node(&self) -> Result<String, PveError> {
        let link = self.pve_dir.join("local");
        let target = std::fs::read_link(&link)
            .map_err(|error| self.setup(format!("`{}` cannot be read: {error}", link.display())))?;
        let name = target.file_name().and_then(|name| name.to_str());
        name.map(str::to_owned).ok_or_else(|| self.setup(format!("`{}` leads to no node", link.display())))
    }

    /// Returns the way to the API. Without credentials, root is given a ticket.
    pub fn https(&self, credentials: Option<Credentials>) -> Result<Https, PveError> {
        let credentials = credentials.unwrap_or_else(|| Credentials::Made { command: self.ticket.clone() });
        Https::new(&self.url, &Trust::Fingerprint(self.fingerprint()?), credentials)
    }

    /// Returns the fingerprint of the certificate that the API shows: an own one if there is one, else the cluster's.
    fn fingerprint(&self) -> Result<String, PveError> {
        let files = ["pveproxy-ssl.pem", "pve-ssl.pem"].map(|name| self.pve_dir.join("local").join(name));
        let file = files.iter().find(|file| file.exists()).unwrap_or(&files[1]);
        let certificate = first(file).map_err(|what| self.setup(what))?;
        Ok(Sha256::digest(certificate.as_ref()).iter().map(|byte| format!("{byte:02X}")).collect())
    }

    fn setup(&self, what: String) -> PveError {
        PveError::Setup { url: self.url.clone(), what }
    }
}

/// Returns the first certificate of a file: the others are of authorities.
fn first(file: &Path) -> Result<CertificateDer<'static>, String> {
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let mut certificates = CertificateDer::pem_slice_iter(&pem);
    certificates
        .next()
        .and_then(Result::ok)
        .map(CertificateDer::into_owned)
        .ok_or_else(|| format!("`{shown}` has no certificate in it"))
}
