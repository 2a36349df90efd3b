//! The guard of a node's firewall or interfaces: systemd on the node puts a kept file back after a time, whoever is cut off meanwhile.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use phoenix_core::{BackendError, ErrorKind, FirewallScope};

use super::{
    answer,
    live::{Came, Errand, LiveChannel},
    port::{Guard, Guarded},
    request,
};

/// Where a node keeps its interfaces.
const INTERFACES: &str = "/etc/network/interfaces";
const GUARD: &str = concat!(include_str!("script/prelude.sh"), include_str!("script/guard.sh"));

impl LiveChannel {
    /// Begins, renews or ends a guard.
    pub(super) async fn write_guard(
        &self,
        node: &str,
        what: &Guarded,
        guard: Guard,
    ) -> Result<(), BackendError> {
        let of = |scope: &FirewallScope| match scope {
            FirewallScope::Cluster => self.pve_dir.join("firewall/cluster.fw"),
            FirewallScope::Node(name) => self.pve_dir.join("nodes").join(&**name).join("host.fw"),
            FirewallScope::Guest(guest) => self.pve_dir.join(format!("firewall/{}.fw", guest.vmid)),
        };
        let (file, sort) = match what {
            Guarded::Firewall(scope) => (of(scope), "firewall"),
            Guarded::Interfaces => (PathBuf::from(INTERFACES), "interfaces"),
        };
        let (file, dir) = (file.to_string_lossy(), self.guard_dir.join(what.to_string()));
        let (dir, unit) = (dir.to_string_lossy(), format!("phoenix-firewall-guard-{what}"));
        let input = match guard {
            Guard::Begin { seconds } => {
                request::line("begin", &[&dir, &file, &unit, &seconds.to_string(), sort])?
            }
            Guard::Renew { seconds } => {
                request::line("renew", &[&dir, &file, &unit, &seconds.to_string(), sort])?
            }
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
            Some("reverted") => Err(reverted(what)),
            Some(_) | None => {
                let field = said.split(' ').nth(1).unwrap_or_default();
                let why =
                    STANDARD.decode(field).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
                let message = format!("`{node}` does not guard its {sort}: {}", why.unwrap_or_default());
                Err(BackendError::new(ErrorKind::Failed, message)
                    .with_hint(format!("look at `systemctl status {unit}.timer` on `{node}`")))
            }
        }
    }
}

/// Returns the error that a change came back before it was confirmed.
pub fn reverted(what: &Guarded) -> BackendError {
    let sort = match what {
        Guarded::Firewall(_) => "firewall ",
        Guarded::Interfaces => "",
    };
    let message = format!("the change of the {sort}`{what}` was not confirmed in time and is put back");
    BackendError::new(ErrorKind::Failed, message).with_hint("run the command again")
}
