//! Containers by the tools of LXC: made on disks, started, stopped, removed. Nothing here remembers what runs: that is
//! asked of the machine each time.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use tokio::sync::Mutex;

use crate::{
    ContainerSpec, DiskKind, Disks, Images, MountSource, NewDisk, Outside, OutsideSpec, Owners, Sandbox,
    SandboxError, SandboxSpec,
    config::{Machine, cpus, render},
    disks::Stack,
    exports, limits,
    machines::shut_down_all,
    pool::Pool,
    remains, services,
    trees::{make, remove, text},
};

const START: &str = concat!(include_str!("scripts/share.sh"), include_str!("scripts/start.sh"));
const READY: &str = include_str!("scripts/ready.sh");
const STOP: &str = concat!(include_str!("scripts/share.sh"), include_str!("scripts/stop.sh"));
const PCT: &str = include_str!("scripts/pct.sh");
const EQUIP: &str = include_str!("scripts/equip.sh");
/// Where the node's `pct` lies in the sandbox.
const PCT_PATH: &str = "/usr/local/sbin/pct";
/// How long LXC may take for what is quick.
const QUICK: Duration = Duration::from_secs(60);
/// How long a container may take until its services are up; the script in it gives up before.
const READINESS: Duration = Duration::from_secs(120);

/// The containers of a sandbox.
#[derive(Clone, Debug)]
pub struct Containers {
    spec: SandboxSpec,
    images: Images,
    disks: Disks,
    mirror: Option<PathBuf>,
    places: Vec<String>,
    /// The process that holds the sandbox which has what it needs.
    equipped: Arc<Mutex<Option<i32>>>,
    /// The process that holds the sandbox whose services were seen up.
    pub(crate) served: Arc<Mutex<Option<i32>>>,
}

impl Containers {
    /// Returns the containers of the sandbox in a directory, or all that this machine lacks for them. `cache` is where
    /// images are kept that others may use too.
    pub fn new(spec: SandboxSpec, cache: PathBuf) -> Result<Self, Vec<SandboxError>> {
        let lacking = crate::lacking();
        if !lacking.is_empty() {
            return Err(lacking);
        }
        let images = Images::new(cache, spec.dir.join("images"));
        Ok(Self {
            images,
            disks: Disks::new(&spec.dir),
            mirror: None,
            places: Vec::new(),
            spec,
            equipped: Arc::default(),
            served: Arc::default(),
        })
    }

    /// Returns them with a mirror of packages that all containers see at `/srv/mirror`. Of a directory in it that is
    /// named for a system and its release, such as `ubuntu-24.04`, and holds a flat repository, the containers with that
    /// system install, whatever else they reach.
    #[must_use]
    pub fn with_mirror(self, mirror: PathBuf) -> Self {
        Self { mirror: Some(mirror), ..self }
    }

    /// Returns them on a host that has file systems of its own at these paths, as pools have. Where this machine has
    /// something there, that is shown instead.
    #[must_use]
    pub fn with_places(self, places: Vec<String>) -> Self {
        Self { places, ..self }
    }

    /// Returns the directory of the sandbox.
    pub(crate) fn dir(&self) -> &Path {
        &self.spec.dir
    }

    /// Returns the addresses of the host with their networks, by the bridges that they are on.
    pub fn host_addresses(&self) -> Vec<IpNet> {
        let all = self.spec.bridges.iter().flat_map(|bridge| &bridge.addresses);
        all.filter_map(|text| text.parse().ok()).collect()
    }

    /// Returns the sandbox if it runs, without beginning it.
    pub fn found(&self) -> Result<Option<Sandbox>, SandboxError> {
        Sandbox::find(&self.spec.dir)
    }

    /// Returns the disks, some of which are there only while the sandbox runs: it is begun.
    pub async fn disks(&self) -> Result<Disks, SandboxError> {
        let sandbox = self.sandbox().await?;
        Ok(self.disks.with(Pool::of(&sandbox)))
    }

    /// Says why the sandbox does not hold disks to their sizes, if it does not.
    pub fn no_limits(&self) -> Option<String> {
        crate::holder::hindrance(&self.spec.dir)
    }

    /// Returns the images.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Returns the sandbox, which is begun if it does not run, with the node's `pct` in it.
    pub async fn sandbox(&self) -> Result<Sandbox, SandboxError> {
        // Held meanwhile: of many containers that start at once, the first begins it for all.
        let mut equipped = self.equipped.lock().await;
        let found = Sandbox::find(&self.spec.dir)?;
        let sandbox = match found {
            Some(sandbox) => sandbox,
            None => Sandbox::ensure(self.spec.clone()).await?,
        };
        let pid = sandbox.status().pid;
        if *equipped != Some(pid) {
            let dir = self.spec.dir.display().to_string();
            let mirror = self.mirror.as_deref().map(text).transpose()?.unwrap_or_default();
            let mut words = vec!["/bin/sh", "-c", EQUIP, "sh", &dir, PCT_PATH, &mirror];
            words.extend(self.places.iter().map(String::as_str));
            sandbox.run(&words, PCT.as_bytes(), QUICK).await?;
            services::come_back(&sandbox).await;
            *equipped = Some(pid);
        }
        Ok(sandbox)
    }

    /// Makes the client outside of the bridges, or brings it in line; see [`Sandbox::outside`].
    pub async fn outside(&self, spec: &OutsideSpec) -> Result<Outside, SandboxError> {
        self.sandbox().await?.outside(spec, &self.spec.bridges).await
    }

    /// Returns which containers run now; none if the sandbox does not.
    pub fn running(&self) -> Result<BTreeSet<u32>, SandboxError> {
        let Some(sandbox) = Sandbox::find(&self.spec.dir)? else { return Ok(BTreeSet::new()) };
        // A container's monitor listens at an address that bears its number.
        let path = PathBuf::from(format!("/proc/{}/net/unix", sandbox.status().pid));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // It ended while it was looked at.
            Err(_) => return Ok(BTreeSet::new()),
        };
        let numbers = text.lines().filter_map(|line| {
            let address = line.split_whitespace().nth(7)?;
            address.strip_prefix("@/c/")?.strip_suffix("/command")?.parse().ok()
        });
        Ok(numbers.collect())
    }

    /// Makes a root file system from an image, such as `debian-12-standard`.
    pub async fn create_root(&self, id: &str, image: &str, new: &NewDisk) -> Result<(), SandboxError> {
        let tree = self.images.unpack(image, new.owners).await?;
        self.disks().await?.create_root(id, &tree, new).await
    }

    /// Starts a container and waits until its services are up. One that runs is waited for.
    pub async fn start(&self, spec: &ContainerSpec) -> Result<(), SandboxError> {
        let sandbox = self.sandbox().await?;
        let vmid = spec.vmid.to_string();
        if self.running()?.contains(&spec.vmid) {
            // Another command may be starting it, or may have died while it did.
            let words = ["lxc-wait", "-P", "/c", "-n", &vmid, "-s", "RUNNING|STOPPED", "-t", "30"];
            sandbox.run(&words, b"", QUICK).await?;
        }
        if !self.running()?.contains(&spec.vmid) {
            self.launch(&sandbox, spec, &vmid).await?;
        }
        self.settle(&sandbox, spec, &vmid).await
    }

    async fn launch(&self, sandbox: &Sandbox, spec: &ContainerSpec, vmid: &str) -> Result<(), SandboxError> {
        let disks = self.disks.with(Pool::of(sandbox));
        let mut spec = spec.clone();
        spec.mounts.extend(exports::exported_to(sandbox, &spec)?);
        let spec = &spec;
        let mut sources = Vec::new();
        let mut paths = Vec::new();
        for mount in &spec.mounts {
            match &mount.source {
                MountSource::Volume { id, size } => {
                    let owners = if spec.unprivileged { Owners::Shifted } else { Owners::Plain };
                    let new = NewDisk { kind: DiskKind::Layers, owners, size: *size };
                    disks.create_volume(id, &new).await?;
                    sources.push(disks.source(id)?);
                }
                MountSource::Export(path) => sources.push(path.into()),
                MountSource::Path(path) => {
                    sources.push(path.into());
                    paths.push(path.as_str());
                }
            }
        }
        let file =
            render(spec, &Machine { cpus: cpus(), sources, counts_swap: limits::counts_swap(sandbox) });
        let place = self.spec.dir.join("lxc").join(vmid);
        make(&place)?;
        let path = place.join("config");
        fs::write(&path, file).map_err(SandboxError::file("write", &path))?;
        let options = self.options(&disks.stack(&spec.root).await?)?;
        let dir = self.spec.dir.display().to_string();
        let groups = remains::groups(sandbox);
        let mirror = self.mirror.as_deref().map(text).transpose()?.unwrap_or_default();
        let mut words = vec!["/bin/sh", "-c", START, "sh", vmid, &groups, dir.as_str(), &options, &mirror];
        words.extend(paths);
        let started = sandbox.run(&words, b"", QUICK).await;
        started.map(drop).map_err(|error| named(error, &format!("startup for container '{vmid}' failed")))
    }

    /// Returns the options of the mount, or the directory that is all of it. They name paths below the sandbox's
    /// directory: the kernel takes no more than a page of them.
    fn options(&self, stack: &Stack) -> Result<String, SandboxError> {
        if stack.lowers.is_empty() {
            return text(&stack.upper);
        }
        let below = |path: &Path| {
            let short = path.strip_prefix(&self.spec.dir).unwrap_or(path);
            short.to_string_lossy().into_owned()
        };
        let lowers: Vec<String> = stack.lowers.iter().map(|path| below(path)).collect();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lowers.join(":"),
            below(&stack.upper),
            below(&stack.work)
        );
        match options.len() < 4000 {
            true => Ok(options),
            false => Err(SandboxError::Wrong(format!(
                "a root file system stands on {} layers, more than the kernel takes: clone its template in full",
                lowers.len()
            ))),
        }
    }

    async fn settle(&self, sandbox: &Sandbox, spec: &ContainerSpec, vmid: &str) -> Result<(), SandboxError> {
        let mut resolv: Vec<String> =
            spec.search_domain.iter().map(|domain| format!("search {domain}")).collect();
        resolv.extend(spec.nameservers.iter().map(|server| format!("nameserver {server}")));
        let address =
            spec.nets.iter().flat_map(|net| &net.addresses).find_map(|address| address.split('/').next());
        let short = spec.hostname.split('.').next().unwrap_or_default();
        let domain = spec.search_domain.as_deref().filter(|_| !spec.hostname.contains('.'));
        let whole =
            domain.map_or_else(|| spec.hostname.clone(), |domain| format!("{}.{domain}", spec.hostname));
        let names = if whole == short { whole } else { format!("{whole} {short}") };
        let hosts = format!("{} {names}", address.unwrap_or("127.0.1.1"));
        let zone = spec.timezone.as_deref().unwrap_or_default();
        let resolv = resolv.join("\n");
        let words = [
            PCT_PATH,
            "exec",
            vmid,
            "--",
            "/bin/sh",
            "-c",
            READY,
            "sh",
            &spec.hostname,
            &resolv,
            &hosts,
            zone,
        ];
        let settled = sandbox.run(&words, b"", READINESS).await;
        settled.map(drop).map_err(|error| named(error, &format!("container {vmid} runs, but is not ready")))
    }

    /// Stops a container: within so many seconds if it does so by itself, or at once.
    pub async fn stop(&self, vmid: u32, patience: Option<u64>) -> Result<(), SandboxError> {
        let Some(sandbox) = Sandbox::find(&self.spec.dir)? else { return Ok(()) };
        if !self.running()?.contains(&vmid) && !remains::are_there(&sandbox, vmid) {
            return Ok(());
        }
        let seconds = patience.map(|patience| patience.to_string()).unwrap_or_default();
        let dir = self.spec.dir.display().to_string();
        let groups = remains::groups(&sandbox);
        let words = ["/bin/sh", "-c", STOP, "sh", &vmid.to_string(), &groups, &dir, &seconds];
        let limit = QUICK + Duration::from_secs(patience.unwrap_or_default());
        let stopped = sandbox.run(&words, b"", limit).await;
        stopped.map(drop).map_err(|error| named(error, &format!("container {vmid} did not stop")))
    }

    /// Says whether a container runs on its disks. What is left of one whose monitor was killed is ended first, so that
    /// nobody writes to them where this says no.
    pub async fn in_use(&self, vmid: u32) -> Result<bool, SandboxError> {
        if self.running()?.contains(&vmid) {
            return Ok(true);
        }
        self.stop(vmid, None).await?;
        Ok(false)
    }

    /// Brings the limits of a container that runs in line; one that does not run gets them when it starts.
    pub fn limit(&self, spec: &ContainerSpec) -> Result<(), SandboxError> {
        match Sandbox::find(&self.spec.dir)? {
            Some(sandbox) => limits::apply(spec, &remains::of(&sandbox, spec.vmid)),
            None => Ok(()),
        }
    }

    /// Removes a container with these disks; ends it if it runs.
    pub async fn destroy(&self, vmid: u32, disks: &[String]) -> Result<(), SandboxError> {
        self.stop(vmid, None).await?;
        remove(&self.spec.dir.join("lxc").join(vmid.to_string())).await?;
        self.remove(disks).await
    }

    /// Removes disks that nobody uses.
    pub async fn remove(&self, disks: &[String]) -> Result<(), SandboxError> {
        let mut is_plain = true;
        for id in disks {
            is_plain &= !self.disks.read(id)?.is_some_and(|disk| disk.is_held());
        }
        // A sandbox is begun for those only that are not there without one.
        let all = if is_plain { self.disks.clone() } else { self.disks().await? };
        all.remove(disks).await
    }

    /// Ends all containers and the sandbox, and removes everything that they had.
    pub async fn reset(dir: &Path) -> Result<(), SandboxError> {
        if let Some(sandbox) = Sandbox::find(dir)? {
            sandbox.stop().await?;
        }
        remove(dir).await
    }

    /// Ends all containers and the sandbox.
    pub async fn halt(dir: &Path) -> Result<bool, SandboxError> {
        let Some(sandbox) = Sandbox::find(dir)? else { return Ok(false) };
        let all = "for dir in /c/*/; do lxc-stop -P /c -n \"$(basename \"$dir\")\" --timeout 20 & done; wait";
        if let Err(error) = sandbox.run(&["/bin/sh", "-c", all], b"", QUICK).await {
            tracing::debug!(%error, "not all containers stopped by themselves");
        }
        shut_down_all(dir).await?;
        services::end(&sandbox).await;
        sandbox.stop().await?;
        Ok(true)
    }
}

/// Returns an error of a script under the name of what it was to do: nobody wants to read the script.
pub(crate) fn named(error: SandboxError, what: &str) -> SandboxError {
    match error {
        SandboxError::Command { said, .. } => {
            let said =
                said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
            SandboxError::Wrong(if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") })
        }
        SandboxError::Late { seconds, .. } => SandboxError::Wrong(format!("{what} within {seconds} s")),
        SandboxError::Missing { .. }
        | SandboxError::NotRoot
        | SandboxError::File { .. }
        | SandboxError::Build { .. }
        | SandboxError::Wrong(_) => error,
    }
}
