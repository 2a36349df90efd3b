//! Cost: wall clock, CPU and peak memory of this process, as Linux counts them.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// What some work cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Time that passed.
    pub(crate) wall: Duration,
    /// Time on the processor, of this thread.
    pub(crate) cpu: Duration,
}

/// Does some work and returns what it cost.
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (begun, before) = (Instant::now(), cpu());
    let result = work();
    (result, Cost { wall: begun.elapsed(), cpu: cpu().saturating_sub(before) })
}

/// Returns the time that this thread has had the processor.
fn cpu() -> Duration {
    // The kernel brings the figure up to date when it schedules.
    thread::yield_now();
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    nanoseconds.map_or(Duration::ZERO, Duration::from_nanos)
}

/// Begins to count the peak of memory anew. Where the kernel does not allow it, the peak is that of the whole run.
pub(crate) fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Returns the peak of memory in bytes.
pub(crate) fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
