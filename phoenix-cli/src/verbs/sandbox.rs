//! `node start`, `node stop`, `node shell`, `node outside`: the machine under real containers.

use std::{net::IpAddr, os::unix::process::CommandExt as _};

use clap::Args;
use phoenix_node::Node;
use phoenix_pve::Method;
use phoenix_sandbox::{Containers, Forward, Outside, OutsideSpec, Sandbox};

use super::{node::call, serve::described};
use crate::{
    args::Engine,
    context::Context,
    error::{Error, Exit},
    host::{self, Host, node_dir},
};

/// Begin the sandbox of the real containers, and start those that start with their host.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  phoenix --node-engine lxc node start")]
pub(crate) struct Start;

/// Stop all real containers and end their sandbox; nothing of them is left running or mounted, and all that they have
/// written stays.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  phoenix --node-engine lxc node stop")]
pub(crate) struct Stop;

/// Look into the sandbox: a shell on the host of the real containers, or a command there. `pct list` and `pct enter` are
/// there too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix --node-engine lxc node shell\n  \
    phoenix --node-engine lxc node shell -- pct exec 101 -- ip address")]
pub(crate) struct Shell {
    /// What to run; a shell without it.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Look at the lab from outside: a command at a client with a network of its own, outside of all bridges, that reaches
/// the host at 203.0.113.1 and has 203.0.113.50. The client is made at the first call and stays as long as the sandbox; an
/// option makes it anew.
#[derive(Debug, Args)]
#[command(
    name = "outside",
    after_help = "Examples:\n  \
    phoenix --node-engine lxc node outside --forward 80=10.0.0.153 --forward 443=10.0.0.153\n  \
    phoenix --node-engine lxc node outside -- curl --resolve a.example:443:203.0.113.1 https://a.example/"
)]
pub(crate) struct OutsideVerb {
    /// A port of TCP at the host's outer address, and where it leads: `443=10.0.0.153:443`; the same port if none is given.
    #[arg(long, value_name = "PORT=ADDRESS")]
    forward: Vec<Forward>,
    /// Whom the client asks for names.
    #[arg(long, value_name = "ADDRESS")]
    resolver: Option<IpAddr>,
    /// What to run there.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Start {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        check(context)?;
        let described = described(context);
        context.block_on(async {
            let host = Host::open(&context.global, &described).await?;
            let containers = host::containers(&context.global, &described)?;
            let pid = containers.sandbox().await.map_err(Error::Sandbox)?.status().pid;
            let path = format!("/nodes/{}/startall", described.node);
            call(host.backend.client(), Method::Post, &path, Vec::new()).await.map_err(Error::Api)?;
            let running = containers.running().map_err(Error::Sandbox)?;
            context
                .ui
                .data(&format!("the sandbox is held by process {pid}; {} containers run", running.len()));
            Ok(Exit::Done)
        })
    }
}

impl Stop {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        check(context)?;
        let dir = node_dir(&context.global)?;
        context.block_on(async {
            // Held open, so that nobody starts anything meanwhile.
            let node = host::embedded(&context.global, &described(context)).await?;
            let was_there = Containers::halt(&sandbox_dir(context)?).await.map_err(Error::Sandbox)?;
            drop(node);
            context.ui.data(&match was_there {
                true => format!(
                    "the containers of the node in `{}` have stopped, and its sandbox is gone",
                    dir.display()
                ),
                false => format!("the node in `{}` had no sandbox that runs", dir.display()),
            });
            Ok(Exit::Done)
        })
    }
}

impl Shell {
    /// Does it: this process becomes the shell.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        check(context)?;
        let dir = sandbox_dir(context)?;
        let sandbox = Sandbox::find(&dir).map_err(Error::Sandbox)?;
        let sandbox = sandbox.ok_or_else(|| Error::NoSandbox { dir: dir.clone() })?;
        let mut words = sandbox.enter();
        match self.command.is_empty() {
            true => words.push("/bin/bash".to_owned()),
            false => words.extend(self.command),
        }
        become_program(words)
    }
}

impl OutsideVerb {
    /// Does it: with a command, this process becomes that.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        check(context)?;
        let found = Sandbox::find(&sandbox_dir(context)?).map_err(Error::Sandbox)?;
        let found = found.as_ref().and_then(Outside::find);
        let is_as_it_was = self.forward.is_empty() && self.resolver.is_none() && !self.command.is_empty();
        let outside = match found.filter(|_| is_as_it_was) {
            Some(outside) => outside,
            None => {
                let containers = host::containers(&context.global, &described(context))?;
                let spec =
                    OutsideSpec { resolver: self.resolver, forwards: self.forward, ..OutsideSpec::default() };
                context.block_on(async { containers.outside(&spec).await.map_err(Error::Sandbox) })?
            }
        };
        if self.command.is_empty() {
            let OutsideSpec { client, host, .. } = OutsideSpec::default();
            let client = client.addr();
            context.ui.data(&format!("a client outside has {client} and reaches the host at {host}"));
            return Ok(Exit::Done);
        }
        let mut words = outside.enter();
        words.extend(self.command);
        become_program(words)
    }
}

fn become_program(mut words: Vec<String>) -> Result<Exit, Error> {
    let program = words.remove(0);
    let source = std::process::Command::new(&program).args(words).exec();
    Err(Error::Read { path: program.into(), source })
}

fn check(context: &Context) -> Result<(), Error> {
    host::check(&context.global)?;
    match context.global.node_engine {
        Engine::Lxc => Ok(()),
        Engine::Sim => Err(Error::OnlyLxc),
    }
}

fn sandbox_dir(context: &Context) -> Result<std::path::PathBuf, Error> {
    let dir = Node::sandbox_dir(&node_dir(&context.global)?);
    std::path::absolute(&dir).map_err(|source| Error::Read { path: dir, source })
}
