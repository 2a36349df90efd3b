//! `node`: the embedded node itself: what it has, a fresh start, and calls of its API as `pvesh` makes them.

use std::{path::Path, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use phoenix_core::{ResourceId, StepId, engine::Events};
use phoenix_node::{Node, NodeSeed, Options, Profile, Status, reset_served};
use phoenix_pve::{Client, Method, PveError, TaskWaiter, Upid};
use serde_json::{Value, json};

use super::{
    record::Record,
    sandbox,
    serve::{Serve, described},
};
use crate::{
    context::Context,
    error::{Error, Exit},
    host::{self, Host, node_dir},
    ui::number,
};

/// How often a task is asked whether it has ended.
const POLL: Duration = Duration::from_millis(2);

/// Look at the embedded node, start it afresh, or call its API.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix node status                                              what it has\n  \
    phoenix node reset --yes                                         an empty node\n  \
    phoenix node serve --tls --listen 127.0.0.1:8006                 for other clients\n  \
    phoenix node api get /cluster/resources                          a call, as `pvesh` makes it\n  \
    phoenix node api put /nodes/phoenix/lxc/101/config memory=1024   a change that Phoenix did not make")]
pub(crate) struct NodeVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show what the embedded node has.
    #[command(after_help = "Example:\n  phoenix node status")]
    Status,
    /// Forget everything that the embedded node has: guests, storages and tasks.
    #[command(after_help = "Examples:\n  \
        phoenix node reset --yes                   the next run starts with an empty node\n  \
        phoenix node reset --yes --profile truth   a node as the records of a real one begin, also while it is served")]
    Reset {
        /// Begin afresh in this state.
        #[arg(long, value_name = "NAME")]
        profile: Option<ProfileName>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    Start(sandbox::Start),
    Stop(sandbox::Stop),
    Shell(sandbox::Shell),
    Outside(sandbox::OutsideVerb),
    Serve(Serve),
    Record(Record),
    /// Call the embedded node's API, as `pvesh` does on a Proxmox VE host.
    #[command(after_help = "Examples:\n  \
        phoenix node api get /nodes/phoenix/lxc\n  \
        phoenix node api post /nodes/phoenix/lxc/101/status/stop\n  \
        phoenix node api put /nodes/phoenix/lxc/101/config memory=1024")]
    Api {
        /// What to do.
        method: Verb,
        /// The path below `/api2/json`.
        path: String,
        /// Parameters, each `key=value`.
        #[arg(value_name = "KEY=VALUE")]
        params: Vec<String>,
    },
}

/// A state to begin afresh in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// Phoenix's own roomy node, which gains what the configuration names.
    Default,
    /// The node of the records: `pve1`, storages `local` and `btr`, two OS templates, `root@pam` alone.
    Truth,
}

/// The method of a call, under HTTP's name or `pvesh`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// Read.
    #[value(alias = "GET", alias = "ls")]
    Get,
    /// Create, or start a task.
    #[value(alias = "POST", alias = "create")]
    Post,
    /// Change.
    #[value(alias = "PUT", alias = "set")]
    Put,
    /// Remove.
    #[value(alias = "DELETE")]
    Delete,
}

impl NodeVerb {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self.what {
            What::Status => status(context),
            What::Reset { profile, yes } => reset(context, profile, yes),
            What::Start(verb) => verb.run(context),
            What::Stop(verb) => verb.run(context),
            What::Shell(verb) => verb.run(context),
            What::Outside(verb) => verb.run(context),
            What::Serve(verb) => verb.run(context),
            What::Record(verb) => verb.run(context),
            What::Api { method, path, params } => api(context, method, &path, &params),
        }
    }
}

fn status(context: &Context) -> Result<Exit, Error> {
    host::check(&context.global)?;
    let dir = node_dir(&context.global)?;
    let status = Node::status(&dir).map_err(Error::Node)?;
    let shown = dir.display();
    let Some(Status { name, guests, running, templates, tasks, used_by }) = status else {
        if context.ui.is_json() {
            context.ui.record(&Value::Null)?;
        } else {
            context.ui.data(&format!("there is no node in `{shown}` yet"));
        }
        return Ok(Exit::Done);
    };
    if context.ui.is_json() {
        context.ui.record(&json!({
            "dir": dir, "name": name, "guests": guests, "running": running, "templates": templates,
            "tasks": tasks, "used_by": used_by,
        }))?;
    } else {
        let stopped = guests - running - templates;
        context.ui.data(&format!("node `{name}` in `{shown}`"));
        context.ui.data(&format!(
            "{}: {running} running, {}, {stopped} stopped",
            number(guests, "guest"),
            number(templates, "template"),
        ));
        context.ui.data(&format!("{} under way", number(tasks, "task")));
        if let Some(process) = used_by {
            context.ui.data(&format!("in use by process {process}"));
        }
    }
    Ok(Exit::Done)
}

fn reset(context: &Context, profile: Option<ProfileName>, yes: bool) -> Result<Exit, Error> {
    host::check(&context.global)?;
    let dir = node_dir(&context.global)?;
    let shown = dir.display();
    if !yes {
        context.ui.ask(&format!("forget everything in `{shown}`?"))?;
    }
    let profile = profile.map(|name| match name {
        ProfileName::Default => Profile::Default,
        ProfileName::Truth => Profile::Truth,
    });
    let is_served = context.block_on(async {
        reset_served(&dir, profile.unwrap_or(Profile::Default)).await.map_err(Error::Node)
    })?;
    if is_served {
        context.ui.data(&format!("the node in `{shown}`, which is being served, begins afresh"));
        return Ok(Exit::Done);
    }
    let was_there = context.block_on(async { Node::reset(&dir).await.map_err(Error::Node) })?;
    if let Some(profile) = profile {
        let seed = profile.seed();
        context.block_on(async { begin(&dir, seed).await })?;
        context.ui.data(&format!("the node in `{shown}` begins afresh as `{}`", profile.name()));
        return Ok(Exit::Done);
    }
    context.ui.data(&match was_there {
        true => format!("the node in `{shown}` is gone; the next run starts with an empty one"),
        false => format!("there was no node in `{shown}`"),
    });
    Ok(Exit::Done)
}

async fn begin(dir: &Path, seed: NodeSeed) -> Result<(), Error> {
    Node::open(dir, Options { seed, ..Options::default() }).await.map(drop).map_err(Error::Node)
}

fn api(context: &Context, method: Verb, path: &str, params: &[String]) -> Result<Exit, Error> {
    let params = params.iter().map(|word| parameter(word)).collect::<Result<Vec<_>, _>>()?;
    let method = match method {
        Verb::Get => Method::Get,
        Verb::Post => Method::Post,
        Verb::Put => Method::Put,
        Verb::Delete => Method::Delete,
    };
    context.block_on(async {
        let host = Host::open(&context.global, &described(context)).await?;
        let answer = call(host.backend.client(), method, path, params).await.map_err(Error::Api)?;
        match (&answer, context.ui.is_json()) {
            (Value::String(text), false) => context.ui.data(text),
            (Value::Null, false) => {}
            _ => context.ui.document(&answer)?,
        }
        Ok(Exit::Done)
    })
}

/// Calls, and waits for the task if the call starts one: tasks of the embedded node live in this process.
pub(super) async fn call(
    client: &Client,
    method: Method,
    path: &str,
    params: Vec<(String, String)>,
) -> Result<Value, PveError> {
    let answer = client.call(method, path, params).await?;
    if let Some(upid) = answer.as_str().and_then(|text| text.parse::<Upid>().ok()) {
        let nobody = StepId::new(&ResourceId::new("node", &upid.node), "api", "call");
        TaskWaiter::new(POLL).wait(client, &upid, &nobody, &Events::silent()).await?;
    }
    Ok(answer)
}

fn parameter(word: &str) -> Result<(String, String), Error> {
    match word.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err(Error::Parameter { text: word.to_owned() }),
    }
}
