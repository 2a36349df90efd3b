//! The plugins that the host's file lists, as whoever loads them needs them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use phoenix_core::{Capabilities, Diagnostic};

use crate::{
    format::plugin::Plugin,
    model::{HYPERVISOR_FILE, Spot},
};

/// How long a call may take if the configuration does not say.
const TIMEOUT_S: u32 = 10;

/// A plugin that is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginUse {
    /// The library, under the config directory if its path is relative.
    pub path: PathBuf,
    /// The SHA-256 that it must have.
    pub sha256: String,
    /// It runs inside Phoenix instead of in a process of its own.
    pub in_process: bool,
    /// What it may do.
    pub grant: Capabilities,
    /// How long a call of it may take.
    pub timeout: Duration,
    index: usize,
}

impl PluginUse {
    pub(crate) fn new(dir: &Path, index: usize, plugin: &Plugin) -> Self {
        Self {
            path: dir.join(&plugin.path),
            sha256: plugin.sha256.to_lowercase(),
            in_process: plugin.in_process,
            grant: plugin.grant.clone().into(),
            timeout: Duration::from_secs(plugin.timeout_s.unwrap_or(TIMEOUT_S).into()),
            index,
        }
    }

    /// Puts a finding at a key of its entry.
    pub fn put(&self, finding: Diagnostic, key: &str) -> Diagnostic {
        Spot::new(HYPERVISOR_FILE, format!("/plugins/{}/{key}", self.index)).put(finding)
    }
}
