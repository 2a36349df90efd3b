//! Whom the transport believes: the host with a fingerprint, an authority's hosts, or what the system trusts.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};

/// Whom to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whom the system believes.
    System,
    /// Who has a certificate of the authority in this PEM file: a cluster's is `/etc/pve/pve-root-ca.pem`.
    Authority(PathBuf),
    /// Who has the certificate with this SHA-256 fingerprint, in hex, with or without colons.
    Fingerprint(String),
    /// Everybody: whoever sits between can read and change everything, credentials among it.
    Everybody,
}

/// The fingerprint that was last seen on a certificate that was not believed.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Option<String>>);

/// How a certificate is judged.
enum Way {
    Authority(Arc<dyn ServerCertVerifier>),
    Fingerprint(String),
    Everybody,
}

struct Judge {
    way: Way,
    seen: Arc<Seen>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// Returns the configuration of TLS.
    pub(super) fn config(&self, seen: Arc<Seen>) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let way = match self {
            Self::System => {
                let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider));
                Way::Authority(Arc::new(verifier.map_err(|error| error.to_string())?))
            }
            Self::Authority(path) => {
                let shown = path.display();
                let pem = fs::read(path).map_err(|error| format!("could not read `{shown}`: {error}"))?;
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| format!("`{shown}`: {error}"))?;
                    roots.add(certificate).map_err(|error| format!("`{shown}`: {error}"))?;
                }
                if roots.is_empty() {
                    return Err(format!("`{shown}` has no certificate in it"));
                }
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
                Way::Authority(verifier.build().map_err(|error| error.to_string())?)
            }
            Self::Fingerprint(text) => Way::Fingerprint(normal(text)?),
            Self::Everybody => Way::Everybody,
        };
        let judge = Judge { way, seen, provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        Ok(config)
    }
}

impl Seen {
    /// Returns what to say about a host that was not believed.
    pub(super) fn complaint(&self, url: &str, cause: &str) -> String {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match seen {
            Some(seen) if !cause.contains(&seen) => format!(
                "`{url}` is not trusted: {cause}; its certificate has the fingerprint `{seen}`: if `pvenode cert info` on the host says the same, give it with `--fingerprint`"
            ),
            Some(_) | None => format!("`{url}` is not trusted: {cause}"),
        }
    }

    fn set(&self, fingerprint: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = fingerprint(certificate);
        let judged = match &self.way {
            Way::Everybody => Ok(ServerCertVerified::assertion()),
            Way::Authority(verifier) => verifier.verify_server_cert(certificate, between, name, ocsp, now),
            Way::Fingerprint(wanted) if *wanted == found => Ok(ServerCertVerified::assertion()),
            Way::Fingerprint(wanted) => Err(Error::General(format!(
                "its certificate has the fingerprint `{found}`, and `{wanted}` was expected"
            ))),
        };
        if judged.is_err() {
            self.seen.set(found);
        }
        judged
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    pairs(&Sha256::digest(certificate.as_ref()))
}

fn pairs(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Returns a fingerprint as PVE prints it.
fn normal(text: &str) -> Result<String, String> {
    let digits: Vec<char> = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let is_whole = digits.len() == 64 && digits.iter().all(char::is_ascii_hexdigit);
    if !is_whole {
        return Err(format!(
            "`{text}` is not a SHA-256 fingerprint: `pvenode cert info` on the host prints one, 32 pairs of hex digits"
        ));
    }
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect();
    Ok(pairs.join(":").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_taken_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let expected = vec!["AB"; 32].join(":");
        assert_eq!(normal(&plain), Ok(expected.clone()));
        assert_eq!(normal(&expected), Ok(expected.clone()));
        assert!(normal("AB:CD").is_err());
    }
}
