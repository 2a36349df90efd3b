//! The host from its own inside: a served node beside a directory that looks like its files.

use std::{fs, os::unix::fs::symlink, path::PathBuf, sync::Arc};

use phoenix_core::{Evidence, GuestId, Probe, Reader};
use phoenix_node::{Node, Options, ServeOptions, Server};
use phoenix_pve::{
    Client, Credentials, Far, HostFiles, Https, Limits, LocalHost, PveBackend, PveError, Trust,
};
use tempfile::TempDir;

const PASSWORD: &str = "secret123";

/// A host: the served node, and its files.
struct Host {
    server: Server,
    dir: TempDir,
}

impl Host {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let node = Node::open(&dir.path().join("node"), Options::default()).await.expect("a node");
        let name = node.name().to_owned();
        let listen = "127.0.0.1:0".parse().expect("an address");
        let options = ServeOptions { listen, password: Some(PASSWORD.to_owned()), ..ServeOptions::default() };
        let server = Server::start(node, options).await.expect("a server");
        let own = dir.path().join("pve/nodes").join(&name);
        fs::create_dir_all(own.join("lxc")).expect("a directory");
        fs::create_dir_all(own.join("qemu-server")).expect("a directory");
        symlink(format!("nodes/{name}"), dir.path().join("pve/local")).expect("a link");
        fs::copy(dir.path().join("node/serve/certificate.pem"), own.join("pve-ssl.pem")).expect("a copy");
        Self { server, dir }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("pve/local").join(path)
    }

    /// Returns the host, where a ticket is made by this shell script.
    fn here(&self, script: &str) -> LocalHost {
        LocalHost {
            pve_dir: self.dir.path().join("pve"),
            url: self.server.url(),
            ticket: ["sh", "-c", script].map(str::to_owned).to_vec(),
        }
    }

    /// Returns a script that prints a ticket of root's, as PVE's library would make one.
    async fn ticket(&self) -> String {
        let user = "root@pam".to_owned();
        let credentials = Credentials::Password { user, password: PASSWORD.to_owned() };
        let trust = Trust::Fingerprint(self.server.fingerprint().expect("TLS").to_owned());
        let https = Https::new(&self.server.url(), &trust, credentials).expect("a transport");
        let params = [("username", "root@pam"), ("password", PASSWORD)];
        let params = params.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let data = Client::new(Arc::new(https)).post("/access/ticket", params).await.expect("a ticket");
        let file = self.dir.path().join("ticket");
        let word = |key: &str| data[key].as_str().expect("a text").to_owned();
        fs::write(&file, format!("{}\n{}\n", word("ticket"), word("CSRFPreventionToken"))).expect("a file");
        format!("cat '{}'", file.display())
    }
}

/// Runs a future by the real clock: sockets do not wait for one that jumps.
fn in_real_time<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn root_on_the_host_needs_neither_token_nor_password() {
    in_real_time(async {
        let host = Host::start().await;
        let here = host.here(&host.ticket().await);
        assert!(here.is_there());
        let client = Client::new(Arc::new(here.https(None).expect("a transport")));
        let nodes = client.get("/nodes", Vec::new()).await.expect("the nodes");
        assert_eq!(nodes[0]["node"].as_str(), Some(here.node().expect("a node").as_str()));
        // A write needs the token against forgeries too.
        let params = vec![("vmid".to_owned(), "300".to_owned())];
        let path = format!("/nodes/{}/qemu", here.node().expect("a node"));
        client.post(&path, params).await.expect("a task");
        host.server.stop().await;
    });
}

#[test]
fn who_can_make_no_ticket_is_told_what_else_there_is() {
    in_real_time(async {
        let host = Host::start().await;
        let here = host.here("echo \"Can't locate PVE/AccessControl.pm in @INC\" >&2; exit 2");
        let client = Client::new(Arc::new(here.https(None).expect("a transport")));
        let error = client.get("/nodes", Vec::new()).await.expect_err("no ticket");
        let PveError::Refused { status: 401, message, .. } = error else { panic!("{error:?}") };
        assert_eq!(
            message,
            "`sh` made no ticket on this host (Can't locate PVE/AccessControl.pm in @INC): work as root, or set `PHOENIX_TOKEN` or `PHOENIX_PASSWORD`"
        );
        // A certificate of the host's own goes before the cluster's, and nobody else's is believed.
        let other = host.dir.path().join("pve/local/pveproxy-ssl.pem");
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", "/CN=other", "-keyout", "/dev/null", "-out"])
            .arg(&other)
            .output();
        match made {
            Ok(output) if output.status.success() => {
                let token = Credentials::Token(host.server.token().to_owned());
                let client = Client::new(Arc::new(here.https(Some(token)).expect("a transport")));
                let error = client.get("/nodes", Vec::new()).await.expect_err("another certificate");
                assert!(matches!(error, PveError::Unanswered { .. }), "{error:?}");
            }
            Ok(_) | Err(_) => println!("skipped: there is no openssl to make another certificate with"),
        }
        host.server.stop().await;
    });
}

#[test]
fn configurations_come_from_the_files_and_cost_no_call() {
    in_real_time(async {
        let host = Host::start().await;
        let here = host.here(&host.ticket().await);
        let https = Arc::new(here.https(None).expect("a transport"));
        let node = here.node().expect("a node");
        let path = format!("/nodes/{node}/qemu");
        let client = Client::new(https.clone());
        for vmid in 300..320 {
            client.post(&path, vec![("vmid".to_owned(), vmid.to_string())]).await.expect("a task");
            let text = format!("#guest %3A {vmid}\nmemory: {vmid}\n\n[PENDING]\nmemory: 4096\n");
            fs::write(host.path(&format!("qemu-server/{vmid}.conf")), text).expect("a file");
        }
        let files = Arc::new(HostFiles::new(https.clone(), &here.pve_dir));
        let backend = PveBackend::new(files, Arc::new(Far), node, Limits::default());
        let guests: Vec<Probe> = (300..320)
            .map(|vmid| Probe::Config { guest: GuestId::vm(vmid) })
            .chain([Probe::Guests])
            .collect();
        let before = https.calls();
        let answers = backend.read(&guests).await;
        assert!(https.calls() - before <= 5, "{} calls", https.calls() - before);
        for (vmid, answer) in (300..320).zip(&answers) {
            let Ok(Evidence::Config(config)) = answer else { panic!("{answer:?}") };
            assert_eq!(config.values["memory"], "4096");
            assert_eq!(config.values["description"], format!("guest : {vmid}"));
            assert!(config.pending.contains("memory"));
        }
        // One that is nowhere is for the API to speak of.
        let absent = backend.read(&[Probe::Config { guest: GuestId::vm(999) }]).await;
        assert!(matches!(absent[..], [Ok(Evidence::Absent)]), "{absent:?}");
        host.server.stop().await;
    });
}
