//! API tokens: Proxmox VE tells a token's secret once, and so it goes from its answer into a file of the node.

use phoenix_core::{Action, BackendError, Content, ErrorKind, ObjectKind, SecretRef, Site, object::Values};
use serde_json::Value;

use super::{PveBackend, path};
use crate::client::Params;

impl PveBackend {
    pub(super) async fn issue_token(
        &self,
        name: &str,
        values: &Values,
        (node, file): (&str, &str),
    ) -> Result<(), BackendError> {
        let call = path::token(name)?;
        let params: Params = values.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let is_there = self.object_list(&ObjectKind::Token).await?.rows.contains_key(name);
        let answer = match is_there {
            false => self.client.post(&call, params).await?,
            true => self.renew_token(&call, params).await?,
        };
        let Some(secret) = answer["value"].as_str() else {
            let message = format!("Proxmox VE did not tell the secret of the token `{name}`");
            return Err(BackendError::new(ErrorKind::Failed, message).with_hint("run `phoenix setup` again"));
        };
        let site = Site::Host(node.into());
        let line = format!("{name}={secret}\n");
        let action = Action::WriteFile {
            site: site.clone(),
            path: file.to_owned(),
            // Only a name: the content goes beside it.
            content: Content::Secret(SecretRef::File(file.to_owned())),
            mode: 0o600,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            check: Vec::new(),
        };
        self.channel.act(&site, &action, Some(line.as_bytes())).await
    }

    /// Gives a token that is there a new secret. Releases that cannot do that make it anew, and its permissions with it.
    async fn renew_token(&self, call: &str, params: Params) -> Result<Value, BackendError> {
        let mut anew = params.clone();
        anew.push(("regenerate".to_owned(), "1".to_owned()));
        match self.client.put(call, anew).await {
            Err(error) if error.kind() == ErrorKind::Invalid => {
                self.client.delete(call, Params::new()).await?;
                Ok(self.client.post(call, params).await?)
            }
            answer => Ok(answer?),
        }
    }
}
