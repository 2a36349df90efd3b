//! The certificate: made once, signed by itself, and kept, so that a pinned fingerprint stays right.

use std::{fs, net::IpAddr, path::Path, sync::Arc};

use rcgen::{CertificateParams, DnType, KeyPair};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{error::NodeError, serve::keep};

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// A certificate, ready to be shown.
pub(super) struct Made {
    pub(super) config: Arc<ServerConfig>,
    /// SHA-256 over the certificate, as PVE prints it: upper case, in pairs.
    pub(super) fingerprint: String,
}

/// Reads the certificate and its key, or makes them for `address`.
pub(super) fn load(folder: Option<&Path>, address: IpAddr) -> Result<Made, NodeError> {
    let kept = folder.and_then(|folder| {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        Some((read(CERTIFICATE)?, read(KEY)?))
    });
    let (certificate, key) = match kept {
        Some(kept) => kept,
        None => {
            let made = make(address)?;
            if let Some(folder) = folder {
                keep::write(folder, CERTIFICATE, made.0.as_bytes())?;
                keep::write(folder, KEY, made.1.as_bytes())?;
            }
            made
        }
    };
    let unusable = |what: String| NodeError::Certificate { what };
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
        .map_err(|error| unusable(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| unusable(error.to_string()))?;
    let fingerprint = fingerprint(&certificate);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
        .map_err(|error| unusable(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Made { config: Arc::new(config), fingerprint })
}

fn make(address: IpAddr) -> Result<(String, String), NodeError> {
    let unusable = |error: rcgen::Error| NodeError::Certificate { what: error.to_string() };
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.is_unspecified() && !address.is_loopback() {
        names.push(address.to_string());
    }
    let mut params = CertificateParams::new(names).map_err(unusable)?;
    params.distinguished_name.push(DnType::CommonName, "phoenix embedded node");
    let key = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&key).map_err(unusable)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let pairs: Vec<String> =
        Sha256::digest(certificate.as_ref()).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
