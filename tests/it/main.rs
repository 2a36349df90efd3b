//! End-to-end scenarios and laws, in one binary.

mod faults;
mod homelab;
mod https;
mod laws;
mod local;
mod migration;
mod pending;
mod rebuild;

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

/// Runs a scenario of containers alone in process, over HTTPS, and with real containers where this machine can.
#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
fn on_each_way_to_containers(scenario: impl AsyncFn(phoenix_tests::way::Way)) {
    let (ways, why_not_all) = phoenix_tests::way::Way::to_containers();
    if let Some(why) = why_not_all {
        println!("skipped with real containers: {why}");
    }
    for way in ways {
        way.block_on(scenario(way));
    }
}

/// Runs a scenario in process and over HTTPS.
fn on_each_way(scenario: impl AsyncFn(phoenix_tests::way::Way)) {
    for way in phoenix_tests::way::Way::ALL {
        way.block_on(scenario(way));
    }
}
