//! The guard of a node's firewall: systemd on the node puts a kept file back after a time, whoever is cut off meanwhile.

use base64::{Engine, engine::general_purpose::STANDARD};
use phoenix_core::{BackendError, ErrorKind, FirewallScope};

use super::{
    answer,
    live::{Came, Errand, LiveChannel},
    port::Guard,
    request,
};

const GUARD: &str = concat!(include_str!("script/prelude.sh"), include_str!("script/guard.sh"));

impl LiveChannel {
    /// Begins, renews or ends the guard of a firewall.
    pub(super) async fn write_guard(
        &self,
        node: &str,
        scope: &FirewallScope,
        guard: Guard,
    ) -> Result<(), BackendError> {
        let file = match scope {
            FirewallScope::Cluster => self.pve_dir.join("firewall/cluster.fw"),
            FirewallScope::Node(name) => self.pve_dir.join("nodes").join(&**name).join("host.fw"),
            FirewallScope::Guest(guest) => self.pve_dir.join(format!("firewall/{}.fw", guest.vmid)),
        };
        let (file, dir) = (file.to_string_lossy(), self.guard_dir.join(scope.to_string()));
        let (dir, unit) = (dir.to_string_lossy(), format!("phoenix-firewall-guard-{scope}"));
        let input = match guard {
            Guard::Begin { seconds } => request::line("begin", &[&dir, &file, &unit, &seconds.to_string()])?,
            Guard::Renew { seconds } => request::line("renew", &[&dir, &file, &unit, &seconds.to_string()])?,
            Guard::End => request::line("end", &[&dir, &file, &unit])?,
        };
        let errand = Errand { script: GUARD, input: input.as_bytes(), limit: self.limits.quick };
        let unreachable = |reason: String| Err(BackendError::new(ErrorKind::Unreachable, reason));
        let said = match self.on_node(node, errand).await? {
            Came::Answer(output) => {
                let lines = answer::lines(&output).unwrap_or_default();
                lines.last().copied().unwrap_or_default().to_owned()
            }
            Came::Absent => return unreachable(format!("the cluster tells no address of its node `{node}`")),
            Came::Unreachable(reason) => return unreachable(reason),
        };
        match said.split(' ').next() {
            Some("done") => Ok(()),
            Some("reverted") => Err(reverted(scope)),
            Some(_) | None => {
                let field = said.split(' ').nth(1).unwrap_or_default();
                let why =
                    STANDARD.decode(field).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
                let message = format!("`{node}` does not guard its firewall: {}", why.unwrap_or_default());
                Err(BackendError::new(ErrorKind::Failed, message)
                    .with_hint(format!("look at `systemctl status {unit}.timer` on `{node}`")))
            }
        }
    }
}

/// Returns the error that a change came back before it was confirmed.
pub fn reverted(scope: &FirewallScope) -> BackendError {
    let message = format!("the change of the firewall `{scope}` was not confirmed in time and is put back");
    BackendError::new(ErrorKind::Failed, message).with_hint("run the command again")
}
