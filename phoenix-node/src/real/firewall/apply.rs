//! Puts the rules into force: whenever they are others than those that are, and never else. Which are in force stands in a
//! file beside the sandbox, for the next process that has the node open.

use std::{collections::BTreeSet, fs, sync::Weak};

use ipnet::IpNet;
use phoenix_sandbox::{Containers, SandboxError};
use tokio::sync::Mutex;

use super::{
    super::Real,
    ruleset::compile,
    scene::{Scene, is_on},
};
use crate::{node::Node, state::State};

/// The rules that are in force, and what was said of them.
#[derive(Debug, Default)]
pub(crate) struct Enforcer(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// As the file has them.
    in_force: Option<String>,
    warnings: BTreeSet<String>,
    complaint: Option<String>,
}

impl Real {
    /// Brings the rules in line with the state. Where no sandbox runs there is nobody to hold to them, and who begins one
    /// calls again. Returns what is wrong; it is told once as well.
    pub(crate) async fn enforce(&self, node: &Weak<Node>) -> Result<(), String> {
        let mut last = self.firewall.0.lock().await;
        let done = last.follow(&self.containers, node).await;
        let complaint =
            done.err().map(|error| format!("the rules of the firewall are not in force: {error}"));
        if let Some(text) = complaint.as_ref().filter(|_| complaint != last.complaint) {
            tracing::warn!("{text}");
        }
        last.complaint.clone_from(&complaint);
        complaint.map_or(Ok(()), Err)
    }

    /// Does so before somebody starts: in a sandbox that is begun if there is none.
    pub(crate) async fn wall(&self, node: &Weak<Node>) -> Result<(), String> {
        self.containers.sandbox().await.map_err(|error| error.to_string())?;
        self.enforce(node).await
    }

    /// Tells whether guests are held to rules, so that nobody may run before these are in force.
    pub(crate) fn is_walled(state: &State) -> bool {
        is_on(&state.firewall.cluster.options, "enable", false)
    }
}

impl Last {
    async fn follow(&mut self, containers: &Containers, node: &Weak<Node>) -> Result<(), SandboxError> {
        let Some(sandbox) = containers.found()? else { return Ok(()) };
        // The node's own network is that of its first address.
        let local: Vec<IpNet> = containers.host_addresses().iter().take(1).map(IpNet::trunc).collect();
        // Read only now: whoever comes later has waited, and finds what he changed in force.
        let Some(node) = node.upgrade() else { return Ok(()) };
        let rules = compile(&Scene::of(&node.state(), local));
        drop(node);
        for warning in rules.warnings.difference(&self.warnings) {
            tracing::warn!("firewall: {warning}");
        }
        self.warnings.clone_from(&rules.warnings);

        let head = format!("# in the sandbox {}\n", sandbox.identity());
        let (path, wanted) = (sandbox.dir().join("sandbox/firewall.nft"), format!("{head}{}", rules.text));
        if self.in_force.is_none() {
            self.in_force = fs::read_to_string(&path).ok();
        }
        // Those of a sandbox that has ended went with it.
        let in_force = self.in_force.as_deref().filter(|text| text.starts_with(&head));
        if in_force.map_or(!rules.is_enabled, |text| text == wanted) {
            return Ok(());
        }
        sandbox.hold_to(&rules.text).await?;
        self.in_force = Some(wanted.clone());
        // Where it is not written down, the next process puts the same into force once more.
        if let Err(error) = fs::write(&path, wanted) {
            tracing::debug!(%error, "which rules are in force is not written down");
        }
        Ok(())
    }
}
