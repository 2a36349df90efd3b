//! The client outside of the bridges: it reaches the host and what the host leads on, and nothing knows another way.

use phoenix_sandbox::{Forward, Outside, OutsideSpec, Sandbox};
use tempfile::TempDir;

use crate::{
    holder::{LIMIT, alone, is_gone, says, spaces, spec},
    machine::Machine,
};

/// A guest in small: a network on the bridge with a server in it that says who asks.
const GUEST: &str = r#"ip netns add guest
ip link add veth0 master vmbr0 type veth peer name eth0 netns guest
ip link set veth0 up
ip -n guest link set eth0 up
ip -n guest addr add 10.86.0.2/24 dev eth0
ip -n guest route add default via 10.86.0.1"#;

const SERVE: &str = r#"import socket, sys
server = socket.create_server(("10.86.0.2", 8443))
print("ready", flush=True)
peer, address = server.accept()
peer.sendall(address[0].encode())
"#;

#[tokio::test]
async fn a_client_outside_reaches_the_host_and_the_guest_that_a_port_leads_to() {
    let Some(_alone) = alone() else { return };
    if !std::path::Path::new("/usr/sbin/nft").exists() {
        return;
    }
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let mut spec = spec(&dir);
    spec.bridges[0].gateways = vec!["10.86.0.1/24".to_owned()];
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins");
    let spaces = spaces(&sandbox);
    sandbox.run(&["sh", "-euc", GUEST], b"", LIMIT).await.expect("makes a guest");
    let to = "10.86.0.2:8443".parse().expect("is an address with a port");
    let wanted = OutsideSpec {
        resolver: Some("203.0.113.1".parse().expect("is an address")),
        forwards: vec![Forward { port: 443, to }],
        ..OutsideSpec::default()
    };
    assert!(Outside::find(&sandbox).is_none());
    let outside = sandbox.outside(&wanted, &spec.bridges).await.expect("makes a client");
    assert!(Outside::find(&sandbox).is_some());
    // It can be said again, and then is the same.
    let outside_again = sandbox.outside(&wanted, &spec.bridges).await.expect("is there");
    assert_eq!(outside.enter(), outside_again.enter());
    let said = |words| {
        let outside = outside.clone();
        async move { outside.run(words, b"", LIMIT).await.expect("runs at the client").text }
    };
    assert_eq!(said(&["cat", "/etc/resolv.conf"]).await, "nameserver 203.0.113.1\n");
    let addresses = said(&["ip", "-br", "-4", "addr"]).await;
    assert!(addresses.contains("203.0.113.50/24") && !addresses.contains("10.86."), "{addresses}");
    assert!(said(&["ip", "route"]).await.starts_with("default via 203.0.113.1 dev eth0"));
    said(&["ping", "-c", "1", "-W", "5", "203.0.113.1"]).await;

    // The guest sees who asks: nothing is masked on the way.
    let server = [
        "sh",
        "-euc",
        "ip netns exec guest python3 -c \"$1\" >/tmp/said 2>&1 & for _ in $(seq 100); do grep -q ready /tmp/said && exit 0; sleep 0.05; done; cat /tmp/said >&2; exit 1",
        "sh",
        SERVE,
    ];
    sandbox.run(&server, b"", LIMIT).await.expect("the guest listens");
    let asked = said(&["bash", "-c", "exec 3<>/dev/tcp/203.0.113.1/443; timeout 10 cat <&3"]).await;
    assert_eq!(asked, "203.0.113.50");

    let none = OutsideSpec::default();
    let outside = sandbox.outside(&none, &spec.bridges).await.expect("changes the client");
    outside
        .run(&["bash", "-c", "exec 3<>/dev/tcp/203.0.113.1/443"], b"", LIMIT)
        .await
        .expect_err("leads nowhere");
    assert_eq!(says(&sandbox, &["cat", "/etc/netns/outside/resolv.conf"]).await, "");

    let wrong = OutsideSpec { host: "198.51.100.1".parse().expect("is an address"), ..none };
    let error = sandbox.outside(&wrong, &[]).await.expect_err("is refused").to_string();
    assert!(error.contains("198.51.100.1") && error.contains("203.0.113.50/24"), "{error}");

    sandbox.stop().await.expect("stops");
    is_gone(&spaces, dir.path()).await;
    assert_eq!(Machine::look(dir.path()), before);
}
