//! What can go wrong in the program itself, and how a run ends. Findings about the configuration and the host are
//! [`Diagnostics`]; they pass through here unchanged.

use std::{io, path::PathBuf, process::ExitCode};

use phoenix_config::Sources;
use phoenix_core::{Diagnostics, ResourceId};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// An error, which has been shown.
    Failed,
    /// Changes are pending, and the user asked to be told by the status.
    Pending,
}

/// Why the program cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Findings that stand against it.
    #[error("{findings}")]
    Findings {
        /// The findings.
        findings: Diagnostics,
        /// The files that they are about.
        sources: Box<Sources>,
    },
    /// Guests that Phoenix did not make.
    #[error("{}", ids.iter().map(|id| format!("`{id}` is not deleted: it was not made by Phoenix")).collect::<Vec<_>>().join("\n"))]
    Foreign {
        /// The guests.
        ids: Vec<ResourceId>,
    },
    /// A feature that the host does not have.
    #[error("the host has no feature `{feature}`")]
    NotOfHost {
        /// The word.
        feature: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// Words that name no guest of the configuration, or more than one.
    #[error("{}", targets.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Targets {
        /// A complaint a word.
        targets: Vec<crate::targets::Complaint>,
    },
    /// Guests that are still needed by others.
    #[error("{}", complaints.join("\n"))]
    Depended {
        /// A complaint a guest.
        complaints: Vec<String>,
        /// What to type instead.
        instead: String,
    },
    /// The user was not asked, because there is nobody to ask.
    #[error("this needs your consent, and there is no terminal to ask at")]
    NoTerminal,
    /// The user said no.
    #[error("nothing was done: you did not say yes")]
    Declined,
    /// A verb for the embedded node and a host that is none.
    #[error("`{url}` is not the embedded node")]
    NotEmbedded {
        /// The host.
        url: String,
    },
    /// There is nothing to be let in with.
    #[error("there is neither a token nor a password for `{url}`")]
    NoCredentials {
        /// The host.
        url: String,
    },
    /// The node that guests are made on is not there.
    #[error("`{url}` has no node `{node}`: it has `{}`", found.join("`, `"))]
    NoNode {
        /// The host.
        url: String,
        /// The node.
        node: String,
        /// Those that are there.
        found: Vec<String>,
    },
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// This machine is no Proxmox VE host.
    #[error("this machine is no Proxmox VE host: there is no `{}`", dir.join("local").display())]
    NotHere {
        /// Where a host has the cluster's files.
        dir: PathBuf,
    },
    /// The URL tells no host that ssh could go to.
    #[error("`{url}` names no host that ssh could go to")]
    NoAddress {
        /// The URL.
        url: String,
    },
    /// This machine lacks what the engine of real containers needs.
    #[error("this machine cannot run real containers: {}", lacking.join("; "))]
    Lacking {
        /// What it lacks.
        lacking: Vec<String>,
    },
    /// The sandbox of real containers could not be used.
    #[error(transparent)]
    Sandbox(phoenix_sandbox::SandboxError),
    /// There is no sandbox that runs.
    #[error("the embedded node in `{}` has no sandbox that runs", dir.display())]
    NoSandbox {
        /// The node's directory.
        dir: PathBuf,
    },
    /// The verb is for real containers only.
    #[error("the engine `sim` has nothing to start, to stop or to look into")]
    OnlyLxc,
    /// There is no place for the embedded node.
    #[error("there is no place for the embedded node: neither `XDG_STATE_HOME` nor `HOME` is set")]
    NoStateHome,
    /// The embedded node could not be used.
    #[error(transparent)]
    Node(phoenix_node::NodeError),
    /// A call of the embedded node's API was refused.
    #[error(transparent)]
    Api(phoenix_pve::PveError),
    /// A word that is not `key=value`.
    #[error("`{text}` is not a parameter")]
    Parameter {
        /// The word.
        text: String,
    },
    /// The configuration could not be read, or its migration not be written.
    #[error(transparent)]
    Config(phoenix_config::ConfigError),
    /// A word that is neither a sort of file nor a feature.
    #[error("`{kind}` is neither a sort of file nor a feature")]
    NoSchema {
        /// The word.
        kind: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// A plugin cannot have that name.
    #[error("a plugin cannot have the name `{name}`: {why}")]
    PluginName {
        /// The name.
        name: String,
        /// Why not.
        why: String,
    },
    /// A word that is neither a file nor a plugin of the configuration.
    #[error("there is neither a file nor a listed plugin `{name}`")]
    NoPlugin {
        /// The word.
        name: String,
        /// The nearest plugin that there is.
        nearest: Option<String>,
    },
    /// A plugin cannot be used.
    #[error(transparent)]
    Plugin(phoenix_plugin::host::PluginError),
    /// The configuration declares no certificate of that name.
    #[error("the configuration declares no certificate `{name}`")]
    NoCertificate {
        /// The name.
        name: String,
        /// The nearest one that there is.
        nearest: Option<String>,
    },
    /// A word that `explain` knows nothing about.
    #[error("there is nothing to explain about `{subject}`")]
    Unexplained {
        /// The word.
        subject: String,
        /// The nearest one that there is.
        nearest: Option<String>,
    },
    /// A step that is not planned now.
    #[error("the step `{step}` is not in the plan now")]
    NoSuchStep {
        /// The step.
        step: String,
    },
    /// A file or directory could not be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Standard output could not be written.
    #[error("could not write to standard output")]
    Output(#[source] io::Error),
    /// A value could not be written as JSON.
    #[error("could not write JSON")]
    Json(#[source] serde_json::Error),
    /// The runtime could not be started.
    #[error("could not start the runtime")]
    Runtime(#[source] io::Error),
}

impl Error {
    /// Returns what the user can type next.
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Foreign { .. } => {
                "delete it with `pct destroy` or `qm destroy`, or give the guest of the configuration another vmid"
            }
            Self::NotOfHost { known, .. } => return Some(format!("it has: {}", known.join(", "))),
            Self::Targets { .. } => "`phoenix status` lists every guest of the configuration",
            Self::NoTerminal => "say `--yes` to go ahead without being asked",
            Self::NotHere { .. } => {
                "`--host https://HOST:8006` reaches one over its API and ssh; `--host embedded` works on the embedded node"
            }
            Self::NoAddress { .. } => "name one with `--ssh USER@HOST`",
            Self::NotEmbedded { .. } => "leave `--host` out, or say `--host embedded`",
            Self::NoCredentials { .. } => {
                "set `PHOENIX_TOKEN` to `user@realm!name=secret`, or `PHOENIX_PASSWORD` (and `PHOENIX_USER`); `PHOENIX_TOKEN_FILE` and `PHOENIX_PASSWORD_FILE` name a file instead"
            }
            Self::NoNode { .. } => "name the node in the file of the hypervisor",
            Self::Lacking { .. } => {
                "bring what is missing, or leave `--node-engine` at `sim`, which needs nothing"
            }
            Self::NoSandbox { .. } => "`phoenix node start` begins it",
            Self::OnlyLxc => "say `--node-engine lxc`, or set `PHOENIX_NODE_ENGINE`",
            Self::NoStateHome => "name a directory with `--node-dir`",
            Self::Parameter { .. } => "parameters are written `key=value`, for instance `memory=2048`",
            Self::NoSuchStep { .. } => "`phoenix plan` lists the steps that are",
            Self::PluginName { .. } => "choose another, for instance `motd`",
            Self::NoCertificate { nearest: None, .. } => "`phoenix cert list` shows those that it declares",
            Self::NoPlugin { nearest: Some(nearest), .. }
            | Self::NoCertificate { nearest: Some(nearest), .. } => {
                return Some(format!("did you mean `{nearest}`?"));
            }
            Self::NoPlugin { nearest: None, .. } => "`phoenix plugin list` shows those that are listed",
            Self::Plugin(error) => return Some(error.hint()),
            Self::Depended { instead, .. } => return Some(format!("`{instead}` takes them along")),
            Self::NoSchema { known, .. } => return Some(format!("known are `{}`", known.join("`, `"))),
            Self::Unexplained { nearest: Some(nearest), .. } => {
                return Some(format!("`phoenix explain {nearest}` is the nearest"));
            }
            Self::Unexplained { nearest: None, .. } => "`phoenix explain` lists what can be explained",
            Self::Findings { .. }
            | Self::Declined
            | Self::Node(_)
            | Self::Sandbox(_)
            | Self::Api(_)
            | Self::Config(_)
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Json(_)
            | Self::Runtime(_) => return None,
        };
        Some(text.to_owned())
    }
}

impl Error {
    /// Returns findings about some files as an error.
    pub(crate) fn findings(mut findings: Diagnostics, sources: &Sources) -> Self {
        sources.locate(&mut findings);
        Self::Findings { findings, sources: Box::new(sources.clone()) }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Pending => Self::from(2),
        }
    }
}
