//! The services of the host: a systemd in the sandbox, with the host's network and files, that is begun when one is needed,
//! or with the sandbox once there was one. And the packages that bring services, which come over the machine's network.

use std::{fs, time::Duration};

use crate::{Containers, Sandbox, SandboxError, containers::named, remains};

const BEGIN: &str = include_str!("scripts/services.sh");
const FETCH: &str = include_str!("scripts/fetch.sh");

/// Becomes the words, where the services run if there are any, else in the sandbox.
const INTO: &str = r#"pid=$(cat /run/phoenix/host/pid 2>/dev/null) && grep -qs "^NSpid:.*	1$" "/proc/$pid/status" && exec nsenter -t "$pid" -m -p -- "$@"
exec "$@""#;

/// Ends the services in their order. They go with the sandbox in any case.
const END: &str = r#"pid=$(cat /run/phoenix/host/pid 2>/dev/null) && grep -qs "^NSpid:.*	1$" "/proc/$pid/status" || exit 0
kill -s RTMIN+4 "$pid"
turns=0
while [ -e "/proc/$pid" ] && [ "$turns" -lt 200 ]; do
    turns=$((turns + 1))
    sleep 0.05
done"#;

/// How the script says that there is no systemd.
const NO_SYSTEMD: &str = "exit status: 3";
const LIMIT: Duration = Duration::from_secs(90);
/// How long packages may take to come.
const FETCHING: Duration = Duration::from_secs(900);

impl Containers {
    /// Begins the services of the host unless they run, and waits until they are up. Fails with what is missing where
    /// the machine has no systemd.
    pub async fn begin_services(&self) -> Result<(), SandboxError> {
        let sandbox = self.sandbox().await?;
        let holder = sandbox.status().pid;
        let mut served = self.served.lock().await;
        // Those of a new sandbox have been begun by themselves, and may still be on their way.
        if sandbox.has_services() && *served == Some(holder) {
            return Ok(());
        }
        run(&sandbox, "wait").await?;
        *served = Some(holder);
        Ok(())
    }

    /// Fetches packages that the host is to install, over the machine's network as images are. What cannot be fetched
    /// shows when it is installed: there may be another source in the sandbox.
    pub async fn fetch_packages(&self, names: &[&str]) -> Result<(), SandboxError> {
        let sandbox = self.sandbox().await?;
        let resolver = fs::read("/etc/resolv.conf").unwrap_or_default();
        let words = ["unshare", "--mount", "--", "/bin/sh", "-c", FETCH, "sh"];
        let words: Vec<&str> = words.iter().chain(names).copied().collect();
        if let Err(error) = sandbox.run_outside(&words, &resolver, FETCHING).await {
            tracing::debug!(%error, "packages of the host");
        }
        Ok(())
    }
}

impl Sandbox {
    /// Returns the words that, set before others, run these on the host: where its services run, if they do.
    pub fn enter_host(&self) -> Vec<String> {
        let into = ["/bin/sh", "-c", INTO, "phoenix-host"].map(str::to_owned);
        self.enter().into_iter().chain(into).collect()
    }

    /// Says whether the services of the host run.
    pub fn has_services(&self) -> bool {
        let root = format!("/proc/{}/root", self.status().pid);
        let read = |path: String| fs::read_to_string(root.clone() + &path).unwrap_or_default();
        let pid = read("/run/phoenix/host/pid".to_owned());
        // The first of a process namespace of its own: nobody else who got the number is that.
        let is_first = |line: &str| line.starts_with("NSpid:") && line.ends_with("\t1");
        !pid.is_empty() && read(format!("/proc/{}/status", pid.trim())).lines().any(is_first)
    }
}

/// Begins the services with a sandbox that is new, if it ever had any: what is enabled there comes up as on any host.
pub(crate) async fn come_back(sandbox: &Sandbox) {
    if sandbox.has_services() || !sandbox.dir().join("host/services").exists() {
        return;
    }
    if let Err(error) = run(sandbox, "").await {
        tracing::warn!(%error, "the services of the host");
    }
}

/// Ends the services in their order, if they run.
pub(crate) async fn end(sandbox: &Sandbox) {
    if let Err(error) = sandbox.run(&["/bin/sh", "-c", END], b"", LIMIT).await {
        tracing::debug!(%error, "the services of the host");
    }
}

async fn run(sandbox: &Sandbox, wait: &str) -> Result<(), SandboxError> {
    let (groups, dir) = (remains::groups(sandbox), sandbox.dir().display().to_string());
    let words = ["/bin/sh", "-c", BEGIN, "sh", &groups, &dir, wait];
    match sandbox.run(&words, b"", LIMIT).await {
        Ok(_) => Ok(()),
        Err(SandboxError::Command { status, .. }) if status == NO_SYSTEMD => {
            Err(SandboxError::Missing { program: "systemd".to_owned(), package: "systemd".to_owned() })
        }
        Err(error) => Err(named(error, "the services of the host could not begin")),
    }
}
