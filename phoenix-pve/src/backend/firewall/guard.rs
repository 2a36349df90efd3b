//! The guard: a change that could cut off who makes it is put back by the node itself, unless it is confirmed over a new
//! connection. As long as it is not, a rule that is off says so where every plan sees it.

use phoenix_core::{
    BackendError, ErrorKind, FirewallScope,
    firewall::mark::{self, GUARD},
};

use super::PveBackend;
use crate::channel::{Guard, Guarded};

/// How often a new connection is tried.
const ATTEMPTS: u32 = 3;
/// The pause between, in the shortest intervals between two questions.
const PAUSE: u32 = 8;

impl PveBackend {
    pub(super) async fn guard_firewall(
        &self,
        scope: &FirewallScope,
        path: &str,
        seconds: u32,
        digest: Option<&str>,
    ) -> Result<(), BackendError> {
        if self.limits.unguarded_firewall {
            return Ok(());
        }
        let (rules, present) = self.firewall_rules(path).await?;
        let is_told = rules.iter().any(|rule| mark::key(rule) == Some(GUARD));
        // What is kept must be what the plan saw.
        if !is_told && digest.is_some_and(|seen| seen != present) {
            let message = format!("somebody has changed the firewall `{scope}` meanwhile");
            return Err(BackendError::new(ErrorKind::Changed, message).with_hint("run `phoenix plan` again"));
        }
        let guard = if is_told { Guard::Renew { seconds } } else { Guard::Begin { seconds } };
        let begun =
            self.channel.guard(self.guarded_node(scope), &Guarded::Firewall(scope.clone()), guard).await;
        begun.map_err(|error| {
            let message = format!("nothing would put the firewall `{scope}` back if it cut Phoenix off");
            BackendError::new(error.kind, message)
                .with_hint("let Phoenix into the node's shell (`--ssh USER@HOST`), or do without: `--firewall-unguarded`")
                .caused_by(error)
        })?;
        if is_told {
            return Ok(());
        }
        self.insert_rule(path, (GUARD, &mark::guard()), 0, digest).await
    }

    pub(super) async fn confirm_firewall(
        &self,
        scope: &FirewallScope,
        path: &str,
    ) -> Result<(), BackendError> {
        // A firewall that lets in what is there already may not let in what comes next.
        tokio::time::sleep(self.limits.firewall_settle).await;
        self.knock_anew(
            &format!("with the firewall `{scope}` as it is now, no new connection comes through"),
            "the node puts the former firewall back by itself; then mend the rules and run the command again",
        )
        .await?;
        if !self.limits.unguarded_firewall {
            self.channel
                .guard(self.guarded_node(scope), &Guarded::Firewall(scope.clone()), Guard::End)
                .await?;
        }
        self.remove_rule(path, GUARD, None).await
    }

    /// Reaches the node over a connection that is made for it; a few times, for what has changed may take a moment.
    pub(in crate::backend) async fn knock_anew(&self, message: &str, hint: &str) -> Result<(), BackendError> {
        let mut attempts = 0;
        while let Err(error) = self.client.knock().await {
            attempts += 1;
            if attempts == ATTEMPTS {
                return Err(BackendError::new(ErrorKind::Failed, message).with_hint(hint).caused_by(error));
            }
            tokio::time::sleep(self.limits.poll_floor * PAUSE).await;
        }
        Ok(())
    }

    /// Returns the node that guards a firewall: that of the cluster is guarded by the one that the API answers from.
    fn guarded_node<'a>(&'a self, scope: &'a FirewallScope) -> &'a str {
        match scope {
            FirewallScope::Node(name) => name,
            FirewallScope::Cluster | FirewallScope::Guest(_) => &self.node,
        }
    }
}
