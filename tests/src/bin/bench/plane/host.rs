//! A host without guests, as both begin with it: a sandbox with its services up. And whether the plane is there in the end.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use phoenix_node::Node;
use phoenix_sandbox::{Bridge, Containers, OutsideSpec, SandboxSpec};
use tokio::process::Command;

/// The image of all guests.
const IMAGE: &str = "ubuntu-24.04-standard";
/// How long each of both may take.
const LIMIT: Duration = Duration::from_secs(600);
const CHECKS: Duration = Duration::from_secs(120);
/// Where the stores of `cargo xtask test stores` are.
const CACHE: &str = "/var/cache/phoenix";
/// Programs of the host that neither shall have to fetch.
const PROGRAMS: [&str; 3] = ["/usr/sbin/dnsmasq", "/usr/bin/ganesha.nfsd", "/usr/bin/jq"];
const CHECK: &str = include_str!("check.sh");
/// What the check says where all is well.
const GOOD: &str = include_str!("check.txt");

/// What both install from.
pub(super) struct Stores {
    templates: PathBuf,
    /// The archive of the image.
    image: PathBuf,
    mirror: PathBuf,
    artifacts: PathBuf,
}

/// The program, and what it is given.
pub(super) struct Phoenix<'a> {
    pub(super) program: &'a Path,
    pub(super) lab: &'a Path,
    pub(super) stores: &'a Stores,
}

/// A host.
pub(super) struct Host {
    containers: Containers,
    node: PathBuf,
}

impl Stores {
    /// Finds them, or tells what is missing.
    pub(super) async fn find(dir: &Path) -> Result<Self, String> {
        let templates = std::env::var_os("PHOENIX_TEMPLATE_CACHE");
        let templates = templates.map_or_else(|| Path::new(CACHE).join("templates"), PathBuf::from);
        let mirror = Path::new(CACHE).join("mirror/ubuntu-24.04");
        let artifacts = Path::new(CACHE).join("artifacts");
        if ![mirror.join("Packages"), artifacts.join("index.json")].iter().all(|file| file.exists()) {
            return Err("there are no stores to install from: `cargo xtask test stores` makes them, as root"
                .to_owned());
        }
        if let Some(program) = PROGRAMS.iter().find(|program| !Path::new(program).exists()) {
            return Err(format!("this machine has no `{program}`: to fetch it is not what is measured"));
        }
        let images = phoenix_sandbox::Images::new(&templates, dir.join("images"));
        let image = images.tarball(IMAGE, |_| ()).await;
        let image = image.map_err(|error| format!("no image `{IMAGE}`: {error}"))?;
        Ok(Self { templates, image, mirror, artifacts })
    }
}

impl Phoenix<'_> {
    /// Makes a host in a directory of its own.
    pub(super) async fn host(&self, node: &Path) -> Result<Host, Box<dyn Error>> {
        // The directory becomes a node first: another one is nothing that Phoenix would touch.
        self.run(node, &["node", "api", "get", "/version"]).await?;
        let spec = SandboxSpec {
            dir: Node::sandbox_dir(node),
            hostname: "phoenix".to_owned(),
            bridges: vec![bridge()],
            uplink: false,
        };
        let containers = Containers::new(spec, self.stores.templates.clone())
            .map_err(|lacking| format!("{lacking:?}"))?
            .with_mirror(Path::new(CACHE).join("mirror"))
            .with_places(vec!["/fastData".to_owned(), "/quickOS".to_owned()]);
        containers.sandbox().await?;
        containers.begin_services().await?;
        Ok(Host { containers, node: node.to_owned() })
    }

    /// Runs it on the node in a directory.
    pub(super) async fn run(&self, node: &Path, words: &[&str]) -> Result<(), Box<dyn Error>> {
        let mut command = Command::new(self.program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PHOENIX_")) {
            command.env_remove(name);
        }
        command.args(["--node-engine", "lxc", "--vm-as-container", "--host", "embedded", "--config-dir"]);
        command.arg(self.lab).arg("--node-dir").arg(node);
        command.arg("--template-cache").arg(&self.stores.templates);
        command.args(words).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(LIMIT, command.output()).await;
        let output = output.map_err(|_| format!("`phoenix {}` takes too long", words[0]))??;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("`phoenix {}`: {}", words[0], last(&said)).into())
            }
        }
    }
}

impl Host {
    /// Runs the script on it.
    pub(super) async fn script(
        &self,
        text: &str,
        stacks: &Path,
        stores: &Stores,
    ) -> Result<(), Box<dyn Error>> {
        let sandbox = self.containers.sandbox().await?;
        // On the file system that Phoenix's disks are on, and where the sandbox looks for containers.
        let disks = sandbox.dir().join(if self.containers.no_limits().is_none() { "pool" } else { "host" });
        let disks = disks.join("by-hand");
        let paths = [&disks, &stores.image, &stores.mirror, &stores.artifacts, stacks].map(Path::display);
        let paths = paths.map(|path| path.to_string());
        // `/c` leads there.
        std::fs::create_dir_all(sandbox.dir().join("lxc"))?;
        let file = sandbox.dir().join("by-hand.sh");
        std::fs::write(&file, text)?;
        let file = file.display().to_string();
        let mut words = vec!["/bin/sh", &file, "/c"];
        words.extend(paths.iter().map(String::as_str));
        sandbox.run(&words, b"", LIMIT).await?;
        Ok(())
    }

    /// Fails with what is not as it should be: what a client outside gets who has this root certificate alone, and what
    /// guests see.
    pub(super) async fn check(&self, root: &str) -> Result<(), Box<dyn Error>> {
        let sandbox = self.containers.sandbox().await?;
        let forwards = ["80=10.0.0.153", "443=10.0.0.153"].map(str::parse);
        let forwards = forwards.into_iter().collect::<Result<Vec<_>, _>>()?;
        let spec = OutsideSpec { forwards, ..OutsideSpec::default() };
        sandbox.outside(&spec, &[bridge()]).await?;
        let said = sandbox.run(&["/bin/sh", "-c", CHECK, "sh", root], b"", CHECKS).await?;
        let wrong: Vec<&str> =
            said.text.lines().filter(|line| !GOOD.lines().any(|good| good == *line)).collect();
        match said.text.trim() == GOOD.trim() {
            true => Ok(()),
            false => Err(format!("the plane is not there: {}", wrong.join("; ")).into()),
        }
    }

    /// Ends it and all that is on it.
    pub(super) async fn end(self) -> Result<(), Box<dyn Error>> {
        crate::sandboxed::clear(&self.node).await?;
        // What the node remembers goes too, or the next one would not begin from nothing.
        Ok(tokio::fs::remove_dir_all(&self.node).await?)
    }
}

/// Returns the end of what was said: the reason is there.
fn last(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

fn bridge() -> Bridge {
    Bridge {
        name: "vmbr0".to_owned(),
        addresses: vec!["10.0.0.13/24".to_owned()],
        gateways: vec!["10.0.0.1/24".to_owned()],
    }
}
