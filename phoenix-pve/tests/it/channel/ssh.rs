//! The same from afar: an sshd of the test's own on a loopback port, with keys that the test made.

use std::{fs, net::TcpListener, path::PathBuf, process::Command, sync::Arc, time::Duration};

use phoenix_core::{Action, Content, ErrorKind, Evidence, GuestId, Probe, Site};
use phoenix_pve::{Address, Client, Entry, GuestChannel, LiveChannel, Nodes, SshOptions};
use serde_json::json;

use super::machine::{Machine, limits, site};

/// An sshd on the node.
struct Server {
    machine: Machine,
    port: u16,
}

impl Server {
    /// Returns a node with an sshd; none, with the reason printed, where that cannot be.
    async fn new() -> Option<Self> {
        let mut machine = Machine::new()?;
        if !machine.path("/usr/sbin/sshd").exists() {
            println!("skipped: there is no sshd (`apt-get install openssh-server`)");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let dir = machine.dir.path().to_owned();
        for key in ["host", "user", "stranger"] {
            let status = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
                .arg(dir.join(key))
                .status()
                .expect("ssh-keygen comes with ssh");
            assert!(status.success());
        }
        let public =
            |key: &str| fs::read_to_string(dir.join(key).with_extension("pub")).expect("it was made");
        fs::copy(dir.join("host"), machine.path("/run/host_key")).expect("the fixture is written");
        fs::write(machine.path("/run/keys"), public("user")).expect("the fixture is written");
        fs::write(
            machine.path("/run/sshd.conf"),
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2\nHostKey /run/host_key\nAuthorizedKeysFile /run/keys\nStrictModes no\n\
                 UsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPidFile none\nLogLevel VERBOSE\nUseDNS no\n"
            ),
        )
        .expect("the fixture is written");
        machine.spawn(&["/usr/sbin/sshd", "-D", "-E", "/run/sshd.log", "-f", "/run/sshd.conf"]);
        let known = format!("[127.0.0.1]:{port},[127.0.0.2]:{port} {}", public("host"));
        fs::write(dir.join("known_hosts"), known).expect("the fixture is written");
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(Self { machine, port })
    }

    fn config(&self, key: &str, known_hosts: &str) -> PathBuf {
        let dir = self.machine.dir.path();
        let file = dir.join(format!("config-{key}-{known_hosts}"));
        let text = format!(
            "Host *\n  Port {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
            self.port,
            dir.join(key).display(),
            dir.join(known_hosts).display(),
        );
        fs::write(&file, text).expect("the fixture is written");
        file
    }

    fn channel(&self, key: &str, known_hosts: &str) -> LiveChannel {
        let client = Client::new(Arc::new(self.machine.cluster.clone()));
        let address = Address { user: "root".into(), host: "127.0.0.1".into(), port: Some(self.port) };
        let options = SshOptions { config_file: Some(self.config(key, known_hosts)) };
        let nodes = Nodes::new(client.clone(), "pve1", Entry::Ssh(address), options);
        LiveChannel::new(client, nodes, limits())
    }

    /// Returns how often somebody logged in.
    fn logins(&self) -> usize {
        let log = fs::read_to_string(self.machine.path("/run/sshd.log")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("Accepted publickey")).count()
    }
}

fn echo(text: &str) -> Probe {
    Probe::Command { site: site(), argv: vec!["echo".to_owned(), text.to_owned()] }
}

fn said(text: &str) -> Evidence {
    Evidence::Output { status: 0, stdout: format!("{text}\n"), stderr: String::new() }
}

async fn ask(channel: &LiveChannel, probe: Probe) -> Result<Evidence, phoenix_core::BackendError> {
    let site = probe.site().expect("it has one").clone();
    channel.ask(&site, &[probe]).await.pop().expect("an answer")
}

#[tokio::test]
async fn everything_goes_over_one_login() {
    let Some(server) = Server::new().await else { return };
    let channel = server.channel("user", "known_hosts");
    let odd = "$(touch /tmp/owned) 'a' \"b\"\n`id` \\ ;&|*";
    let probes: Vec<Probe> = (0..30).map(|n| echo(&format!("{n} {odd}"))).collect();
    let answers = channel.ask(&site(), &probes).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), said(&format!("{n} {odd}")));
    }
    assert_eq!(server.machine.execs(), 1);
    // More at a time than a server takes on a connection.
    let many = (0..20).map(|n| ask(&channel, echo(if n % 2 == 0 { "even" } else { "odd" })));
    for answer in futures::future::join_all(many).await {
        assert!(matches!(answer, Ok(Evidence::Output { status: 0, .. })), "{answer:?}");
    }
    let body = "a\0b\n".repeat(100_000);
    let write = Action::WriteFile {
        site: site(),
        path: "/srv/body".into(),
        content: Content::Text(body.clone()),
        mode: 0o644,
        owner: "root".into(),
        group: "root".into(),
        check: Vec::new(),
    };
    channel.act(&site(), &write, None).await.unwrap();
    assert_eq!(fs::read_to_string(server.machine.guest_path(101, "/srv/body")).unwrap(), body);
    let host = Site::Host("pve1".into());
    assert!(matches!(
        ask(&channel, Probe::File { site: host, path: "/etc/pve".into() }).await,
        Ok(Evidence::File(_))
    ));
    channel.set_raw_keys(GuestId::lxc(101), &[("lxc.cap.drop".into(), "it's $(id)".into())]).await.unwrap();
    let config = fs::read_to_string(server.machine.path("/etc/pve/lxc/101.conf")).unwrap();
    assert!(config.ends_with("lxc.cap.drop: it's $(id)\n"), "{config}");
    assert_eq!(server.logins(), 1);
    assert!(
        !server.machine.path("/tmp/owned").exists() && !server.machine.guest_path(101, "/tmp/owned").exists()
    );
}

#[tokio::test]
async fn a_connection_that_died_is_made_anew() {
    let Some(server) = Server::new().await else { return };
    let channel = server.channel("user", "known_hosts");
    assert_eq!(ask(&channel, echo("one")).await.unwrap(), said("one"));
    // The server's end of the connection goes; the server stays.
    let log = fs::read_to_string(server.machine.path("/run/sshd.log")).unwrap();
    assert!(log.contains("Accepted"), "{log}");
    let mut words = server.machine.prefix();
    let kill = "for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in 'sshd: root@notty'*) \
                [ $(readlink $p/ns/mnt) = $(readlink /proc/self/ns/mnt) ] && kill ${p#/proc/};; esac; done; true";
    words.extend(["sh", "-c", kill].map(str::to_owned));
    assert!(Command::new(&words[0]).args(&words[1..]).status().unwrap().success());
    assert_eq!(ask(&channel, echo("two")).await.unwrap(), said("two"));
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn each_way_to_be_shut_out_says_what_to_do() {
    let Some(server) = Server::new().await else { return };
    let dir = server.machine.dir.path();
    fs::write(dir.join("nobody_known"), "").unwrap();
    let stranger = fs::read_to_string(dir.join("stranger.pub")).unwrap();
    fs::write(dir.join("other_known"), format!("[127.0.0.1]:{} {stranger}", server.port)).unwrap();
    let refused = |key: &'static str, known: &'static str| {
        let channel = server.channel(key, known);
        async move { ask(&channel, echo("x")).await.unwrap_err() }
    };
    let port = server.port;
    let error = refused("user", "nobody_known").await;
    assert_eq!(error.message, format!("the ssh key of `root@127.0.0.1:{port}` is not known"));
    assert!(error.hint.unwrap().contains(&format!("`ssh -p {port} root@127.0.0.1 true` once")));
    let error = refused("user", "other_known").await;
    assert!(error.message.contains("is not the one that is known"), "{error:?}");
    assert!(error.hint.unwrap().contains(&format!("ssh-keygen -R '[127.0.0.1]:{port}'")));
    let error = refused("stranger", "known_hosts").await;
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.hint.unwrap().contains("ssh-copy-id"));
    assert_eq!(server.logins(), 0);
    let client = Client::new(Arc::new(server.machine.cluster.clone()));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = Address { user: "root".into(), host: "127.0.0.1".into(), port: Some(free) };
    let nodes = Nodes::new(client.clone(), "pve1", Entry::Ssh(address), SshOptions::default());
    let error = ask(&LiveChannel::new(client, nodes, limits()), echo("x")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.ends_with("Connection refused"), "{error:?}");
}

#[tokio::test]
async fn a_machine_without_an_agent_is_reached_over_its_node() {
    let Some(server) = Server::new().await else { return };
    server.machine.cluster.add(300, "qemu");
    {
        let mut state = server.machine.cluster.state();
        state.refusal = Some("Command guest-exec has been disabled for this instance".to_owned());
        let addresses = json!([{"ip-address": "fe80::1", "ip-address-type": "ipv6"}, {"ip-address": "127.0.0.1", "ip-address-type": "ipv4"}]);
        state.interfaces = Some(json!({"result": [{"name": "eth0", "ip-addresses": addresses}]}));
        // What the agent tells means something on the machine alone, so it is the configuration that tells where it is.
        state.config.insert("ipconfig0".into(), json!("ip=127.0.0.2/8"));
    }
    let site = Site::Guest(GuestId::vm(300));
    let probe = Probe::Command { site, argv: vec!["echo".into(), "over".into()] };
    let answer = ask(&server.channel("user", "known_hosts"), probe).await;
    // The jump to the node is an ssh of its own, which reads the same configuration.
    assert_eq!(answer.unwrap(), said("over"));
    assert_eq!(server.logins(), 2, "the node, and the machine behind it");
}
