//! A node under test: calls in one line, tasks awaited, answers as JSON.

use std::sync::Arc;

use phoenix_node::{Node, Options};
use phoenix_pve::transport::{Method, Request, Transport};
use serde_json::Value;

pub(crate) const UBUNTU: &str = "local:vztmpl/ubuntu-24.04-standard_24.04-2_amd64.tar.zst";

/// An answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) json: Value,
}

impl Said {
    pub(crate) fn data(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        &self.json["data"]
    }
}

pub(crate) fn node() -> Arc<Node> {
    Node::in_memory(Options::default())
}

pub(crate) async fn call(node: &Node, method: Method, path: &str, params: &[(&str, &str)]) -> Said {
    let params = params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let path = path.replace("/n/", "/nodes/phoenix/");
    let response = node.send(Request { method, path, params }).await.expect("an answer");
    let json = serde_json::from_slice(&response.body).expect("JSON");
    Said { status: response.status, reason: response.reason, json }
}

pub(crate) async fn get(node: &Node, path: &str) -> Said {
    call(node, Method::Get, path, &[]).await
}

pub(crate) async fn post(node: &Node, path: &str, params: &[(&str, &str)]) -> Said {
    call(node, Method::Post, path, params).await
}

pub(crate) async fn put(node: &Node, path: &str, params: &[(&str, &str)]) -> Said {
    call(node, Method::Put, path, params).await
}

pub(crate) async fn delete(node: &Node, path: &str) -> Said {
    call(node, Method::Delete, path, &[]).await
}

/// Waits for the task of an answer and returns how it ended.
pub(crate) async fn done(node: &Node, said: Said) -> String {
    let upid = said.data().as_str().expect("a UPID").to_owned();
    loop {
        let status = get(node, &format!("/n/tasks/{upid}/status")).await;
        if let Some(exit) = status.data()["exitstatus"].as_str() {
            return exit.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

pub(crate) async fn ok(node: &Node, said: Said) {
    assert_eq!(done(node, said).await, "OK");
}

pub(crate) async fn fetch(node: &Node) {
    let said = post(
        node,
        "/n/aplinfo",
        &[("storage", "local"), ("template", "ubuntu-24.04-standard_24.04-2_amd64.tar.zst")],
    )
    .await;
    ok(node, said).await;
}

/// Makes a container on ZFS.
pub(crate) async fn container(node: &Node, vmid: &str) {
    fetch(node).await;
    let said = post(
        node,
        "/n/lxc",
        &[
            ("vmid", vmid),
            ("ostemplate", UBUNTU),
            ("hostname", "base"),
            ("rootfs", "local-zfs:8"),
            ("net0", "ip=dhcp,bridge=vmbr0,name=eth0"),
            ("tags", "Web;phoenix"),
            ("description", "hello"),
        ],
    )
    .await;
    ok(node, said).await;
}

/// Makes a container and turns it into a template.
pub(crate) async fn template(node: &Node, vmid: &str) {
    container(node, vmid).await;
    assert_eq!(post(node, &format!("/n/lxc/{vmid}/template"), &[]).await.data(), &Value::Null);
    while get(node, &format!("/n/lxc/{vmid}/config")).await.data()["template"] != 1 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
