//! The store: the node's directory. Every file is written beside itself and renamed, guests before the tasks that
//! work on them, so that a process may die at any moment and the next one goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use phoenix_sandbox::Containers;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::NodeError,
    files::{self, io, read, remove, to_bytes, write, write_private},
    gpus::Gpus,
    lock::lock,
    sim::world::{Delta, World},
    state::{State, guest::Guest, kept::Kept, storage::Storage, task::Task},
};

/// The file that marks a directory as Phoenix's.
pub(crate) const VERSION_FILE: &str = "phoenix-node.json";
/// The file that says that the guests are real containers.
const ENGINE_FILE: &str = "engine-lxc";
/// Where real containers are.
const SANDBOX: &str = "lxc";
const VERSION: u32 = 1;
/// Everything that the store makes, for taking it away again.
const OWN: &[&str] = &[
    // Guests go first: what they need must be there as long as they are.
    "guests",
    "tasks",
    "etc",
    "layers",
    "node.json",
    "storages.json",
    "host.json",
    "lock",
    "serve",
    ENGINE_FILE,
    VERSION_FILE,
];

/// What belongs to the process that uses the directory, not to the node.
const KEPT: &[&str] = &["lock", "serve", ENGINE_FILE, VERSION_FILE];

/// A node directory that is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Version {
    version: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct NodeFile {
    pub(crate) name: String,
    booted: u64,
    bridges: BTreeSet<String>,
    #[serde(default)]
    peers: BTreeSet<String>,
    #[serde(default)]
    is_complete: bool,
    #[serde(default)]
    cores: u32,
    #[serde(default)]
    memory: u64,
    #[serde(default, skip_serializing_if = "Gpus::is_empty")]
    gpus: Gpus,
}

impl Store {
    /// Opens a directory for this process alone, making it if it is not there.
    pub(crate) async fn open(dir: &Path) -> Result<Self, NodeError> {
        fs::create_dir_all(dir).map_err(|source| io("create", dir, source))?;
        check_version(dir, true)?;
        let lock = lock(dir).await?;
        let store = Self { dir: dir.to_owned(), _lock: lock };
        // The mark comes before everything else: a process that is killed here leaves a directory that is ours.
        write(&dir.join(VERSION_FILE), &Version { version: VERSION })?;
        store.make_folders()?;
        Ok(store)
    }

    /// Returns the directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Says that the guests are of this engine, or that they are already of the other one.
    pub(crate) fn claim(&self, is_real: bool) -> Result<(), NodeError> {
        let mark = self.dir.join(ENGINE_FILE);
        let other = |found| Err(NodeError::OtherEngine { path: self.dir.clone(), found });
        let has_guests = !files::list(&self.dir.join("guests"))?.is_empty();
        match (mark.exists(), is_real) {
            (true, false) => other("lxc"),
            (false, true) if has_guests => other("sim"),
            (false, true) => fs::write(&mark, "").map_err(|source| io("write", &mark, source)),
            (true, true) | (false, false) => Ok(()),
        }
    }

    /// Removes all that a node has, and keeps what the process has that uses the directory.
    pub(crate) fn clear(&self) -> Result<(), NodeError> {
        for name in OWN.iter().filter(|name| !KEPT.contains(name)) {
            take_away(&self.dir.join(name))?;
        }
        self.make_folders()
    }

    fn make_folders(&self) -> Result<(), NodeError> {
        for folder in ["guests", "etc", "layers", "tasks/active"] {
            let path = self.dir.join(folder);
            fs::create_dir_all(&path).map_err(|source| io("create", &path, source))?;
        }
        Ok(())
    }

    /// Reads the whole state.
    pub(crate) fn load(&self) -> Result<State, NodeError> {
        let mut state = State::default();
        if let Some(node) = read::<NodeFile>(&self.dir.join("node.json"))? {
            (state.name, state.booted, state.bridges) = (node.name, node.booted, node.bridges);
            state.peers = node.peers;
            (state.is_complete, state.cores, state.memory) = (node.is_complete, node.cores, node.memory);
            state.gpus = node.gpus;
        }
        state.storages =
            read::<BTreeMap<String, Storage>>(&self.dir.join("storages.json"))?.unwrap_or_default();
        state.host = read::<World>(&self.dir.join("host.json"))?.unwrap_or_else(World::of_host);
        self.load_kept("access", &mut state.access)?;
        self.load_kept("pools", &mut state.pools)?;
        self.load_kept("firewall", &mut state.firewall)?;
        self.load_kept("cluster", &mut state.cluster)?;
        self.load_kept("backups", &mut state.backups)?;
        self.load_kept("hosts", &mut state.hosts)?;
        for path in files::list(&self.dir.join("layers"))? {
            if let Some(delta) = read::<Delta>(&path)? {
                state.layers.insert(stem(&path), Arc::new(delta));
            }
        }
        for path in files::list(&self.dir.join("guests"))? {
            let Some(mut guest) = read::<Guest>(&path)? else { continue };
            let snapshots = guest.snapshots.values_mut().map(|snapshot| &mut snapshot.world);
            for world in snapshots.chain([&mut guest.world]) {
                self.resolve(world, &state.layers)?;
            }
            let vmid = guest.vmid;
            state.guests.insert(vmid, guest);
            state.count_usage(vmid);
        }
        for world in state.backups.complete().worlds_mut() {
            self.resolve(world, &state.layers)?;
        }
        self.load_tasks(&mut state)?;
        self.drop_unused_layers(&mut state);
        Ok(state)
    }

    /// Gives a world the layers that it shares.
    fn resolve(&self, world: &mut World, layers: &BTreeMap<String, Arc<Delta>>) -> Result<(), NodeError> {
        match world.resolve(layers) {
            Some(hash) => Err(io("read", &self.layer(&hash), std::io::ErrorKind::NotFound.into())),
            None => Ok(()),
        }
    }

    fn load_tasks(&self, state: &mut State) -> Result<(), NodeError> {
        let path = self.dir.join("tasks/archive.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(io("read", &path, source)),
        };
        let mut seen = BTreeSet::new();
        // A line that a dying process did not finish is no task.
        for task in text.lines().filter_map(|line| serde_json::from_str::<Task>(line).ok()) {
            state.next_pid = state.next_pid.max(task.pid);
            if seen.insert(task.upid.clone()) {
                state.keep(task);
            }
        }
        for path in files::list(&self.dir.join("tasks/active"))? {
            let Some(task) = read::<Task>(&path)? else { continue };
            state.next_pid = state.next_pid.max(task.pid);
            if seen.contains(&task.upid) {
                remove(&path)?;
            } else {
                state.active.insert(task.upid.clone(), task);
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            self.append_archive("\n")?;
        }
        Ok(())
    }

    fn drop_unused_layers(&self, state: &mut State) {
        state.layers.retain(|hash, layer| {
            let is_used = Arc::strong_count(layer) > 1;
            // What cannot be removed now is found again at the next start.
            is_used || fs::remove_file(self.layer(hash)).is_err()
        });
    }

    fn load_kept<T: DeserializeOwned>(&self, name: &str, kept: &mut Kept<T>) -> Result<(), NodeError> {
        if let Some(value) = read(&self.etc(name))? {
            *kept = Kept::read(value);
        }
        Ok(())
    }

    fn save_kept<T: Serialize>(&self, name: &str, kept: &mut Kept<T>) -> Result<(), NodeError> {
        if kept.take_dirty() { write(&self.etc(name), &**kept) } else { Ok(()) }
    }

    /// Writes what changed.
    pub(crate) fn save(&self, state: &mut State) -> Result<(), NodeError> {
        let dirty = std::mem::take(&mut state.dirty);
        for hash in &dirty.layers {
            if let Some(delta) = state.layers.get(hash) {
                write(&self.layer(hash), &**delta)?;
            }
        }
        for vmid in &dirty.guests {
            let path = |kind: &str| self.dir.join("guests").join(format!("{kind}-{vmid}.json"));
            match state.guests.get(vmid) {
                Some(guest) => write(&path(guest.kind.as_str()), guest)?,
                None => {
                    remove(&path("lxc"))?;
                    remove(&path("vm"))?;
                }
            }
        }
        if state.access.take_dirty() {
            write_private(&self.etc("access"), &to_bytes(&*state.access))?;
        }
        self.save_kept("pools", &mut state.pools)?;
        self.save_kept("firewall", &mut state.firewall)?;
        self.save_kept("cluster", &mut state.cluster)?;
        self.save_kept("backups", &mut state.backups)?;
        self.save_kept("hosts", &mut state.hosts)?;
        if dirty.storages {
            write(&self.dir.join("storages.json"), &state.storages)?;
        }
        if dirty.host {
            write(&self.dir.join("host.json"), &state.host)?;
        }
        if dirty.node {
            let node = NodeFile {
                name: state.name.clone(),
                booted: state.booted,
                bridges: state.bridges.clone(),
                peers: state.peers.clone(),
                is_complete: state.is_complete,
                cores: state.cores,
                memory: state.memory,
                gpus: state.gpus.clone(),
            };
            write(&self.dir.join("node.json"), &node)?;
        }
        for upid in &dirty.tasks {
            if let Some(task) = state.active.get(upid) {
                write(&self.active(upid), task)?;
            }
        }
        let mut lines = String::new();
        for task in &dirty.finished {
            lines.push_str(&serde_json::to_string(&**task).expect("a task has only text keys"));
            lines.push('\n');
        }
        if !lines.is_empty() {
            self.append_archive(&lines)?;
        }
        for task in &dirty.finished {
            remove(&self.active(&task.upid))?;
        }
        Ok(())
    }

    fn append_archive(&self, text: &str) -> Result<(), NodeError> {
        let path = self.dir.join("tasks/archive.jsonl");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|source| io("write", &path, source))
    }

    fn etc(&self, name: &str) -> PathBuf {
        self.dir.join("etc").join(format!("{name}.json"))
    }

    fn layer(&self, hash: &str) -> PathBuf {
        self.dir.join("layers").join(format!("{hash}.json"))
    }

    fn active(&self, upid: &str) -> PathBuf {
        let name: String = upid.chars().map(|c| if c == ':' || c == '/' { '_' } else { c }).collect();
        self.dir.join("tasks/active").join(format!("{name}.json"))
    }
}

/// Returns where a node has its real containers.
pub(crate) fn sandbox_dir(dir: &Path) -> PathBuf {
    dir.join(SANDBOX)
}

/// Removes a node directory: only what a node makes, and only where a node did.
pub(crate) async fn reset(dir: &Path) -> Result<bool, NodeError> {
    if !dir.exists() {
        return Ok(false);
    }
    check_version(dir, false)?;
    let _lock = lock(dir).await?;
    let sandbox = sandbox_dir(dir);
    if sandbox.exists() {
        Containers::reset(&sandbox).await.map_err(|source| NodeError::Engine { source })?;
    }
    for name in OWN {
        take_away(&dir.join(name))?;
    }
    // Whatever else lies there is not ours, and neither is the directory then.
    let _ = fs::remove_dir(dir);
    Ok(true)
}

fn take_away(path: &Path) -> Result<(), NodeError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io("remove", path, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Checks that a directory is one of ours, or (if that is allowed) empty.
pub(crate) fn check_version(dir: &Path, may_be_empty: bool) -> Result<(), NodeError> {
    let path = dir.join(VERSION_FILE);
    if let Some(found) = read::<serde_json::Value>(&path)? {
        let version = &found["version"];
        if version.as_u64() == Some(u64::from(VERSION)) {
            return Ok(());
        }
        return Err(NodeError::Version { path: dir.to_owned(), found: version.to_string(), known: VERSION });
    }
    let mut entries = fs::read_dir(dir).map_err(|source| io("read", dir, source))?;
    // A process that was killed before it wrote the version left at most its lock and a version half-written.
    let begun = ["lock", "phoenix-node.json.new"];
    let is_foreign =
        entries.any(|entry| entry.is_ok_and(|entry| begun.iter().all(|name| entry.file_name() != *name)));
    if may_be_empty && !is_foreign { Ok(()) } else { Err(NodeError::Foreign { path: dir.to_owned() }) }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
