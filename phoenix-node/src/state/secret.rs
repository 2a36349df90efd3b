//! Secrets: random bytes, the secrets of tokens, and passwords, of which only a salted slow hash is kept.

use std::{io, num::NonZeroU32};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    pbkdf2,
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};

/// As many as the hosts that are simulated take for their own hashes. More would be better for a vault; but clients give a
/// login five seconds, and a build that is not optimized needs that for what OWASP asks (210,000).
const ROUNDS: NonZeroU32 = NonZeroU32::new(5_000).expect("it is not 0");

/// A password that can be compared and not be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Password {
    rounds: NonZeroU32,
    salt: String,
    hash: String,
}

impl Password {
    /// Returns what is kept of a password. Fails if the system gives no random numbers.
    pub(crate) fn new(text: &str) -> io::Result<Self> {
        let salt = random::<16>()?;
        let mut hash = [0; 64];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, ROUNDS, &salt, text.as_bytes(), &mut hash);
        Ok(Self { rounds: ROUNDS, salt: STANDARD_NO_PAD.encode(salt), hash: STANDARD_NO_PAD.encode(hash) })
    }

    /// Tells whether it is this password.
    pub(crate) fn is(&self, text: &str) -> bool {
        let (Ok(salt), Ok(hash)) = (STANDARD_NO_PAD.decode(&self.salt), STANDARD_NO_PAD.decode(&self.hash))
        else {
            return false;
        };
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA512, self.rounds, &salt, text.as_bytes(), &hash).is_ok()
    }
}

/// Returns random bytes.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes)
}

/// Returns a random UUID, which is what the secret of a token looks like.
pub(crate) fn uuid() -> io::Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = super::config::hex(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_as_a_salted_hash() {
        let kept = Password::new("secret123").expect("random numbers");
        assert!(kept.is("secret123") && !kept.is("secret124"));
        let again = Password::new("secret123").expect("random numbers");
        assert_ne!((&kept.salt, &kept.hash), (&again.salt, &again.hash));
        assert!(!serde_json::to_string(&kept).expect("JSON").contains("secret"));
    }
}
