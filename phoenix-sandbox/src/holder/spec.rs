//! What a sandbox shall be.

use std::path::PathBuf;

/// What is wanted of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxSpec {
    /// The node's directory, absolute: inside the sandbox it is the real one, at the same path.
    pub dir: PathBuf,
    /// How the host calls itself.
    pub hostname: String,
    /// Its bridges.
    pub bridges: Vec<Bridge>,
    /// Whether traffic gets out to the internet, by user-mode networking; never to private networks of the machine.
    pub uplink: bool,
}

/// What is wanted of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bridge {
    /// Its name: `vmbr0`.
    pub name: String,
    /// Its addresses with their networks: `10.0.0.13/24`.
    pub addresses: Vec<String>,
    /// Further addresses with their networks, as long as there is an uplink: the gateways that guests name.
    pub gateways: Vec<String>,
}
