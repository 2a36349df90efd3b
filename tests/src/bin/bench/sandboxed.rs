//! Measurements that need a sandbox: made in a directory of their own, told if this machine cannot, ended in time, and
//! cleared away whatever became of them.

use std::{error::Error, path::Path, path::PathBuf};

use phoenix_node::Node;
use phoenix_sandbox::Containers;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

/// Measures in a new directory, in which there may be nodes of these names, and prints the figures. Neither a panic nor an
/// interrupt leaves containers behind.
pub(crate) fn run<M, F>(nodes: &[&str], measure: M) -> Result<(), Box<dyn Error>>
where
    M: FnOnce(PathBuf) -> F,
    F: Future<Output = Result<Value, String>> + Send + 'static,
{
    let lacking = phoenix_sandbox::lacking();
    if !lacking.is_empty() {
        let reasons: Vec<String> = lacking.iter().map(ToString::to_string).collect();
        println!("{}", json!({ "skipped": reasons.join("; ") }));
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let dir = tempfile::Builder::new().prefix("phoenix-bench-").tempdir()?;
    let measured = runtime.block_on(ended(measure(dir.path().to_owned())));
    // The task may still hold a node: what it began is ended before its directory goes.
    let cleared = nodes.iter().map(|node| runtime.block_on(clear(&dir.path().join(node))));
    let cleared: Result<(), _> = cleared.collect();
    drop(runtime);
    println!("{}", measured?);
    cleared?;
    Ok(dir.close()?)
}

/// Ends everything that a node in this directory began, whatever became of it.
pub(crate) async fn clear(node: &Path) -> Result<(), phoenix_sandbox::SandboxError> {
    Containers::reset(&Node::sandbox_dir(node)).await
}

/// Lets a task of its own measure, until it is done or somebody interrupts it.
async fn ended(
    measuring: impl Future<Output = Result<Value, String>> + Send + 'static,
) -> Result<Value, Box<dyn Error>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut task = tokio::spawn(measuring);
    tokio::select! {
        done = &mut task => Ok(done??),
        interrupted = tokio::signal::ctrl_c() => {
            task.abort();
            interrupted?;
            Err("interrupted".into())
        }
        _ = terminated.recv() => {
            task.abort();
            Err("terminated".into())
        }
    }
}
