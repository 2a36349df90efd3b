//! What PVE's refusals mean.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use phoenix_core::{BackendError, ErrorKind};
use phoenix_pve::{Client, Request, Response, TaskWaiter, Transport, TransportError, Upid, error::classify};

struct Refusing(u16, &'static str, &'static str);

#[async_trait]
impl Transport for Refusing {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        Ok(Response { status: self.0, reason: self.1.to_owned(), body: self.2.as_bytes().to_vec() })
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_reason_its_fields_and_its_call() {
    let body = r#"{"errors":{"net0":"invalid format\nnet0.name: missing\n"},"data":null,"message":"x"}"#;
    let client = Client::new(Arc::new(Refusing(400, "Parameter verification failed.", body)));
    let error: BackendError = client.post("/nodes/pve1/lxc", Vec::new()).await.unwrap_err().into();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.message, "POST /nodes/pve1/lxc was refused with 400: Parameter verification failed.");
    assert_eq!(error.fields["net0"], "invalid format, net0.name: missing");
}

#[tokio::test]
async fn a_refusal_without_a_body_is_read_from_its_reason() {
    let client = Client::new(Arc::new(Refusing(401, "Authentication failed!", "")));
    let error: BackendError = client.get("/version", Vec::new()).await.unwrap_err().into();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.ends_with("Authentication failed!"));
}

#[tokio::test]
async fn an_answer_without_payload_is_null() {
    let client = Client::new(Arc::new(Refusing(200, "OK", r#"{"data":null}"#)));
    assert!(client.get("/x", Vec::new()).await.unwrap().is_null());
}

#[test]
fn texts_of_pve_tell_the_sort_of_a_failure() {
    for (status, text, kind) in [
        (500, "CT is locked (disk)", ErrorKind::Locked),
        (500, "VM is locked (migrate)", ErrorKind::Locked),
        (500, "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout", ErrorKind::Locked),
        (500, "detected modified configuration - file changed by other user? Try again.", ErrorKind::Changed),
        (500, "checksum mismatch (file change by other user?)", ErrorKind::Changed),
        (500, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", ErrorKind::NotFound),
        (500, "write failed: No space left on device", ErrorKind::Full),
        (403, "Permission check failed (/vms/100, VM.Clone)", ErrorKind::Forbidden),
        (595, "No route to host", ErrorKind::Unreachable),
        (596, "Broken pipe", ErrorKind::Timeout),
        (500, "command 'x' failed: exit code 1", ErrorKind::Failed),
    ] {
        assert_eq!(classify(status, text), kind, "{status} {text}");
    }
}

#[test]
fn a_upid_is_taken_apart_and_nonsense_is_refused() {
    let upid: Upid = "UPID:pve1:000031CF:0006673B:6B01FECA:vzcreate:500:al@pve!t1:".parse().unwrap();
    assert_eq!((upid.node.as_str(), upid.kind.as_str(), upid.id.as_str()), ("pve1", "vzcreate", "500"));
    assert_eq!((upid.user.as_str(), upid.started), ("al@pve!t1", 0x6B01_FECA));
    assert!("UPID:pve1:zz".parse::<Upid>().is_err());
    assert!("OK".parse::<Upid>().is_err());
}

#[test]
fn pauses_grow_with_the_task_and_are_bounded() {
    let waiter = TaskWaiter::new(Duration::from_millis(5));
    assert_eq!(waiter.pause(Duration::ZERO), Duration::from_millis(5));
    assert_eq!(waiter.pause(Duration::from_secs(2)), Duration::from_millis(100));
    assert_eq!(waiter.pause(Duration::from_secs(600)), Duration::from_secs(1));
}
