//! End-to-end scenarios and laws, in one binary.

mod bytes;
mod catalogue;
mod faults;
mod features;
mod firewall;
mod homelab;
mod https;
mod laws;
mod local;
mod migration;
mod objects;
mod packages;
mod pending;
mod pins;
mod portainer;
mod problems;
mod real;
mod real_host;
mod rebuild;
mod stock;

use phoenix_tests::way::Way;

/// Runs a future with a clock that stands still and jumps when all wait: the node's tasks take their virtual time and
/// no other.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Returns the ways on which a scenario runs: in process, over HTTPS, and with real containers where this machine can.
#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
fn ways() -> Vec<Way> {
    let (ways, why_not_all) = Way::all();
    if let Some(why) = why_not_all {
        println!("skipped with real containers: {why}");
    }
    ways
}

/// Runs a scenario on each way.
fn on_each_way(scenario: impl AsyncFn(Way)) {
    for way in ways() {
        way.block_on(scenario(way));
    }
}

/// Runs a scenario with real containers alone, where this machine can.
fn on_the_real_way(scenario: impl AsyncFn(Way)) {
    for way in ways().into_iter().filter(|way| *way == Way::Real) {
        way.block_on(scenario(way));
    }
}
