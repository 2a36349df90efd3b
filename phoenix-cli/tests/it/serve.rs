//! The served node, and a host at a URL: what one prints is what the other takes.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::lab::{Lab, on_each_engine, text};

/// A lab whose node is served by another process.
struct Served {
    lab: Lab,
    child: Child,
    said: Value,
}

impl Served {
    fn start() -> Self {
        Self::of(Lab::new())
    }

    fn of(lab: Lab) -> Self {
        let mut child = lab
            .command(&["--json", "node", "serve", "--tls", "--listen", "127.0.0.1:0"])
            .env("PHOENIX_PASSWORD", "correct horse")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        Self { lab, child, said }
    }

    fn says(&self, what: &str) -> &str {
        self.said[what].as_str().unwrap()
    }

    /// Returns the program at the URL, with the fingerprint, and with whatever lets it in.
    fn far(&self, variable: &str, secret: &str, args: &[&str]) -> Command {
        let mut command = self.lab.command(args);
        command
            .env("PHOENIX_HOST", self.says("url"))
            .env("PHOENIX_FINGERPRINT", self.says("fingerprint"))
            .env(variable, secret);
        command
    }

    fn does(&self, args: &[&str]) -> String {
        let output = self.far("PHOENIX_TOKEN", self.says("token"), args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", self.lab.transcript(&output));
        text(&output.stdout)
    }

    /// Ends the server, and returns its exit code.
    fn end(mut self, signal: &str) -> Option<i32> {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_lab_comes_up_on_a_host_at_a_url_and_a_signal_ends_the_server() {
    on_each_engine(|lab| {
        let served = Served::of(lab);
        served.does(&["letsgo"]);
        assert_eq!(served.does(&["plan", "--detailed-exitcode"]), "nothing to do\n");
        let plan: Value = serde_json::from_str(&served.does(&["--json", "plan"])).unwrap();
        assert!(plan["cost"]["calls"].as_u64().unwrap() <= 3 + 10, "{}", plan["cost"]);
        served.does(&["delete", "101", "102", "--yes"]);
        let list = ["node", "api", "get", "/nodes/pve1/lxc"];
        let rows = text(&served.far("PHOENIX_PASSWORD", "correct horse", &list).output().unwrap().stdout);
        assert!(rows.contains("\"vmid\": 900") && !rows.contains("\"vmid\": 101"), "{rows}");
        assert!(served.says("token").starts_with("root@pam!phoenix="));
        assert_eq!(served.end("-TERM"), Some(0));
    });
}

#[test]
fn ctrl_c_ends_the_server_and_what_was_done_stays() {
    let mut served = Served::start();
    served.does(&["create", "900"]);
    let lab = std::mem::replace(&mut served.lab, Lab::new());
    assert_eq!(served.end("-INT"), Some(0));
    assert!(lab.does(&["status", "900"]).contains("template"));
}

#[test]
fn who_has_the_wrong_password_is_told_so() {
    let served = Served::start();
    let output = served.far("PHOENIX_PASSWORD", "wrong", &["plan"]).output().unwrap();
    assert_data_eq!(
        served.lab.transcript(&output),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: GET /nodes was refused with 401: authentication failure

"#]]
    );
    assert_eq!(served.end("-TERM"), Some(0));
}

#[test]
fn the_embedded_nodes_own_verbs_refuse_a_url() {
    let lab = Lab::new();
    assert_data_eq!(
        lab.says(&["--host", "https://pve1:8006", "node", "status"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `https://pve1:8006` is not the embedded node
  hint: leave `--host` out, or say `--host embedded`

"#]]
    );
}

#[test]
fn a_served_node_begins_afresh_on_demand() {
    let served = Served::start();
    served.does(&["create", "900"]);
    let said = served.lab.does(&["node", "reset", "--yes", "--profile", "truth"]);
    assert!(said.contains("which is being served, begins afresh"), "{said}");
    let get = |path: &str| {
        let output =
            served.far("PHOENIX_PASSWORD", "secret123", &["node", "api", "get", path]).output().unwrap();
        assert!(output.status.success(), "{}", served.lab.transcript(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(get("/nodes/pve1/lxc"), Value::Array(Vec::new()));
    let storages = get("/storage");
    let mut names: Vec<&str> =
        storages.as_array().unwrap().iter().filter_map(|row| row["storage"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["btr", "local"]);
    assert_eq!(served.end("-TERM"), Some(0));
}

#[test]
fn a_recording_has_a_line_a_call() {
    let served = Served::start();
    served.does(&["create", "900"]);
    let recording = served.does(&["node", "record", served.says("url")]);
    let calls: Vec<Value> = recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |path: &str| calls.iter().find(|call| call["request"]["path"] == format!("/api2/json{path}"));
    assert_eq!(of("/version").unwrap()["response"]["status"], 200);
    let config = of("/nodes/pve1/lxc/900/config").unwrap();
    assert_eq!(config["response"]["json"]["data"]["hostname"], "base");
    assert_eq!(served.end("-TERM"), Some(0));
}
