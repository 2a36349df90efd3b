//! Whatever is killed: no container runs twice on its root, none loses what it has written, and nothing stays behind.

use std::time::Duration;

use phoenix_sandbox::Containers;

use crate::{
    holder::{is_gone, kill, spaces},
    live::{began, live, processes_in, space},
    machine::Machine,
};

#[tokio::test]
async fn what_a_killed_monitor_leaves_is_ended_by_start_stop_destroy_and_halt() {
    let Some((_alone, live)) = live().await else { return };
    let before = Machine::look(live.dir.path());
    let spec = live.make(101).await;
    let twin = live.twin();
    let same = twin.make(101).await;
    let neighbour = live.make(1011).await;
    for (node, spec) in [(&live, &spec), (&twin, &same), (&live, &neighbour)] {
        node.containers.start(spec).await.expect("starts");
    }
    // A service stands in groups of its own, below those of the container; so does what calls itself a container there.
    let write = "echo kept > /root/file; systemd-run -q --unit=own sleep 1000
        mkdir -p /sys/fs/cgroup/systemd/system.slice/lxc.payload.1011";
    live.says(101, &format!("{write} 2>/dev/null; true")).await;
    let others = (twin.inits(101), live.inits(1011));
    assert_eq!((others.0.len(), others.1.len()), (1, 1));

    let old = live.inits(101);
    assert_eq!(old.len(), 1);
    let all = processes_in(&space(old[0]));
    assert!(all.len() > 3, "{all:?}");
    live.kill_monitor(101).await;
    // Whether the container outlives its monitor is up to LXC and the kernel.
    let orphans = live.inits(101);
    assert!(orphans.is_empty() || orphans == old, "{orphans:?} after {old:?}");
    live.containers.start(&spec).await.expect("starts again");
    let new = live.inits(101);
    assert!(new.len() == 1 && new != old, "{new:?} after {old:?}");
    let left = all.iter().filter(|(pid, time)| began(*pid) == *time);
    assert_eq!(left.count(), 0, "all of the old one has ended");
    assert_eq!(live.says(101, "cat /root/file").await, "kept");

    live.kill_monitor(101).await;
    live.containers.stop(101, Some(5)).await.expect("stops");
    assert!(!live.has_remains(101));

    live.containers.start(&spec).await.expect("starts");
    assert!(live.containers.in_use(101).await.expect("is known"));
    live.kill_monitor(101).await;
    assert!(!live.containers.in_use(101).await.expect("is known"));
    assert!(!live.has_remains(101), "nobody writes to disks that are not in use");
    live.containers
        .disks()
        .await
        .expect("are there")
        .snapshot(&spec.root, "s", false)
        .await
        .expect("is taken");

    live.containers.start(&spec).await.expect("starts");
    assert_eq!(live.says(101, "cat /root/file").await, "kept");
    live.kill_monitor(101).await;
    live.containers.destroy(101, std::slice::from_ref(&spec.root)).await.expect("is destroyed");
    assert!(!live.has_remains(101));
    assert!(live.containers.disks().await.expect("are there").read(&spec.root).expect("is read").is_none());

    assert_eq!((twin.inits(101), live.inits(1011)), others, "others were left alone");
    assert_eq!(twin.says(101, "hostname").await, "ct101");
    for (node, vmid) in [(&twin, 101), (&live, 1011)] {
        let spaces = spaces(&node.sandbox());
        node.kill_monitor(vmid).await;
        assert!(Containers::halt(&node.node()).await.expect("halts"));
        is_gone(&spaces, node.dir.path()).await;
    }
    assert_eq!(Machine::look(live.dir.path()), before);
}

#[tokio::test]
async fn containers_keep_their_data_when_the_holder_of_the_sandbox_is_killed() {
    let Some((_alone, live)) = live().await else { return };
    let before = Machine::look(live.dir.path());
    let specs = [live.make(101).await, live.make(102).await];
    for spec in &specs {
        live.containers.start(spec).await.expect("starts");
        live.says(spec.vmid, &format!("echo {} > /root/file", spec.vmid)).await;
    }
    let old = spaces(&live.sandbox());
    kill(&live.sandbox());
    is_gone(&old, live.dir.path()).await;
    assert!(live.containers.running().expect("is known").is_empty());
    for spec in &specs {
        live.containers.start(spec).await.expect("starts in a new sandbox");
        assert_eq!(live.says(spec.vmid, "cat /root/file").await, spec.vmid.to_string());
        assert_eq!(live.inits(spec.vmid).len(), 1);
    }
    Containers::halt(&live.node()).await.expect("halts");
    assert_eq!(Machine::look(live.dir.path()), before);
}

#[tokio::test]
async fn a_start_that_is_dropped_at_any_moment_is_taken_up_or_ended_by_the_next_command() {
    let Some((_alone, live)) = live().await else { return };
    let before = Machine::look(live.dir.path());
    let spec = live.make(101).await;
    live.containers.start(&spec).await.expect("starts");
    live.says(101, "echo kept > /root/file").await;
    live.containers.stop(101, None).await.expect("stops");
    for (turn, moment) in [5, 15, 30, 45, 60, 80, 100, 130, 160, 200, 300, 600].into_iter().enumerate() {
        let whole = live.containers.start(&spec);
        let _ = tokio::time::timeout(Duration::from_millis(moment), whole).await;
        assert!(live.inits(101).len() <= 1, "after {moment} ms");
        if turn % 3 == 2 {
            live.containers.stop(101, None).await.expect("stops");
            assert!(!live.has_remains(101), "after {moment} ms");
        } else if turn % 3 == 1 {
            live.containers.start(&spec).await.unwrap_or_else(|error| panic!("after {moment} ms: {error}"));
            assert_eq!(live.inits(101).len(), 1, "after {moment} ms");
            assert_eq!(live.says(101, "cat /root/file").await, "kept");
            live.containers.stop(101, None).await.expect("stops");
        }
    }
    let (one, other) = tokio::join!(live.containers.start(&spec), live.containers.start(&spec));
    one.and(other).expect("two who start it at once get one");
    assert_eq!(live.inits(101).len(), 1);
    Containers::halt(&live.node()).await.expect("halts");
    assert_eq!(Machine::look(live.dir.path()), before);
}
