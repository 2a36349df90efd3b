//! What must outlive the process: the key that signs tickets, and the tokens. The file is for its owner alone.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::{error::NodeError, serve::token::Token, store};

const FILE: &str = "access.json";

/// The keys of a served node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Keys {
    /// Signs tickets.
    pub(super) signing: Vec<u8>,
    /// Tokens by their full name, `user@realm!name`.
    pub(super) tokens: BTreeMap<String, Token>,
}

impl Keys {
    /// Returns the secret of a user's token, which is made if it is not there.
    pub(super) fn token(&mut self, user: &str, name: &str) -> Result<String, NodeError> {
        let id = format!("{user}!{name}");
        if let Some(token) = self.tokens.get(&id) {
            return Ok(token.secret.clone());
        }
        let secret = uuid().map_err(|source| NodeError::Random { source })?;
        self.tokens.insert(id, Token { secret: secret.clone(), ..Token::default() });
        Ok(secret)
    }
}

/// Reads the keys, or makes them.
pub(super) fn load(folder: Option<&Path>) -> Result<Keys, NodeError> {
    if let Some(folder) = folder
        && let Some(keys) = store::read(&folder.join(FILE))?
    {
        return Ok(keys);
    }
    let signing = random::<32>().map_err(|source| NodeError::Random { source })?.to_vec();
    Ok(Keys { signing, tokens: BTreeMap::new() })
}

/// Writes the keys; a node in memory has no folder.
pub(super) fn save(folder: Option<&Path>, keys: &Keys) -> Result<(), NodeError> {
    let Some(folder) = folder else { return Ok(()) };
    let text =
        serde_json::to_vec(keys).map_err(|source| NodeError::Parse { path: folder.join(FILE), source })?;
    write(folder, FILE, &text)
}

/// Writes a file that only its owner can read, beside itself first.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), NodeError> {
    let path = folder.join(name);
    let beside = folder.join(format!("{name}.new"));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    });
    written.map_err(|source| NodeError::Io { verb: "write", path, source })
}

/// Returns random bytes.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes)
}

/// Returns a random UUID, which is what the secret of a token looks like.
pub(super) fn uuid() -> io::Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
