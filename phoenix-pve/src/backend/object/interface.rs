//! Network interfaces: what is pending is brought into force under a guard, and confirmed over a new connection.

use phoenix_core::BackendError;

use super::PveBackend;
use crate::{
    backend::perform::Work,
    channel::{Guard, Guarded},
    client::{Params, segment},
};

impl PveBackend {
    pub(super) async fn guard_interfaces(&self, node: &str, seconds: u32) -> Result<(), BackendError> {
        let begun = self.channel.guard(node, &Guarded::Interfaces, Guard::Begin { seconds }).await;
        begun.map_err(|error| {
            let message = format!("nothing would put the network of `{node}` back if it cut Phoenix off");
            let hint = error.hint.clone();
            let hint =
                hint.unwrap_or_else(|| "let Phoenix into the node's shell (`--ssh USER@HOST`)".to_owned());
            BackendError::new(error.kind, message).with_hint(hint).caused_by(error)
        })
    }

    pub(super) async fn apply_interfaces(&self, node: &str, work: Work<'_>) -> Result<(), BackendError> {
        let call = format!("/nodes/{}/network", segment(node)?);
        let upid = self.client.put(&call, Params::new()).await?;
        Ok(self.wait(upid.as_str().unwrap_or_default(), work).await?)
    }

    pub(super) async fn confirm_interfaces(&self, node: &str) -> Result<(), BackendError> {
        self.knock_anew(
            &format!("with the network of `{node}` as it is now, no new connection comes through"),
            "the node puts the former interfaces back by itself; then mend the declaration and run the command again",
        )
        .await?;
        self.channel.guard(node, &Guarded::Interfaces, Guard::End).await
    }
}
