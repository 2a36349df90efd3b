//! `schema`: the JSON Schema of a configuration file or of a feature's configuration.

use clap::Args;
use phoenix_config::Kind;
use phoenix_core::Registry;

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
};

/// Print the JSON Schema of a configuration file or of a feature's configuration, for editors.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix schema lxc > lxc.schema.json    of phoenix_lxc_configs.json\n  \
    phoenix schema base-setup               of a feature's configuration")]
pub(crate) struct Schema {
    /// `hypervisor`, `lxc`, `vm`, `stack`, `stacks`, `certificates` or the name of a feature.
    #[arg(value_name = "KIND")]
    kind: String,
}

impl Schema {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let registry = config::assemble(context).registry;
        let schema = match registry.feature(&self.kind) {
            Some(feature) => feature.descriptor().config_schema.clone(),
            None => phoenix_config::schema(self.kind.parse::<Kind>().map_err(|_| self.unknown(&registry))?),
        };
        context.ui.document(&schema)?;
        Ok(Exit::Done)
    }

    fn unknown(&self, registry: &Registry) -> Error {
        let kinds = Kind::ALL.into_iter().map(|kind| kind.as_str().to_owned());
        let features = registry.features().map(|feature| feature.descriptor().name.clone());
        Error::NoSchema { kind: self.kind.clone(), known: kinds.chain(features).collect() }
    }
}
