//! A sandbox that runs, and what is done with it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    begin, bridges, cgroups, limits, loops,
    process::{self, Process},
    programs, record,
    record::Record,
    spec::SandboxSpec,
    uplink,
};
use crate::{
    command::{self, Output},
    error::SandboxError,
};

/// Goes into the sandbox's groups, after a last look whether the number still is the holder, and becomes the words.
const ENTER: &str = r#"pid=$1 start=$2
shift 2
is_holder() { [ "${20}" = "$start" ]; }
read -r stat 2>/dev/null <"/proc/$pid/stat" && is_holder ${stat##*) } || {
    echo 'the sandbox has ended' >&2
    exit 97
}
while [ "$1" != -- ]; do
    echo 0 >"$1/cgroup.procs" || exit 97
    shift
done
shift
exec "$@""#;

/// What a change of the name does inside.
const RENAME: &str = r#"echo "$1" >/proc/sys/kernel/hostname
echo "$1" >/etc/hostname
sed -i "s/^127\.0\.1\.1 .*/127.0.1.1 $1/" /etc/hosts"#;

/// File systems that cannot be an upper layer, by the kernel's numbers.
const NO_LAYERS: [(i128, &str); 3] = [(0x794c_7630, "an overlay"), (0x6969, "NFS"), (0x0102_1997, "9P")];

const LIMIT: Duration = Duration::from_secs(30);

/// A sandbox that runs. A copy is cheap and is the same one.
#[derive(Clone, Debug)]
pub struct Sandbox {
    dir: Arc<Path>,
    record: Arc<Record>,
}

/// What can be said of a sandbox that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxStatus {
    /// The number of its first process on the machine.
    pub pid: i32,
    /// When it began, in seconds since 1970.
    pub since: u64,
    /// How many processes run in it, its first one counted.
    pub processes: usize,
    /// How the host in it calls itself.
    pub hostname: String,
    /// Whether it has a way out to the internet.
    pub has_uplink: bool,
}

impl Sandbox {
    /// Finds the sandbox of a directory or begins it, and brings its name, its bridges and its uplink in line.
    pub async fn ensure(spec: SandboxSpec) -> Result<Self, SandboxError> {
        if !rustix::process::geteuid().is_root() {
            return Err(SandboxError::NotRoot);
        }
        let place = record::place(&spec.dir);
        std::fs::create_dir_all(&place).map_err(SandboxError::file("make", &place))?;
        let spec = SandboxSpec { dir: real(&spec.dir)?, ..spec };
        check_names(&spec)?;
        let _lock = record::lock_of(&spec.dir).await?;
        let found = Self::find(&spec.dir)?;
        let is_new = found.is_none();
        let done = Self::bring_in_line(&spec, found).await;
        if is_new && done.is_err() {
            // The first cause is what the caller wants to know.
            if let Err(error) = clear(&spec.dir).await {
                tracing::warn!(%error, "a sandbox that did not begin is not cleared up");
            }
        }
        done
    }

    /// Finds the sandbox of a directory, if one runs.
    pub fn find(dir: &Path) -> Result<Option<Self>, SandboxError> {
        let Ok(dir) = dir.canonicalize() else { return Ok(None) };
        let record = Record::read(&dir)?.filter(|record| record.is_ready && record.is_alive());
        Ok(record.map(|record| Self { dir: dir.into(), record: Arc::new(record) }))
    }

    /// Removes what a sandbox left outside its directory, after it has been killed. Ends it where it runs. Nothing there
    /// is no error. What is in the directory stays.
    pub async fn clear(dir: &Path) -> Result<(), SandboxError> {
        // Where the directory has been removed, what was named after it may still be there.
        let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let _lock = if record::place(&dir).exists() { Some(record::lock_of(&dir).await?) } else { None };
        clear(&dir).await
    }

    /// Returns the words that, set before others, run these in the sandbox: in its namespaces and its groups, in `/`.
    pub fn enter(&self) -> Vec<String> {
        self.enter_with(&["-m", "-n", "-p", "-u", "-i"])
    }

    fn enter_with(&self, spaces: &[&str]) -> Vec<String> {
        let Process { pid, start, .. } = &self.record.holder;
        let nsenter = programs::find("nsenter", "util-linux").unwrap_or_else(|_| "/usr/bin/nsenter".into());
        let mut words = ["/bin/sh", "-c", ENTER, "phoenix-enter"].map(str::to_owned).to_vec();
        words.extend([pid.to_string(), start.to_string()]);
        words.extend(self.record.joined.iter().map(|group| group.display().to_string()));
        words.extend(["--".to_owned(), nsenter.display().to_string(), "-t".to_owned(), pid.to_string()]);
        words.extend(spaces.iter().chain(&["--"]).map(|&word| word.to_owned()));
        words
    }

    /// Runs words in the sandbox.
    pub async fn run(&self, words: &[&str], input: &[u8], limit: Duration) -> Result<Output, SandboxError> {
        Self::run_as(self.enter(), words, input, limit).await
    }

    /// Runs words in the sandbox, but for its network: they have the machine's.
    pub(crate) async fn run_outside(
        &self,
        words: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output, SandboxError> {
        Self::run_as(self.enter_with(&["-m", "-p", "-u", "-i"]), words, input, limit).await
    }

    async fn run_as(
        mut all: Vec<String>,
        words: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output, SandboxError> {
        all.extend(words.iter().map(|word| (*word).to_owned()));
        let shown = || words.iter().take(12).copied().collect::<Vec<_>>().join(" ");
        command::run(&all, input, limit).await.map_err(|error| match error {
            // How one gets in is not what failed.
            SandboxError::Command { status, said, .. } => {
                SandboxError::Command { program: shown(), status, said }
            }
            SandboxError::Late { seconds, .. } => SandboxError::Late { program: shown(), seconds },
            SandboxError::Missing { .. }
            | SandboxError::NotRoot
            | SandboxError::File { .. }
            | SandboxError::Build { .. }
            | SandboxError::Wrong(_) => error,
        })
    }

    /// Ends everything in the sandbox at once, and removes what it has outside its directory.
    pub async fn stop(self) -> Result<(), SandboxError> {
        Self::clear(&self.dir).await
    }

    /// Says how it is.
    pub fn status(&self) -> SandboxStatus {
        SandboxStatus {
            pid: self.record.holder.pid,
            since: self.record.since,
            processes: process::below(self.record.holder.pid),
            hostname: self.record.hostname.clone(),
            has_uplink: self.record.uplink.as_ref().is_some_and(Process::is_alive),
        }
    }

    /// Returns a text that no other sandbox of this directory has.
    pub fn identity(&self) -> String {
        let Process { pid, start, .. } = &self.record.holder;
        format!("{pid}-{start}-{}", self.record.boot)
    }

    /// Returns the node's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns its groups, one in each hierarchy; all below them is its own too.
    pub(crate) fn groups(&self) -> &[PathBuf] {
        &self.record.groups
    }

    /// Returns the groups that a process of the sandbox joins.
    pub(super) fn joined(&self) -> &[PathBuf] {
        &self.record.joined
    }

    async fn bring_in_line(spec: &SandboxSpec, found: Option<Self>) -> Result<Self, SandboxError> {
        let mut sandbox = match found {
            Some(sandbox) => sandbox,
            None => {
                clear(&spec.dir).await?;
                Self { dir: spec.dir.as_path().into(), record: Arc::new(begin::begin(spec).await?) }
            }
        };
        if sandbox.record.hostname != spec.hostname {
            sandbox.run(&["sh", "-euc", RENAME, "sh", &spec.hostname], b"", LIMIT).await?;
            let record = Record { hostname: spec.hostname.clone(), ..(*sandbox.record).clone() };
            sandbox = sandbox.with(record)?;
        }
        bridges::bring_in_line(&sandbox, spec).await?;
        let uplink = uplink::bring_in_line(&sandbox, spec, sandbox.record.uplink.clone()).await?;
        if uplink != sandbox.record.uplink {
            let record = Record { uplink, ..(*sandbox.record).clone() };
            sandbox = sandbox.with(record)?;
        }
        Ok(sandbox)
    }

    fn with(self, record: Record) -> Result<Self, SandboxError> {
        record.write(&self.dir)?;
        Ok(Self { record: Arc::new(record), ..self })
    }
}

/// Ends what runs and removes what is left, under the lock of the directory.
async fn clear(dir: &Path) -> Result<(), SandboxError> {
    let record = Record::read(dir)?;
    let mut groups = cgroups::places(&record::name(dir))?;
    if let Some(record) = record.filter(Record::is_of_this_boot) {
        record.holder.kill().await?;
        groups.extend(record.groups);
    }
    // Somebody may have removed the record of one that runs: its groups still know it.
    process::kill_foreign(cgroups::processes(&groups));
    cgroups::remove(&groups).await?;
    loops::detach(dir).await?;
    limits::restore(dir).await?;
    Record::remove(dir)
}

/// Returns the path without links: it must be the same inside, and the same for every command.
fn real(dir: &Path) -> Result<PathBuf, SandboxError> {
    let dir = dir.canonicalize().map_err(SandboxError::file("read", dir))?;
    let place = rustix::fs::statfs(&dir).map_err(|error| SandboxError::file("read", &dir)(error.into()))?;
    // The host's changes are the upper layer of an overlay, which the kernel refuses on these.
    if let Some((_, name)) = NO_LAYERS.iter().find(|(number, _)| i128::from(place.f_type) == *number) {
        return Err(SandboxError::Wrong(format!(
            "the directory `{}` of the node is on {name}, which cannot hold layers: choose one on a disk with `--node-dir`",
            dir.display()
        )));
    }
    match dir.to_str() {
        Some(text) if !text.contains(char::is_whitespace) => Ok(dir),
        Some(_) | None => Err(SandboxError::Wrong(format!(
            "the directory `{}` of the node has letters that LXC cannot read: choose another with `--node-dir`",
            dir.display()
        ))),
    }
}

fn check_names(spec: &SandboxSpec) -> Result<(), SandboxError> {
    let is_name = |name: &str, most: usize| {
        (1..=most).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !is_name(&spec.hostname, 63) {
        return Err(SandboxError::Wrong(format!("`{}` is not a name for a host", spec.hostname)));
    }
    match spec.bridges.iter().find(|bridge| !is_name(&bridge.name, 15)) {
        Some(bridge) => Err(SandboxError::Wrong(format!("`{}` is not a name for a bridge", bridge.name))),
        None => Ok(()),
    }
}
