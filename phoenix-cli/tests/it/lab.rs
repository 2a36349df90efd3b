//! A small lab in a temporary directory, and the program run on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The name of the containers' file.
pub(crate) const LXC: &str = "phoenix_lxc_configs.json";
/// The name of the host's file.
pub(crate) const HYPERVISOR: &str = "phoenix_hypervisor_config.json";

/// A lab: the template 900, `gateway` (101) cloned from it, and `web` (102), which requires that.
pub(crate) struct Lab {
    dir: TempDir,
    speed: &'static str,
    engine: &'static str,
}

/// Runs a scenario on a simulated node, and on one of real containers where this machine can have them.
#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
pub(crate) fn on_each_engine(scenario: impl Fn(Lab)) {
    scenario(Lab::new());
    match obstacle("ubuntu-24.04-standard") {
        None => {
            let mut lab = Lab::new();
            lab.engine = "lxc";
            scenario(lab);
        }
        Some(why) => println!("skipped with real containers: {why}"),
    }
}

/// Tells why this machine can have no real containers, if it cannot: for want of programs, or of the image, which is built
/// where it is not in the cache.
pub(crate) fn obstacle(image: &str) -> Option<String> {
    let lacking: Vec<String> = phoenix_sandbox::lacking().iter().map(ToString::to_string).collect();
    if !lacking.is_empty() {
        return Some(lacking.join("; "));
    }
    let cache = std::env::var_os("PHOENIX_TEMPLATE_CACHE");
    let cache = cache.unwrap_or_else(|| "/var/cache/phoenix/templates".into());
    let images = phoenix_sandbox::Images::new(cache, std::env::temp_dir());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let image = runtime.block_on(images.tarball(image, |_| ()));
    image.err().map(|error| error.to_string())
}

impl Lab {
    /// Writes the lab.
    pub(crate) fn new() -> Self {
        let lab = Self { dir: TempDir::new().expect("a temporary directory"), speed: "1000", engine: "sim" };
        lab.write(HYPERVISOR, &pretty(&hypervisor()));
        lab.write(LXC, &pretty(&containers()));
        lab
    }

    /// Lets the node's tasks take this share of their time.
    pub(crate) fn at_speed(mut self, speed: &'static str) -> Self {
        self.speed = speed;
        self
    }

    /// Returns a path in the lab's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the directory of the configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("config")
    }

    /// Writes a file of the configuration.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.config().join(file);
        fs::create_dir_all(path.parent().expect("a file is in a directory"))
            .expect("the lab's directory takes files");
        fs::write(path, text).expect("the lab's directory takes files");
    }

    /// Changes one value of a file of the configuration.
    pub(crate) fn set(&self, file: &str, pointer: &str, value: Value) {
        let text = fs::read_to_string(self.config().join(file)).expect("the lab has the file");
        let mut json: Value = serde_json::from_str(&text).expect("the lab's files are JSON");
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        json.pointer_mut(parent).expect("the pointer leads somewhere")[key] = value;
        self.write(file, &pretty(&json));
    }

    /// Returns the program with the lab's options, ready to be run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phoenix"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PHOENIX_")) {
            command.env_remove(name);
        }
        command
            .env("PHOENIX_CONFIG_DIR", self.config())
            .env("PHOENIX_HOST", "embedded")
            .env("PHOENIX_NODE_DIR", self.path("node"))
            .env("PHOENIX_NODE_SPEED", self.speed)
            .env("PHOENIX_NODE_ENGINE", self.engine)
            .args(args)
            .stdin(Stdio::null());
        if let Some(cache) = std::env::var_os("PHOENIX_TEMPLATE_CACHE") {
            command.env("PHOENIX_TEMPLATE_CACHE", cache);
        }
        command
    }

    /// Runs the program and returns what it did.
    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// Runs the program and returns its status and all that it said, without what differs from run to run.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        self.transcript(&self.output(args))
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub(crate) fn does(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {}", self.transcript(&output));
        text(&output.stdout)
    }

    /// Returns a run as text, without what differs from run to run.
    pub(crate) fn transcript(&self, output: &Output) -> String {
        let status = output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
        let stderr: String = text(&output.stderr)
            .lines()
            .filter(|line| !line.starts_with('['))
            .map(|line| format!("{line}\n"))
            .collect();
        let stdout = text(&output.stdout);
        assert!(!stdout.contains('\x1b') && !stderr.contains('\x1b'), "colours in a pipe: {stdout}{stderr}");
        self.redact(&format!("exit: {status}\n--- stdout\n{stdout}--- stderr\n{stderr}"))
    }

    fn redact(&self, text: &str) -> String {
        let dir = self.dir.path();
        let text = text.replace(&dir.to_string_lossy().into_owned(), "[LAB]");
        text.lines().map(|line| without_times(line) + "\n").collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.engine != "sim" {
            let swept = self.output(&["node", "reset", "--yes"]);
            // A test that fails already says so; a second panic would hide it.
            assert!(std::thread::panicking() || swept.status.success(), "{}", self.transcript(&swept));
        }
    }
}

/// Returns bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// Tells whether a directory has nothing in it, or is not there.
pub(crate) fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

/// Replaces numbers of seconds.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_time = |index: usize| {
        words.get(index + 1).is_some_and(|unit| unit.trim_end_matches([',', ':']) == "s")
            && words[index].parse::<f64>().is_ok()
    };
    let show = |index: usize| if is_time(index) { "[TIME]" } else { words[index] };
    (0..words.len()).map(show).collect::<Vec<_>>().join(" ")
}

pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON") + "\n"
}

fn hypervisor() -> Value {
    json!({
        "domain_name": "lab.example",
        "timezone": "Europe/Vienna",
        "network": {
            "hostname": "pve1",
            "interfaces": {
                "name": "vmbr0",
                "address": "10.0.0.13/24",
                "gateway": "10.0.0.1",
                "dns_nameservers": ["10.0.0.1"]
            }
        },
        "storages": [
            { "name": "tank", "plugin": "zfspool", "content": "images,rootdir", "size_gb": 400 },
            { "name": "small", "plugin": "lvm", "content": "images,rootdir", "size_gb": 20 }
        ]
    })
}

fn containers() -> Value {
    let network =
        |address: &str| json!({ "name": "eth0", "bridge": "vmbr0", "ip": address, "gw": "10.0.0.1" });
    json!({
        "lxc_defaults": { "cores": 1, "memory_mb": 512, "storage_pool": "tank", "storage_size_gb": 4 },
        "lxc_configs": {
            "900": {
                "name": "base",
                "is_template": true,
                "os_template": "ubuntu-24.04-standard",
                "network_config": { "name": "eth0", "bridge": "vmbr0", "ip": "dhcp" }
            },
            "101": { "name": "gateway", "clone": { "from": 900 }, "network_config": network("10.0.0.101/24") },
            "102": {
                "name": "web",
                "clone": { "from": 900 },
                "network_config": network("10.0.0.102/24"),
                "dependencies": [101]
            }
        }
    })
}
