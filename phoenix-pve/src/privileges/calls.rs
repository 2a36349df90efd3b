//! The calls that change or read guests and storages, with the privileges that Proxmox VE documents for each. What
//! depends on parameters (the keys of a configuration, storages, bridges) stands beside, in `keys`.

use phoenix_core::GuestKind;

use super::{Grant, Need};

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Reads a guest's configuration.
    ReadConfig,
    /// Reads a guest's configuration with what waits for a start.
    ReadPending,
    /// Reads whether a guest runs.
    ReadStatus,
    /// Lists snapshots.
    ReadSnapshots,
    /// Lists the volumes of a storage.
    ReadContent,
    /// Downloads an OS template.
    FetchOsTemplate,
    /// Downloads from an address.
    FetchImage,
    /// Makes a guest.
    Create,
    /// Clones a guest.
    Clone,
    /// Changes a guest's configuration.
    Configure,
    /// Grows a disk.
    Resize,
    /// Starts a guest.
    Start,
    /// Shuts a guest down.
    Shutdown,
    /// Stops a guest hard.
    Stop,
    /// Brings a guest to another node.
    Migrate,
    /// Destroys a guest.
    Delete,
    /// Takes a snapshot.
    Snapshot,
    /// Removes a snapshot.
    DeleteSnapshot,
    /// Returns to a snapshot.
    Rollback,
    /// Makes a template.
    Template,
}

/// Privileges on a path, one of them or all.
enum Rule {
    All(&'static str, &'static [&'static str]),
    Any(&'static str, &'static [&'static str]),
    /// One of several grants.
    Either(&'static [(&'static str, &'static [&'static str])]),
}

/// What stands for the `{…}` of paths.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The node.
    pub node: String,
    /// The guest.
    pub vmid: String,
    /// The guest that a clone becomes.
    pub newid: String,
    /// The storage.
    pub storage: String,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 20] = [
        Self::ReadConfig,
        Self::ReadPending,
        Self::ReadStatus,
        Self::ReadSnapshots,
        Self::ReadContent,
        Self::FetchOsTemplate,
        Self::FetchImage,
        Self::Create,
        Self::Clone,
        Self::Configure,
        Self::Resize,
        Self::Start,
        Self::Shutdown,
        Self::Stop,
        Self::Migrate,
        Self::Delete,
        Self::Snapshot,
        Self::DeleteSnapshot,
        Self::Rollback,
        Self::Template,
    ];

    /// Returns the method and the path as Proxmox VE documents it.
    pub fn path(self, kind: GuestKind) -> (&'static str, String) {
        let guest = |rest: &str| format!("/nodes/{{node}}/{}/{{vmid}}{rest}", kind.api_name());
        match self {
            Self::ReadConfig => ("GET", guest("/config")),
            Self::ReadPending => ("GET", guest("/pending")),
            Self::ReadStatus => ("GET", guest("/status/current")),
            Self::ReadSnapshots => ("GET", guest("/snapshot")),
            Self::ReadContent => ("GET", "/nodes/{node}/storage/{storage}/content".to_owned()),
            Self::FetchOsTemplate => ("POST", "/nodes/{node}/aplinfo".to_owned()),
            Self::FetchImage => ("POST", "/nodes/{node}/storage/{storage}/download-url".to_owned()),
            Self::Create => ("POST", format!("/nodes/{{node}}/{}", kind.api_name())),
            Self::Clone => ("POST", guest("/clone")),
            Self::Configure => ("PUT", guest("/config")),
            Self::Resize => ("PUT", guest("/resize")),
            Self::Start => ("POST", guest("/status/start")),
            Self::Shutdown => ("POST", guest("/status/shutdown")),
            Self::Stop => ("POST", guest("/status/stop")),
            Self::Migrate => ("POST", guest("/migrate")),
            Self::Delete => ("DELETE", guest("")),
            Self::Snapshot => ("POST", guest("/snapshot")),
            Self::DeleteSnapshot => ("DELETE", guest("/snapshot/{snapname}")),
            Self::Rollback => ("POST", guest("/snapshot/{snapname}/rollback")),
            Self::Template => ("POST", guest("/template")),
        }
    }

    /// Returns what the call needs, whatever its parameters are.
    pub fn needs(self, subject: &Subject) -> Vec<Need> {
        let fill = |path: &str| {
            path.replace("{vmid}", &subject.vmid)
                .replace("{newid}", &subject.newid)
                .replace("{storage}", &subject.storage)
                .replace("{node}", &subject.node)
        };
        let need = |rule: &Rule| match rule {
            Rule::All(path, privileges) => Need::all(fill(path), privileges),
            Rule::Any(path, privileges) => Need::any(&fill(path), privileges),
            Rule::Either(grants) => {
                Need(grants.iter().map(|(path, privileges)| Grant::new(fill(path), privileges)).collect())
            }
        };
        self.rules().iter().map(need).collect()
    }

    fn rules(self) -> &'static [Rule] {
        match self {
            Self::ReadConfig | Self::ReadPending | Self::ReadStatus | Self::ReadSnapshots => {
                &[Rule::All("/vms/{vmid}", &["VM.Audit"])]
            }
            Self::ReadContent => {
                &[Rule::Any("/storage/{storage}", &["Datastore.Audit", "Datastore.AllocateSpace"])]
            }
            Self::FetchOsTemplate => &[Rule::All("/storage/{storage}", &["Datastore.AllocateTemplate"])],
            Self::FetchImage => &[
                Rule::All("/storage/{storage}", &["Datastore.AllocateTemplate"]),
                Rule::Either(&[
                    ("/nodes/{node}", &["Sys.AccessNetwork"]),
                    ("/", &["Sys.Audit", "Sys.Modify"]),
                ]),
            ],
            Self::Create | Self::Delete | Self::Template => &[Rule::All("/vms/{vmid}", &["VM.Allocate"])],
            Self::Clone => {
                &[Rule::All("/vms/{vmid}", &["VM.Clone"]), Rule::All("/vms/{newid}", &["VM.Allocate"])]
            }
            // One privilege a sort of key: see `keys`.
            Self::Configure => &[],
            Self::Resize => &[Rule::All("/vms/{vmid}", &["VM.Config.Disk"])],
            Self::Start | Self::Shutdown | Self::Stop => &[Rule::All("/vms/{vmid}", &["VM.PowerMgmt"])],
            Self::Migrate => &[Rule::All("/vms/{vmid}", &["VM.Migrate"])],
            Self::Snapshot | Self::DeleteSnapshot => &[Rule::All("/vms/{vmid}", &["VM.Snapshot"])],
            Self::Rollback => &[Rule::Any("/vms/{vmid}", &["VM.Snapshot.Rollback", "VM.Snapshot"])],
        }
    }
}
