//! The command line: the options that every verb has, and the list of verbs. A verb's own arguments stand with it.

use std::{path::PathBuf, str::FromStr};

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum, builder::FalseyValueParser};

use phoenix_pve::Address;

use crate::{
    context::Context,
    error::{Error, Exit},
    verbs,
};

/// Describes a lab of containers, virtual machines and what runs in them, and makes Proxmox VE be like that.
#[derive(Debug, Parser)]
#[command(name = "phoenix", version, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "Examples:\n  \
    phoenix --config-dir examples/homelab plan      what would be done\n  \
    phoenix --config-dir examples/homelab letsgo    do it\n  \
    phoenix status                                  where everything stands\n\n\
    Exit status: 0 done or nothing to do, 1 an error, 2 changes pending (only `plan --detailed-exitcode`).")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The options of every verb.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every verb")]
pub(crate) struct Global {
    /// The directory with the three configuration files and `stacks/`.
    #[arg(long, global = true, env = "PHOENIX_CONFIG_DIR", default_value = "/etc", value_name = "DIR")]
    pub(crate) config_dir: PathBuf,
    /// Where the guests live: `embedded`, `local` (this machine) or the URL of a Proxmox VE host. Without it: the
    /// embedded node, unless this machine is a Proxmox VE host. `local` needs nothing more from root. A URL takes an API token from `PHOENIX_TOKEN`, or the
    /// password of `PHOENIX_USER` from `PHOENIX_PASSWORD`; with `_FILE` at the end they name a file instead.
    #[arg(long, global = true, env = "PHOENIX_HOST", value_name = "HOST")]
    pub(crate) host: Option<HostChoice>,
    /// The SHA-256 fingerprint of the host's certificate, as `pvenode cert info` prints it.
    #[arg(long, global = true, env = "PHOENIX_FINGERPRINT", value_name = "SHA256", conflicts_with_all = ["ca_file", "insecure"])]
    pub(crate) fingerprint: Option<String>,
    /// The authority that signed the host's certificate, as PEM: a cluster's is `/etc/pve/pve-root-ca.pem`.
    #[arg(long, global = true, env = "PHOENIX_CA_FILE", value_name = "FILE", conflicts_with = "insecure")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Believe any certificate: whoever sits between reads and changes everything, credentials among it.
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
    /// Where to log in by ssh for what the API has no call for: the inside of guests, and raw `lxc.*` keys. Without it: root
    /// on the host of the URL. Other nodes of the cluster are reached at their own addresses, as the same user. Keys,
    /// known hosts and jumps are those of ssh's own configuration; no host is believed whose key is not known.
    #[arg(long, global = true, env = "PHOENIX_SSH", value_name = "USER@HOST[:PORT]")]
    pub(crate) ssh: Option<Address>,
    /// Another configuration of ssh than `~/.ssh/config`.
    #[arg(long, global = true, env = "PHOENIX_SSH_CONFIG", value_name = "FILE")]
    pub(crate) ssh_config: Option<PathBuf>,
    /// Change the firewalls of nodes although nothing puts them back if that cuts Phoenix off: for who reaches the API alone,
    /// and no shell of the node.
    #[arg(long, global = true, env = "PHOENIX_FIREWALL_UNGUARDED")]
    pub(crate) firewall_unguarded: bool,
    /// Where the embedded node keeps its state. Without it: `$XDG_STATE_HOME/phoenix/node`.
    #[arg(long, global = true, env = "PHOENIX_NODE_DIR", value_name = "DIR")]
    pub(crate) node_dir: Option<PathBuf>,
    /// What the embedded node's guests are made of.
    #[arg(long, global = true, env = "PHOENIX_NODE_ENGINE", default_value = "sim", value_name = "ENGINE")]
    pub(crate) node_engine: Engine,
    /// Let real containers reach the outside, through a network of this process alone.
    #[arg(long, global = true, env = "PHOENIX_NODE_UPLINK", value_parser = FalseyValueParser::new())]
    pub(crate) node_uplink: bool,
    /// Let new virtual machines of the engine `lxc` be containers, where QEMU is missing or too slow.
    #[arg(long, global = true, env = "PHOENIX_VM_AS_CONTAINER", value_parser = FalseyValueParser::new())]
    pub(crate) vm_as_container: bool,
    /// Where images of operating systems for real containers are kept.
    #[arg(
        long,
        global = true,
        env = "PHOENIX_TEMPLATE_CACHE",
        default_value = "/var/cache/phoenix/templates",
        value_name = "DIR"
    )]
    pub(crate) template_cache: PathBuf,
    /// A mirror of packages for real containers, if it is there: `ubuntu-24.04` and its like are flat repositories.
    #[arg(
        long,
        global = true,
        env = "PHOENIX_PACKAGE_MIRROR",
        default_value = "/var/cache/phoenix/mirror",
        value_name = "DIR"
    )]
    pub(crate) package_mirror: PathBuf,
    /// What is installed in real containers without a way out, if the file is there, in place of the artifacts that
    /// features pin: written like `artifacts` of the host's file, which counts more.
    #[arg(
        long,
        global = true,
        env = "PHOENIX_ARTIFACT_INDEX",
        default_value = "/var/cache/phoenix/artifacts/index.json",
        value_name = "FILE"
    )]
    pub(crate) artifact_index: PathBuf,
    /// How many times faster than usual the embedded node's tasks run.
    #[arg(long, global = true, env = "PHOENIX_NODE_SPEED", default_value = "1", value_name = "FACTOR", value_parser = speed)]
    pub(crate) node_speed: f64,
    /// Graphics cards of the simulated node. Without it: where the configuration declares an NVIDIA driver, those that its
    /// guests name. A node that is there keeps the cards that it has, and gains others.
    #[arg(long, global = true, env = "PHOENIX_NODE_GPUS", value_delimiter = ',', value_name = "NAME:MIB")]
    pub(crate) node_gpus: Vec<GpuOption>,
    /// Print JSON for machines: data on standard output, findings and errors on standard error.
    #[arg(long, global = true, env = "PHOENIX_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    /// Tell on standard error what is done; twice for every call.
    #[arg(short, long, global = true, env = "PHOENIX_VERBOSE", action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Where the guests live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostChoice {
    /// The embedded node.
    Embedded,
    /// This machine, which is a Proxmox VE host.
    Local,
    /// A Proxmox VE host somewhere else.
    Url(String),
}

/// A graphics card of the simulated node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GpuOption {
    /// What it is called.
    pub(crate) name: String,
    /// Its memory in MiB.
    pub(crate) memory_mib: u64,
}

/// What the embedded node's guests are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A model: needs nothing, and runs anywhere.
    Sim,
    /// Real containers of this machine; needs root and LXC.
    Lxc,
}

/// What is done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "LetsGo")]
    Letsgo(verbs::letsgo::Letsgo),
    Setup(verbs::setup::Setup),
    Create(verbs::create::Create),
    Converge(verbs::converge::Converge),
    Sync(verbs::sync::Sync),
    Delete(verbs::delete::Delete),
    Start(verbs::start::Start),
    Stop(verbs::stop::Stop),
    Restart(verbs::restart::Restart),
    Status(verbs::status::Status),
    Plan(verbs::plan::Plan),
    Validate(verbs::validate::Validate),
    Graph(verbs::graph::Graph),
    HealthCheck(verbs::health_check::HealthCheck),
    Cert(verbs::cert::CertVerb),
    Explain(verbs::explain::Explain),
    Schema(verbs::schema::Schema),
    Migrate(verbs::migrate::Migrate),
    Plugin(verbs::plugin::PluginVerb),
    Node(verbs::node::NodeVerb),
    Completions(verbs::completions::Completions),
    Man(verbs::man::Man),
}

/// Reads the command line and the environment.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    Cli::try_parse()
}

/// Returns the description of the command line, for manuals and completions.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

impl Verb {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self {
            Self::Letsgo(verb) => verb.run(context),
            Self::Setup(verb) => verb.run(context),
            Self::Create(verb) => verb.run(context),
            Self::Converge(verb) => verb.run(context),
            Self::Sync(verb) => verb.run(context),
            Self::Delete(verb) => verb.run(context),
            Self::Start(verb) => verb.run(context),
            Self::Stop(verb) => verb.run(context),
            Self::Restart(verb) => verb.run(context),
            Self::Status(verb) => verb.run(context),
            Self::Plan(verb) => verb.run(context),
            Self::Validate(verb) => verb.run(context),
            Self::Graph(verb) => verb.run(context),
            Self::HealthCheck(verb) => verb.run(context),
            Self::Cert(verb) => verb.run(context),
            Self::Explain(verb) => verb.run(context),
            Self::Schema(verb) => verb.run(context),
            Self::Migrate(verb) => verb.run(context),
            Self::Plugin(verb) => verb.run(context),
            Self::Node(verb) => verb.run(context),
            Self::Completions(verb) => verb.run(context),
            Self::Man(verb) => verb.run(context),
        }
    }
}

impl FromStr for HostChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "local" => Ok(Self::Local),
            url if url.starts_with("https://") => Ok(Self::Url(url.to_owned())),
            _ => {
                Err("a host is `embedded`, `local` or a URL such as `https://pve.example.com:8006`"
                    .to_owned())
            }
        }
    }
}

impl FromStr for GpuOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "a card is a name and its memory in MiB, such as `NVIDIA GeForce RTX 4090:24564`";
        let (name, memory) = text.trim().rsplit_once(':').ok_or(wanted)?;
        let memory_mib = memory.parse().ok().filter(|memory| *memory > 0).ok_or(wanted)?;
        if name.is_empty() {
            return Err(wanted.to_owned());
        }
        Ok(Self { name: name.to_owned(), memory_mib })
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 => Ok(speed),
        Ok(_) | Err(_) => Err("a factor is a number above 0, such as `10` or `inf`".to_owned()),
    }
}
