//! Configurations of guests from the host's own files. A plan of many guests asks for each one's; here that costs no call.
//! Every question reads the file anew: it is the truth itself, so nothing is remembered that could be old.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use phoenix_core::GuestKind;
use serde_json::{Value, json};

use super::conf;
use crate::transport::{Method, Request, Response, Transport, TransportError};

/// A transport that answers what stands in the host's files, and lets another carry the rest.
pub struct HostFiles {
    inner: Arc<dyn Transport>,
    pve_dir: PathBuf,
}

/// A question that a file answers.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    file: PathBuf,
    kind: GuestKind,
    is_pending: bool,
}

impl HostFiles {
    /// Returns a transport over another one. `pve_dir` is where the cluster's files are.
    pub fn new(inner: Arc<dyn Transport>, pve_dir: impl Into<PathBuf>) -> Self {
        Self { inner, pve_dir: pve_dir.into() }
    }

    fn question(&self, request: &Request) -> Option<Question> {
        if request.method != Method::Get || !request.params.is_empty() {
            return None;
        }
        let path: Vec<&str> = request.path.split('/').collect();
        let ["", "nodes", node, kind, vmid, call] = path[..] else { return None };
        let (kind, folder) = match kind {
            "lxc" => (GuestKind::Lxc, "lxc"),
            "qemu" => (GuestKind::Vm, "qemu-server"),
            _ => return None,
        };
        let is_pending = match (call, kind) {
            ("config", _) => false,
            ("pending", GuestKind::Vm) => true,
            _ => return None,
        };
        let node = percent_decode_str(node).decode_utf8().ok()?;
        let is_name = !node.is_empty() && !node.starts_with('.') && !node.contains('/');
        if !is_name || !vmid.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let file = self.pve_dir.join("nodes").join(&*node).join(folder).join(format!("{vmid}.conf"));
        Some(Question { file, kind, is_pending })
    }
}

#[async_trait]
impl Transport for HostFiles {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Some(Question { file, kind, is_pending }) = self.question(&request) else {
            return self.inner.send(request).await;
        };
        // The cluster's file system can hang while the cluster has no quorum.
        let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        match read {
            Ok(Ok(text)) => Ok(answer(&match is_pending {
                true => conf::pending(kind, &text),
                false => conf::config(kind, &text),
            })),
            // What is not there, or not ours to read, is for the API to speak of.
            Ok(Err(_)) | Err(_) => self.inner.send(request).await,
        }
    }

    async fn send_anew(&self, request: Request) -> Result<Response, TransportError> {
        self.inner.send_anew(request).await
    }
}

fn answer(data: &Value) -> Response {
    let body = json!({ "data": data }).to_string().into_bytes();
    Response { status: 200, reason: "OK".to_owned(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    #[async_trait]
    impl Transport for Nobody {
        async fn send(&self, _: Request) -> Result<Response, TransportError> {
            Ok(Response { status: 501, reason: "asked".to_owned(), body: Vec::new() })
        }
    }

    async fn get(files: &HostFiles, path: &str) -> Response {
        let request = Request { method: Method::Get, path: path.to_owned(), params: Vec::new() };
        files.send(request).await.expect("an answer")
    }

    #[tokio::test]
    async fn files_answer_what_they_can_and_the_api_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["nodes/pve1/lxc", "nodes/pve1/qemu-server"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        std::fs::write(dir.path().join("nodes/pve1/lxc/100.conf"), "memory: 512\n").unwrap();
        std::fs::write(dir.path().join("secret.conf"), "memory: 1\n").unwrap();
        let files = HostFiles::new(Arc::new(Nobody), dir.path());
        let found = get(&files, "/nodes/pve1/lxc/100/config").await;
        assert_eq!(found.status, 200);
        assert!(String::from_utf8(found.body).unwrap().contains("\"memory\":\"512\""));
        for path in [
            "/nodes/pve1/lxc/101/config",
            "/nodes/pve1/lxc/100/pending",
            "/nodes/%2e%2e/lxc/100/config",
            "/nodes/pve1/lxc/..%2f..%2f..%2fsecret/config",
            "/nodes/pve1/lxc/100/status/current",
        ] {
            assert_eq!(get(&files, path).await.status, 501, "{path}");
        }
        // What is written in between is seen at once.
        std::fs::write(dir.path().join("nodes/pve1/lxc/100.conf"), "memory: 513\n").unwrap();
        let found = get(&files, "/nodes/pve1/lxc/100/config").await;
        assert!(String::from_utf8(found.body).unwrap().contains("513"));
    }
}
