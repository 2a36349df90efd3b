//! Containers of LXC in a sandbox, with the programs of this machine for an image.

use std::{fs, os::unix::fs::symlink, path::Path};

use phoenix_sandbox::Sandbox;
use tempfile::TempDir;

use crate::{
    holder::{LIMIT, alone, is_gone, kill, says, spaces, spec},
    machine::Machine,
};

/// Writes a container that only sleeps.
fn write(node: &Path, name: &str, address: &str) {
    let place = node.join("lxc").join(name);
    let root = place.join("rootfs");
    for dir in ["usr", "proc", "sys", "dev", "tmp", "run", "etc"] {
        fs::create_dir_all(root.join(dir)).expect("is made");
    }
    for link in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{link}"), root.join(link)).expect("is made");
    }
    let config = format!(
        "lxc.uts.name = {name}
lxc.rootfs.path = dir:{}
lxc.mount.entry = /usr usr none bind,ro 0 0
lxc.init.cmd = /usr/bin/sleep infinity
lxc.net.0.type = veth
lxc.net.0.link = vmbr0
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.ipv4.address = {address}/24
lxc.include = /usr/share/lxc/config/common.conf
lxc.apparmor.profile = unconfined
",
        root.display()
    );
    fs::write(place.join("config"), config).expect("is written");
}

#[tokio::test]
async fn containers_start_reach_the_bridge_and_end_with_the_sandbox() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let spec = spec(&dir);
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins");
    let lxc = spec.dir.join("lxc").display().to_string();
    for (name, address) in [("101", "10.86.0.101"), ("102", "10.86.0.102")] {
        write(&spec.dir, name, address);
        says(&sandbox, &["lxc-start", "-P", &lxc, "-n", name]).await;
    }
    assert_eq!(says(&sandbox, &["lxc-attach", "-P", &lxc, "-n", "101", "--", "uname", "-n"]).await, "101\n");
    let shown = says(&sandbox, &["lxc-attach", "-P", &lxc, "-n", "102", "--", "ip", "-br", "addr"]).await;
    assert!(shown.contains("10.86.0.102/24"), "{shown}");
    assert!(says(&sandbox, &["ip", "-br", "link", "show", "master", "vmbr0"]).await.lines().count() == 2);
    // Its groups stand below those of the sandbox, and are told so by the kernel.
    let pid = says(&sandbox, &["lxc-info", "-P", &lxc, "-n", "101", "-p", "-H"]).await;
    let groups = says(&sandbox, &["cat", &format!("/proc/{}/cgroup", pid.trim())]).await;
    assert!(
        groups.lines().all(|line| line.contains("/phoenix-") && line.contains("lxc.payload.101")),
        "{groups}"
    );
    let spaces = spaces(&sandbox);
    kill(&sandbox);
    is_gone(&spaces, dir.path()).await;

    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins anew");
    says(&sandbox, &["lxc-start", "-P", &lxc, "-n", "101"]).await;
    let ended = sandbox.run(&["lxc-stop", "-P", &lxc, "-n", "101", "-k"], b"", LIMIT).await;
    ended.expect("a killed sandbox leaves no container half-running");
    says(&sandbox, &["lxc-start", "-P", &lxc, "-n", "102"]).await;
    sandbox.stop().await.expect("stops");
    assert_eq!(Machine::look(dir.path()), before);
}
