//! `node serve`: the embedded node on a socket, for clients that were made for Proxmox VE, until a signal ends it.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use phoenix_config::Host as Described;
use phoenix_node::{Latency, ServeOptions, Server};
use serde_json::json;

use crate::{
    context::Context,
    error::{Error, Exit},
    host,
    signals::Signals,
};

/// How long running calls may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serve the embedded node's API, as a Proxmox VE host does, until Ctrl-C. The password of `root@pam` comes from
/// `PHOENIX_PASSWORD` or the file that `PHOENIX_PASSWORD_FILE` names; without one only the token is let in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix node serve --tls                         on 127.0.0.1:8006; prints URL, fingerprint and token\n  \
    phoenix --json node serve --tls --listen 127.0.0.1:0   on a free port, for scripts\n  \
    PHOENIX_PASSWORD_FILE=pw phoenix node serve      with a password, without TLS")]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8006", value_name = "ADDR")]
    listen: SocketAddr,
    /// Speak TLS, with a certificate of the node's own.
    #[arg(long)]
    tls: bool,
    /// The name of the API token of `root@pam` that is let in; its secret is made once and kept.
    #[arg(long, default_value = "phoenix", value_name = "NAME")]
    token: String,
    /// How long answers take: no longer than they need, or as on a real node with its three workers.
    #[arg(long, default_value = "none", value_name = "WHICH")]
    latency: LatencyName,
    /// How many nodes the cluster has; all are simulated, and told apart by a number behind the name. They stay.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32))]
    nodes: u32,
}

/// How long answers take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LatencyName {
    /// No longer than they need.
    None,
    /// As on a real node, which has three workers.
    Real,
}

impl Serve {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { listen, tls, token, latency, nodes } = self;
        let latency = match latency {
            LatencyName::None => Latency::None,
            LatencyName::Real => Latency::Real,
        };
        context.block_on(async {
            let signals = Signals::new()?;
            let password = host::secret("PHOENIX_PASSWORD")?;
            let node = host::embedded(&context.global, &described(context)).await?;
            if nodes > 1 {
                node.grow_cluster(nodes).map_err(Error::Node)?;
            }
            let options = ServeOptions { listen, tls, password, token, latency, ..ServeOptions::default() };
            let name = node.name();
            let server = Server::start(node, options).await.map_err(Error::Node)?;
            show(context, &name, &server)?;
            signals.any().await;
            // Tasks that run go on in the next process; a client that does not let go is not waited for.
            let _ = tokio::time::timeout(FAREWELL, server.stop()).await;
            Ok(Exit::Done)
        })
    }
}

fn show(context: &Context, name: &str, server: &Server) -> Result<(), Error> {
    let (url, fingerprint, token) = (server.url(), server.fingerprint(), server.token());
    if context.ui.is_json() {
        return context.ui.record(&json!({
            "url": url, "node": name, "fingerprint": fingerprint, "token": token,
        }));
    }
    context.ui.data(&format!("node `{name}` at {url}"));
    if let Some(fingerprint) = fingerprint {
        context.ui.data(&format!("fingerprint {fingerprint}"));
    }
    context.ui.data(&format!("token {token}"));
    Ok(())
}

/// Returns the host as the configuration describes it, if there is one: the node does not need one.
pub(super) fn described(context: &Context) -> Described {
    phoenix_config::load(&context.global.config_dir, &BTreeSet::new()).host
}
