//! Limits hold, and those of a container that runs follow.

use phoenix_sandbox::{ContainerSpec, Containers};

use crate::live::{Live, live};

/// Says how many seconds of CPU time a loop gets within two.
async fn taken(live: &Live) -> f64 {
    let script = "exec 2>&1; TIMEFORMAT='%U %S'; time (timeout 2 bash -c 'while :; do :; done'; true)";
    let said = live.says(101, script).await;
    let times: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(times.len(), 2, "{said}");
    times.iter().sum()
}

/// Fills so many MiB of memory and says how that ended.
async fn fill(live: &Live, size: u32) -> String {
    live.says(
        101,
        &format!("head -c {size}M /dev/zero | tail -c {size}M >/dev/null; echo ${{PIPESTATUS[1]}}"),
    )
    .await
}

#[tokio::test]
async fn limits_hold_and_follow_while_a_container_runs() {
    let Some((_alone, live)) = live().await else { return };
    let cpus = std::thread::available_parallelism().expect("is known").get();
    let small = ContainerSpec { memory: 128 << 20, swap: 0, cores: Some(1), ..live.make(101).await };
    live.containers.start(&small).await.expect("starts, whether its kernel counts swap or not");
    let init = live.inits(101);
    assert_eq!(live.says(101, "nproc").await, "1");
    assert_eq!(fill(&live, 300).await, "137", "it is killed");
    assert_eq!(fill(&live, 20).await, "0");
    assert_eq!(live.inits(101), init, "and only what took too much");

    let large = ContainerSpec { memory: 640 << 20, swap: 128 << 20, cores: None, ..small.clone() };
    live.containers.limit(&large).expect("is set");
    assert_eq!(live.says(101, "nproc").await, cpus.to_string());
    assert_eq!(fill(&live, 300).await, "0");
    let free = taken(&live).await;

    let slow = ContainerSpec { cpu_percent: Some(50), cpu_shares: Some(512), ..large.clone() };
    live.containers.limit(&slow).expect("is set");
    let limited = taken(&live).await;
    assert!(limited < 1.4, "{limited} s of CPU time within two at half a CPU, {free} s without limit");
    // Where others leave a whole CPU, taking the limit away must show.
    live.containers.limit(&small).expect("is set back");
    let again = taken(&live).await;
    assert!(free < 1.8 || again > limited, "{again} s after {limited} s, {free} s at first");
    assert_eq!(live.says(101, "nproc").await, "1");
    assert_eq!(fill(&live, 300).await, "137");
    assert_eq!(live.inits(101), init, "nothing was restarted");

    live.containers.stop(101, None).await.expect("stops");
    live.containers.limit(&large).expect("one that does not run has nothing to limit");
    live.containers.start(&slow).await.expect("starts with all of them");
    assert!(taken(&live).await < 1.4);
    Containers::halt(&live.node()).await.expect("halts");
}
