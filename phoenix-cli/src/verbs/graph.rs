//! `graph`: pictures of the lab, as Mermaid, DOT or SVG.

use clap::{Args, ValueEnum};
use phoenix_core::graph::Graph as Picture;

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    targets,
};

/// Draw the hierarchy of templates, the requirements, the network plane, or the lifecycle of a guest.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix graph                                         the hierarchy of templates, as Mermaid\n  \
    phoenix graph 910 950 953 955                         these four, and what they are made from\n  \
    phoenix graph --dependencies --format svg > lab.svg   what requires what, as a picture\n  \
    phoenix graph --network                               how requests come to services\n  \
    phoenix graph --lifecycle --format dot | dot -Tpng    the states of a guest")]
pub(crate) struct Graph {
    #[command(flatten)]
    subject: Subject,
    /// Vmids or names: only these, and what they stand on; all if none is named.
    #[arg(value_name = "TARGET", conflicts_with = "lifecycle")]
    targets: Vec<String>,
    /// How the picture is written.
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
struct Subject {
    /// What every guest is made from. This is drawn without an option.
    #[arg(long)]
    templates: bool,
    /// What must be there before what.
    #[arg(long)]
    dependencies: bool,
    /// How requests come to services, and who has names, certificates and volumes from whom.
    #[arg(long)]
    network: bool,
    /// The states of a guest, and what leads from one to another. Needs no configuration.
    #[arg(long)]
    lifecycle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text that Markdown viewers draw.
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// A picture.
    Svg,
}

impl Graph {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let picture = match self.subject {
            Subject { lifecycle: true, .. } => Picture::lifecycle(),
            subject => {
                let config::Config { loaded, resolved } = config::load(context)?;
                let whole = match (subject.dependencies, &loaded.desired.network) {
                    (true, _) => Picture::dependencies(&resolved),
                    (false, Some(network)) if subject.network => Picture::network(network),
                    (false, _) => Picture::templates(&resolved),
                };
                let chosen = targets::find(&resolved, &self.targets)?;
                match chosen.is_empty() {
                    true => whole,
                    false => whole.leading_to(&chosen.iter().map(ToString::to_string).collect()),
                }
            }
        };
        if context.ui.is_json() {
            context.ui.document(&picture)?;
            return Ok(Exit::Done);
        }
        let text = match self.format {
            Format::Mermaid => picture.mermaid(),
            Format::Dot => picture.dot(),
            Format::Svg => picture.svg(),
        };
        context.ui.data(text.trim_end());
        Ok(Exit::Done)
    }
}
