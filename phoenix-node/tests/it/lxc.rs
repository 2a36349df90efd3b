//! Containers: create, configure, clone, snapshot, template, destroy.

use phoenix_pve::transport::Method;

use crate::kit::*;

#[tokio::test(start_paused = true)]
async fn create_reserves_the_id_and_stores_normal_forms() {
    let node = node();
    fetch(&node).await;
    let params = [
        ("vmid", "100"),
        ("ostemplate", UBUNTU),
        ("rootfs", "local-zfs:8"),
        ("net0", "ip=dhcp,name=eth0,bridge=vmbr0"),
        ("tags", "b,A c;a"),
        ("description", "one line"),
    ];
    let created = post(&node, "/n/lxc", &params).await;
    assert!(created.data().as_str().unwrap().starts_with("UPID:phoenix:"));
    let early = get(&node, "/n/lxc/100/config").await;
    assert_eq!(early.data()["lock"], "create");
    let again = post(&node, "/n/lxc", &params).await;
    assert_eq!((again.status, again.reason.as_str()), (500, "CT 100 already exists on node 'phoenix'"));
    ok(&node, created).await;
    let config = get(&node, "/n/lxc/100/config").await;
    let config = config.data();
    assert!(config.get("lock").is_none());
    assert_eq!(config["rootfs"], "local-zfs:subvol-100-disk-0,size=8G");
    assert_eq!(config["tags"], "a;b;c");
    assert_eq!(config["description"], "one line\n");
    assert_eq!(config["memory"], 512);
    assert_eq!(config["ostype"], "ubuntu");
    let net = config["net0"].as_str().unwrap();
    assert!(
        net.starts_with("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:") && net.ends_with("ip=dhcp,type=veth"),
        "{net}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_template_fails_in_the_task_and_leaves_nothing() {
    let node = node();
    let said = post(&node, "/n/lxc", &[("vmid", "100"), ("ostemplate", "local:vztmpl/nope.tar.gz")]).await;
    assert_eq!(
        done(&node, said).await,
        "unable to create CT 100 - volume 'local:vztmpl/nope.tar.gz' does not exist"
    );
    let said = get(&node, "/n/lxc/100/config").await;
    assert_eq!(said.reason, "Configuration file 'nodes/phoenix/lxc/100.conf' does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_write_with_an_old_digest_is_refused() {
    let node = node();
    container(&node, "100").await;
    let digest = get(&node, "/n/lxc/100/config").await.data()["digest"].as_str().unwrap().to_owned();
    assert_eq!(digest.len(), 40);
    assert_eq!(put(&node, "/n/lxc/100/config", &[("memory", "700"), ("digest", &digest)]).await.status, 200);
    let said = put(&node, "/n/lxc/100/config", &[("memory", "800"), ("digest", &digest)]).await;
    assert_eq!(
        (said.status, said.reason.as_str()),
        (500, "detected modified configuration - file changed by other user? Try again.")
    );
    assert_eq!(get(&node, "/n/lxc/100/config").await.data()["memory"], 700);
    assert_eq!(put(&node, "/n/lxc/100/config", &[]).await.reason, "no options specified");
    let said = put(&node, "/n/lxc/100/config", &[("delete", "memory")]).await;
    assert_eq!(said.reason, "unable to delete required option 'memory'");
}

#[tokio::test(start_paused = true)]
async fn a_source_is_cloned_once_at_a_time() {
    let node = node();
    template(&node, "900").await;
    let first = post(&node, "/n/lxc/900/clone", &[("newid", "101"), ("hostname", "one")]).await;
    let second = post(&node, "/n/lxc/900/clone", &[("newid", "102")]).await;
    assert_eq!((second.status, second.reason.as_str()), (500, "CT is locked (disk)"));
    ok(&node, first).await;
    let config = get(&node, "/n/lxc/101/config").await;
    assert_eq!(config.data()["rootfs"], "local-zfs:basevol-900-disk-0/subvol-101-disk-0,size=8G");
    assert_eq!(config.data()["hostname"], "one");
    assert!(config.data().get("template").is_none());
    let refused = delete(&node, "/n/lxc/900").await;
    assert_eq!(
        done(&node, refused).await,
        "base volume 'local-zfs:basevol-900-disk-0' is still in use by linked cloned"
    );
    ok(&node, delete(&node, "/n/lxc/101").await).await;
    ok(&node, delete(&node, "/n/lxc/900").await).await;
    assert_eq!(get(&node, "/n/lxc").await.data(), &serde_json::json!([]));
}

#[tokio::test(start_paused = true)]
async fn clones_have_names_and_addresses_of_their_own() {
    let node = node();
    container(&node, "100").await;
    let linked = post(&node, "/n/lxc/100/clone", &[("newid", "200"), ("full", "0")]).await;
    assert_eq!(linked.reason, "Linked clone feature for 'local-zfs:subvol-100-disk-0' is not available");
    let said = post(&node, "/n/lxc/100/clone", &[("newid", "200"), ("description", "mine")]).await;
    ok(&node, said).await;
    let (old, new) = (get(&node, "/n/lxc/100/config").await, get(&node, "/n/lxc/200/config").await);
    assert_ne!(old.data()["net0"], new.data()["net0"]);
    assert_eq!(new.data()["description"], "mine\n");
    assert!(old.data().get("lock").is_none());
}

#[tokio::test(start_paused = true)]
async fn containers_with_bind_mounts_are_neither_cloned_nor_snapshotted() {
    let node = node();
    container(&node, "100").await;
    assert_eq!(put(&node, "/n/lxc/100/config", &[("mp0", "/srv,mp=/srv")]).await.status, 200);
    let said = post(&node, "/n/lxc/100/clone", &[("newid", "200")]).await;
    assert_eq!(said.reason, "unable to clone mountpoint 'mp0' (type bind)");
    let said = post(&node, "/n/lxc/100/snapshot", &[("snapname", "s1")]).await;
    assert_eq!(done(&node, said).await, "snapshot feature is not available");
}

#[tokio::test(start_paused = true)]
async fn snapshots_form_a_chain_and_rollback_restores() {
    let node = node();
    container(&node, "100").await;
    ok(&node, post(&node, "/n/lxc/100/snapshot", &[("snapname", "s1"), ("description", "first")]).await)
        .await;
    put(&node, "/n/lxc/100/config", &[("memory", "1024")]).await;
    ok(&node, post(&node, "/n/lxc/100/snapshot", &[("snapname", "s2")]).await).await;
    let again = post(&node, "/n/lxc/100/snapshot", &[("snapname", "s2")]).await;
    assert_eq!(done(&node, again).await, "snapshot name 's2' already used");
    let list = get(&node, "/n/lxc/100/snapshot").await;
    let names: Vec<&str> =
        list.data().as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["s1", "s2", "current"]);
    assert_eq!(list.data()[1]["parent"], "s1");
    assert_eq!(get(&node, "/n/lxc/100/config").await.data()["parent"], "s2");
    let said = post(&node, "/n/lxc/100/template", &[]).await;
    assert_eq!(said.reason, "unable to create template, because CT contains snapshots");
    ok(&node, delete(&node, "/n/lxc/100/snapshot/s2").await).await;
    ok(&node, post(&node, "/n/lxc/100/snapshot/s1/rollback", &[]).await).await;
    let config = get(&node, "/n/lxc/100/config").await;
    assert_eq!((&config.data()["memory"], &config.data()["parent"]), (&512.into(), &"s1".into()));
    let said = delete(&node, "/n/lxc/100/snapshot/zz").await;
    assert_eq!(done(&node, said).await, "snapshot 'zz' does not exist");
}

#[tokio::test(start_paused = true)]
async fn power_answers_as_pve_does() {
    let node = node();
    container(&node, "100").await;
    assert_eq!(post(&node, "/n/lxc/100/status/stop", &[]).await.reason, "CT 100 not running");
    let start = post(&node, "/n/lxc/100/status/start", &[]).await;
    // The start holds the configuration's lock; a write waits for it and goes through.
    let (_, written) =
        tokio::join!(done(&node, start), put(&node, "/n/lxc/100/config", &[("memory", "900")]));
    assert_eq!(written.status, 200);
    assert_eq!(get(&node, "/n/lxc/100/status/current").await.data()["status"], "running");
    assert_eq!(post(&node, "/n/lxc/100/status/start", &[]).await.reason, "CT 100 already running");
    assert_eq!(delete(&node, "/n/lxc/100").await.reason, "unable to destroy CT 100 - container is running");
    ok(&node, post(&node, "/n/lxc/100/status/shutdown", &[("timeout", "5")]).await).await;
    put(&node, "/n/lxc/100/config", &[("protection", "1")]).await;
    assert_eq!(delete(&node, "/n/lxc/100").await.reason, "can't remove CT 100 - protection mode enabled");
    let missing = post(&node, "/n/lxc/999/status/start", &[]).await;
    assert_eq!(done(&node, missing).await, "Configuration file 'nodes/phoenix/lxc/999.conf' does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_bad_bridge_is_stored_and_refused() {
    let node = node();
    container(&node, "100").await;
    let said = put(&node, "/n/lxc/100/config", &[("net0", "name=eth0,bridge=nobridge")]).await;
    assert_eq!((said.status, said.reason.as_str()), (500, "bridge 'nobridge' does not exist"));
    assert!(
        get(&node, "/n/lxc/100/config").await.data()["net0"].as_str().unwrap().contains("bridge=nobridge")
    );
    let said = post(&node, "/n/lxc/100/status/start", &[]).await;
    assert_eq!(done(&node, said).await, "bridge 'nobridge' does not exist");
}

#[tokio::test(start_paused = true)]
async fn disks_grow_and_never_shrink() {
    let node = node();
    container(&node, "100").await;
    ok(&node, put(&node, "/n/lxc/100/resize", &[("disk", "rootfs"), ("size", "+2G")]).await).await;
    let config = get(&node, "/n/lxc/100/config").await;
    assert_eq!(config.data()["rootfs"], "local-zfs:subvol-100-disk-0,size=10G");
    let said = put(&node, "/n/lxc/100/resize", &[("disk", "rootfs"), ("size", "1G")]).await;
    assert_eq!(said.reason, "unable to shrink disk size");
}

#[tokio::test(start_paused = true)]
async fn templates_never_start_and_are_made_once() {
    let node = node();
    template(&node, "900").await;
    let said = post(&node, "/n/lxc/900/status/start", &[]).await;
    assert_eq!(done(&node, said).await, "you can't start a CT if it's a template");
    let said = post(&node, "/n/lxc/900/template", &[]).await;
    assert_eq!(said.reason, "you can't convert a template to a template");
    let rows = call(&node, Method::Get, "/cluster/resources", &[("type", "vm")]).await;
    assert_eq!((&rows.data()[0]["template"], &rows.data()[0]["id"]), (&1.into(), &"lxc/900".into()));
}
