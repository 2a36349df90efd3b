//! The lab from outside, and the host's firewall between: by commands alone, each a process of its own.

use serde_json::json;

use crate::{
    lab::{HYPERVISOR, Lab, obstacle, pretty},
    real::{Swept, does, run},
};

const PING: [&str; 10] = ["node", "outside", "--", "ping", "-c", "1", "-W", "2", "-q", "203.0.113.1"];

#[test]
fn the_firewall_stands_between_the_host_and_a_client_outside_from_one_command_to_the_next() {
    if let Some(why) = obstacle("debian-12-standard") {
        println!("skipped: {why}");
        return;
    }
    if !std::path::Path::new("/usr/sbin/nft").exists() {
        println!("skipped: `nft` is not installed: `apt-get install nftables` brings it");
        return;
    }
    let lab = Lab::new();
    let bridge = json!({"name": "vmbr0", "address": "10.99.8.1/24"});
    let host = json!({"network": {"hostname": "phoenix", "interfaces": bridge}});
    lab.write(HYPERVISOR, &pretty(&host));
    let _swept = Swept(&lab);
    does(&lab, &["node", "start"]);
    let said = does(&lab, &["node", "outside", "--forward", "80=10.99.8.2", "--resolver", "203.0.113.1"]);
    assert_eq!(said, "a client outside has 203.0.113.50 and reaches the host at 203.0.113.1\n");
    does(&lab, &PING);
    // A command alone leaves the client as it is.
    assert_eq!(does(&lab, &["node", "outside", "--", "cat", "/etc/resolv.conf"]), "nameserver 203.0.113.1\n");
    let rules = || does(&lab, &["node", "shell", "--", "nft", "-a", "list", "ruleset"]);
    assert!(rules().contains("tcp dport 80 dnat to 10.99.8.2:80"), "{}", rules());

    let firewall = ["node", "api", "put", "/cluster/firewall/options"];
    does(&lab, &[&firewall[..], &["enable=1"]].concat());
    assert!(!run(&lab, &PING).status.success());
    let before = rules();
    assert!(before.contains("ip saddr 10.99.8.0/24 tcp dport"), "the node's network manages it: {before}");
    // Another process that changes something else finds the rules in force.
    does(&lab, &["node", "api", "put", "/cluster/options", "description=other"]);
    assert_eq!(rules(), before);
    does(&lab, &[&firewall[..], &["policy_in=ACCEPT"]].concat());
    does(&lab, &PING);
    does(&lab, &[&firewall[..], &["enable=0"]].concat());
    assert!(!rules().contains("phoenix_firewall"), "{}", rules());

    let wrong = run(&lab, &["node", "outside", "--forward", "gateway"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("is not `PORT=ADDRESS:PORT`, such as `443=10.0.0.153:443`"), "{said}");
}
