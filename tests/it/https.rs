//! Over HTTPS it is as in process: the same labs come up on a served node, and what a network and its guards add
//! (refusals of who is not let in, certificates, connections that end, replies that get lost) ends as it should.

use std::{future::Future, sync::Arc, time::Duration};

use phoenix_core::{
    ResourceId,
    engine::{Cancel, Events, Verdict, converge},
    planner::{Intent, Request, Resolved},
};
use phoenix_node::{Effect, Fault, Node, Options, ServeOptions, Server};
use phoenix_pve::{
    Client, Credentials, Far, Https, Limits, Method, PveBackend, PveError, Request as Call, Transport, Trust,
};
use phoenix_tests::{
    counted::Counted,
    lab::{Lab, base_setup, cloned, container, machine, template},
    laws,
    world::{World, resolve},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PASSWORD: &str = "secret123";

/// Runs a future by the real clock: sockets do not wait for one that jumps.
fn in_real_time<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

struct Served {
    node: Arc<Node>,
    server: Server,
}

impl Served {
    async fn start() -> Self {
        Self::with(ServeOptions::default()).await
    }

    async fn with(options: ServeOptions) -> Self {
        let node = Node::in_memory(Options { speed: f64::INFINITY, ..Options::default() });
        let listen = "127.0.0.1:0".parse().expect("an address");
        let options = ServeOptions { listen, password: Some(PASSWORD.to_owned()), ..options };
        let server = Server::start(node.clone(), options).await.expect("a server");
        Self { node, server }
    }

    fn trust(&self) -> Trust {
        Trust::Fingerprint(self.server.fingerprint().expect("TLS").to_owned())
    }

    fn token(&self) -> Credentials {
        Credentials::Token(self.server.token().to_owned())
    }

    fn https(&self, trust: &Trust, credentials: Credentials) -> Https {
        Https::new(&self.server.url(), trust, credentials).expect("a transport")
    }

    fn client(&self, credentials: Credentials) -> Client {
        Client::new(Arc::new(self.https(&self.trust(), credentials)))
    }

    /// Returns the world behind the socket; into its guests leads `channel`.
    fn world(&self, credentials: Credentials, channel: Arc<dyn phoenix_pve::GuestChannel>) -> World {
        let channel = Counted::new(channel);
        let limits = Limits { poll_floor: Duration::from_millis(5), ..Limits::default() };
        let https = Arc::new(self.https(&self.trust(), credentials));
        let backend = Arc::new(PveBackend::new(https, channel.clone(), self.node.name(), limits));
        World { node: self.node.clone(), backend, channel, server: None, sandbox: None, ..World::new() }
    }
}

fn password(text: &str) -> Credentials {
    Credentials::Password { user: "root@pam".to_owned(), password: text.to_owned() }
}

fn resolved(lab: &Lab) -> Resolved {
    resolve(lab).unwrap_or_else(|found| panic!("{found}"))
}

/// A template, clones of both sorts, one from an OS template and a machine: nothing that is looked at from inside.
fn bare() -> Lab {
    Lab::new()
        .with("lxc", template(container(900)), vec![])
        .with("lxc", cloned(container(101), 900, "linked"), vec![])
        .with("lxc", cloned(container(102), 900, "full"), vec![])
        .with("lxc", container(103), vec![])
        .with("vm", machine(201), vec![])
}

fn furnished() -> Lab {
    Lab::new().with("lxc", template(container(900)), vec![base_setup(json!({"packages": ["git"]}))]).with(
        "lxc",
        cloned(container(101), 900, "linked"),
        vec![],
    )
}

async fn removed(world: &World, resolved: &Resolved) {
    let request = Request::new(resolved.ids().cloned().collect::<Vec<ResourceId>>(), Intent::Remove);
    let run =
        converge(resolved, &request, world.backend.as_ref(), &Events::silent(), &Cancel::default()).await;
    let run = run.unwrap_or_else(|found| panic!("{found}"));
    assert!(matches!(run.verdict, Verdict::Settled), "{:?}", run.last.failed);
}

/// Brings a lab up, changes it, and takes it away; returns what it was like in between.
async fn scenario(world: &World, lab: &Lab) -> phoenix_core::Facts {
    let first = resolved(lab);
    laws::settle(&first, world.backend.as_ref()).await;
    let mut changed = lab.clone();
    changed.edit("lxc/101", |spec| spec["guest"]["memory_mib"] = json!(1024));
    let changed = resolved(&changed);
    laws::settle(&changed, world.backend.as_ref()).await;
    let again = world.plan(&changed).await.unwrap_or_else(|found| panic!("{found}"));
    assert!(again.is_empty(), "{}", laws::listing(&again));
    let portrait = world.portrait(&changed).await.unwrap_or_else(|found| panic!("{found}"));
    removed(world, &changed).await;
    portrait
}

#[test]
fn a_lab_comes_up_changes_and_goes_away_as_in_process() {
    in_real_time(async {
        let here = World::new();
        let here =
            World { node: Node::in_memory(Options { speed: f64::INFINITY, ..Options::default() }), ..here };
        let limits = Limits { poll_floor: Duration::from_millis(5), ..Limits::default() };
        let backend = PveBackend::new(here.node.clone(), Arc::new(Far), here.node.name(), limits);
        let here = World { backend: Arc::new(backend), ..here };
        let expected = scenario(&here, &bare()).await;
        for served in [Served::start().await, Served::start().await].into_iter().zip([true, false]) {
            let (served, by_token) = served;
            let credentials = if by_token { served.token() } else { password(PASSWORD) };
            let found = scenario(&served.world(credentials, Arc::new(Far)), &bare()).await;
            laws::assert_same(&found, &expected, "over HTTPS");
            served.server.stop().await;
        }
    });
}

#[test]
fn features_need_a_way_inside_and_one_clear_error_says_so() {
    in_real_time(async {
        let served = Served::start().await;
        let lab = resolved(&furnished());
        let far = served.world(served.token(), Arc::new(Far));
        let run = far.converge(&lab).await.unwrap_or_else(|found| panic!("{found}"));
        let said: Vec<_> = run.last.failed.iter().map(|failed| failed.error.to_string()).collect();
        assert_eq!(
            said,
            ["the inside of `lxc/900` cannot be reached: the API of Proxmox VE has no way there"]
        );
        // It runs by now, so the next plan asks inside: in vain, and that is said once.
        let found = far.plan(&lab).await.expect_err("nobody answers inside");
        assert_eq!(found.iter().count(), 1, "{found}");
        let near = served.world(served.token(), served.node.clone());
        laws::settle(&lab, near.backend.as_ref()).await;
    });
}

#[test]
fn who_is_not_let_in_learns_why() {
    in_real_time(async {
        let served = Served::start().await;
        let refusal = async |credentials| match served.client(credentials).get("/nodes", vec![]).await {
            Err(PveError::Refused { status: 401, message, .. }) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(refusal(password("wrong")).await, "authentication failure");
        let forged = format!("{}0", served.server.token());
        assert_eq!(refusal(Credentials::Token(forged)).await, "Authentication failed!");
    });
}

/// Sends text as it is, and returns what comes back until the connection is closed.
async fn raw(server: &Server, text: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("it takes text");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[test]
fn a_write_with_a_ticket_needs_the_token_against_forgery() {
    in_real_time(async {
        let served = Served::with(ServeOptions { tls: false, ..ServeOptions::default() }).await;
        let form = format!("username=root%40pam&password={PASSWORD}");
        let login = format!(
            "POST /api2/json/access/ticket HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = raw(&served.server, &login).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let ticket = body["data"]["ticket"].as_str().expect("a ticket").replace('+', "%2B");
        let csrf = body["data"]["CSRFPreventionToken"].as_str().expect("a token");
        let stop = |more: &str| {
            format!(
                "POST /api2/json/nodes/phoenix/lxc/999/status/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\
                 Cookie: PVEAuthCookie={ticket}\r\n{more}\r\n"
            )
        };
        let answer = raw(&served.server, &stop("")).await;
        assert!(answer.starts_with("HTTP/1.1 401 Permission denied - invalid csrf token\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        let answer = raw(&served.server, &stop(&format!("CSRFPreventionToken: {csrf}\r\n"))).await;
        let expected = "HTTP/1.1 500 Configuration file 'nodes/phoenix/lxc/999.conf' does not exist\r\n";
        assert!(answer.starts_with(expected), "{answer}");
    });
}

#[test]
fn what_the_proxy_of_pve_does_not_take_is_refused_in_its_words() {
    in_real_time(async {
        let served = Served::with(ServeOptions { tls: false, ..ServeOptions::default() }).await;
        let token = served.server.token();
        let cases = [
            ("GET /api2/json/nodes", "", "", "401 No ticket"),
            ("PATCH /api2/json/version", token, "", "501 method 'PATCH' not available"),
            ("GET /api2/json/nosuchthing", token, "", "501 Method 'GET /nosuchthing' not implemented"),
            ("GET /api2/yaml/version", token, "", "501 no formatter for uri /version, yaml"),
            (
                "DELETE /api2/json/nodes/phoenix/lxc/1",
                token,
                "x=1",
                "501 Unexpected content for method 'DELETE'",
            ),
            ("POST /api2/json/nodes/phoenix/lxc", token, "vmid=x", "400 Parameter verification failed."),
            ("GET /api2/extjs/nodes/phoenix/lxc/999/config", token, "", "200 OK"),
        ];
        for (line, token, body, expected) in cases {
            let authorization = match token {
                "" => String::new(),
                token => format!("Authorization: PVEAPIToken={token}\r\n"),
            };
            let request = format!(
                "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = raw(&served.server, &request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{line}: {answer}");
        }
        let chunked = format!(
            "PUT /api2/json/nodes/phoenix/lxc/100/config HTTP/1.1\r\nHost: x\r\n\
             Authorization: PVEAPIToken={token}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        let answer = raw(&served.server, &chunked).await;
        assert!(answer.starts_with("HTTP/1.1 501 chunked transfer encoding not supported\r\n"), "{answer}");
        let encrypted = Served::start().await;
        let answer = raw(&encrypted.server, "GET /x HTTP/1.1\r\nHost: pve:8006\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 301 Moved Permanently\r\n"), "{answer}");
        assert!(answer.contains("Location: https://pve:8006/x\r\n"), "{answer}");
    });
}

#[test]
fn another_certificate_than_the_pinned_one_is_refused_with_both_fingerprints() {
    in_real_time(async {
        let served = Served::start().await;
        let (wanted, found) = (vec!["AB"; 32].join(":"), served.server.fingerprint().expect("TLS"));
        let version = || Call { method: Method::Get, path: "/version".to_owned(), params: vec![] };
        let pinned = served.https(&Trust::Fingerprint(wanted.clone()), served.token());
        let refused = pinned.send(version()).await.expect_err("another certificate");
        assert!(refused.message.contains(found) && refused.message.contains(&wanted), "{refused}");
        assert!(!refused.may_have_arrived);
        assert_eq!(pinned.calls(), 1, "what does not get better is not tried again");
        let system = served.https(&Trust::System, served.token());
        let refused = system.send(version()).await.expect_err("nobody signed it");
        assert!(refused.message.contains("--fingerprint") && refused.message.contains(found), "{refused}");
        let anybody = served.https(&Trust::Everybody, served.token());
        assert_eq!(anybody.send(version()).await.expect("no check").status, 200);
    });
}

#[test]
fn connections_that_the_host_has_closed_are_not_used_again() {
    in_real_time(async {
        let served = Served::start().await;
        let client = served.client(served.token());
        // More than a connection is good for.
        for _ in 0..230 {
            client.get("/version", vec![]).await.expect("an answer");
        }
        let mut idle = TcpStream::connect(served.server.address()).await.expect("a connection");
        tokio::time::sleep(Duration::from_millis(5500)).await;
        let mut byte = [0];
        let closed = tokio::time::timeout(Duration::from_millis(500), idle.read(&mut byte)).await;
        assert_eq!(closed.expect("closed by now").expect("in order"), 0);
        // A write is sent once only, so it fails if it goes to a connection that is closed.
        let refused = client.post("/nodes/phoenix/lxc/999/status/stop", vec![]).await;
        assert!(matches!(refused, Err(PveError::Refused { status: 500, .. })), "{refused:?}");
    });
}

#[test]
fn a_ticket_that_is_over_is_replaced_unnoticed() {
    in_real_time(async {
        let options = ServeOptions { ticket_life: Duration::from_secs(1), ..ServeOptions::default() };
        let served = Served::with(options).await;
        let client = served.client(password(PASSWORD));
        client.get("/version", vec![]).await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(2100)).await;
        client.get("/version", vec![]).await.expect("a new ticket");
    });
}

fn fault(method: Method, path: &str, effect: Effect) -> Fault {
    Fault { method: Some(method), path: path.to_owned(), skip: 0, times: 1, effect }
}

#[test]
fn lost_replies_are_resolved_by_looking_again() {
    in_real_time(async {
        let served = Served::start().await;
        let world = served.world(served.token(), Arc::new(Far));
        for (method, path) in [
            (Method::Post, "/nodes/phoenix/lxc"),
            (Method::Post, "/lxc/900/clone"),
            (Method::Get, "/cluster/resources"),
        ] {
            served.node.inject(fault(method, path, Effect::LoseReply));
        }
        let answer = Effect::Answer { status: 596, reason: "Broken pipe".to_owned() };
        served.node.inject(fault(Method::Get, "/config", answer));
        laws::settle(&resolved(&bare()), world.backend.as_ref()).await;
        let client = served.client(served.token());
        served.node.inject(fault(Method::Post, "/lxc/103/status/stop", Effect::LoseReply));
        let lost = client.post("/nodes/phoenix/lxc/103/status/stop", vec![]).await;
        let Err(PveError::Unanswered { source, .. }) = lost else { panic!("{lost:?}") };
        assert!(source.may_have_arrived, "{source}");
        drop(served.server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refused = client.post("/nodes/phoenix/lxc/103/status/start", vec![]).await;
        let Err(PveError::Unanswered { source, .. }) = refused else { panic!("{refused:?}") };
        assert!(!source.may_have_arrived, "{source}");
    });
}
