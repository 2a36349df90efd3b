//! End-to-end scenarios and laws, in one binary.

mod homelab;
mod https;
mod laws;
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
