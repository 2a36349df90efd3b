//! An action: one effect, from a closed list. Each is safe to run twice and safe to abandon half-way; secrets are
//! references that only the backend resolves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    artifact::Artifact,
    condition::{Condition, Expect},
    content::Content,
    firewall::{FirewallChange, FirewallScope},
    guest::CloneMode,
    id::{GuestId, Site, Vmid},
    object::{ObjectChange, ObjectKind},
    secret::SecretRef,
};

pub use crate::goal::UnitGoal;

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Downloads an OS template of the appliance index into a storage, if it is not there.
    FetchOsTemplate {
        /// The storage, one with content `vztmpl`.
        storage: String,
        /// The node to fetch it on; the backend's own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// The file's name, or the template's name without version (`ubuntu-24.04-standard`): then the newest.
        template: String,
    },
    /// Downloads a disk image into a storage, if it is not there.
    FetchImage {
        /// The storage, one with content `import`.
        storage: String,
        /// The node to fetch it on; the backend's own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// Where from.
        url: String,
        /// The name to store it under.
        filename: String,
        /// The SHA-256 that it must have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// Creates a container from an OS template.
    CreateLxc {
        /// Its vmid.
        vmid: Vmid,
        /// The node to create it on; the backend's own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// The storage that has the OS template.
        template_storage: String,
        /// The OS template, as in [`Action::FetchOsTemplate`].
        template: String,
        /// Every other parameter of the create call, in PVE's words.
        params: BTreeMap<String, String>,
    },
    /// Creates a virtual machine. A disk imported from an image is `storage:0,import-from=…` among the parameters.
    CreateVm {
        /// Its vmid.
        vmid: Vmid,
        /// The node to create it on; the backend's own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// The parameters of the create call, in PVE's words.
        params: BTreeMap<String, String>,
    },
    /// Clones a guest.
    Clone {
        /// What from.
        source: GuestId,
        /// The vmid of the clone, which is of the same kind.
        target: Vmid,
        /// Its name.
        name: String,
        /// Its description, with the marker: so it is known as Phoenix's from its first moment on.
        description: String,
        /// A full copy, or linked to the source.
        mode: CloneMode,
        /// The storage of a full clone's disks; the source's if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
        /// The snapshot to clone; the present state if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<String>,
    },
    /// Changes a guest's configuration.
    Configure {
        /// The guest.
        guest: GuestId,
        /// Keys to set, in PVE's words.
        set: BTreeMap<String, String>,
        /// Keys to delete.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        delete: BTreeSet<String>,
        /// The digest of the configuration that the plan saw; none for a guest that did not exist then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// Sets a container's raw `lxc.*` lines to exactly these. PVE has no API for them: its node's file is edited.
    SetRawKeys {
        /// The container.
        guest: GuestId,
        /// Key and value of each line.
        lines: Vec<(String, String)>,
    },
    /// Grows a disk.
    Resize {
        /// The guest.
        guest: GuestId,
        /// The disk's key: `rootfs`, `mp0`, `scsi0`, …
        disk: String,
        /// The new size in GiB; never less than the present one.
        gib: u64,
    },
    /// Starts a guest.
    Start {
        /// The guest.
        guest: GuestId,
    },
    /// Shuts a guest down, and stops it hard if that takes too long.
    Stop {
        /// The guest.
        guest: GuestId,
        /// How long a clean shutdown may take.
        timeout_s: u32,
    },
    /// Brings a guest to another node, with its local disks: a container that runs is restarted there, a virtual
    /// machine goes on running.
    Migrate {
        /// The guest.
        guest: GuestId,
        /// The node that it shall be on.
        target: String,
    },
    /// Destroys a stopped guest with its disks, and takes it out of jobs, HA and ACLs.
    Delete {
        /// The guest.
        guest: GuestId,
    },
    /// Takes a snapshot, if there is none of that name.
    Snapshot {
        /// The guest.
        guest: GuestId,
        /// Its name.
        name: String,
        /// What it is.
        description: String,
    },
    /// Removes a snapshot.
    DeleteSnapshot {
        /// The guest.
        guest: GuestId,
        /// Its name.
        name: String,
    },
    /// Returns a guest to a snapshot.
    Rollback {
        /// The guest.
        guest: GuestId,
        /// The snapshot's name.
        name: String,
    },
    /// Turns a stopped guest into a template.
    MakeTemplate {
        /// The guest.
        guest: GuestId,
    },
    /// Changes something of a firewall.
    Firewall {
        /// Whose.
        scope: FirewallScope,
        /// What.
        #[serde(flatten)]
        change: FirewallChange,
    },
    /// Changes an object that Proxmox VE keeps by its API and that is no guest.
    Object {
        /// Which list it stands in.
        of: ObjectKind,
        /// Its name there; nothing where the change is of the whole list.
        name: String,
        /// What.
        #[serde(flatten)]
        change: ObjectChange,
    },
    /// Writes a file: beside it, then renamed over it.
    WriteFile {
        /// Where.
        site: Site,
        /// The absolute path. Its directory is made if it is missing.
        path: String,
        /// What it shall hold.
        content: Content,
        /// Permission bits.
        mode: u32,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// A command that is asked about the new file before it takes the old one's place: `{}` in its words stands for
        /// the new file's path. Unless it ends with status 0, the old file stays. Not asked if there are no words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        check: Vec<String>,
    },
    /// Installs an artifact, whose checksum is looked at before anything of it is used, and its
    /// [stamp](Artifact::stamp). A directory is replaced only if it is one that such a stamp tells of.
    InstallArtifact {
        /// Where.
        site: Site,
        /// What from.
        artifact: Artifact,
        /// The absolute path of the installed file or directory.
        path: String,
        /// Permission bits of the file or directory; it belongs to root.
        mode: u32,
    },
    /// Makes a directory, and gives it its mode and owner.
    MakeDirectory {
        /// Where.
        site: Site,
        /// The absolute path.
        path: String,
        /// Permission bits.
        mode: u32,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
    },
    /// Makes a symbolic link, replacing a file or link of that name.
    Symlink {
        /// Where.
        site: Site,
        /// The link's absolute path.
        path: String,
        /// What it points to.
        target: String,
    },
    /// Removes a file that Phoenix wrote.
    RemoveFile {
        /// Where.
        site: Site,
        /// The absolute path.
        path: String,
    },
    /// Installs Debian packages, those that are missing, without a question.
    InstallPackages {
        /// Where.
        site: Site,
        /// Their names.
        names: BTreeSet<String>,
    },
    /// Makes a user account, or brings it to this shape; further groups stay.
    EnsureUser {
        /// Where.
        site: Site,
        /// The login name.
        name: String,
        /// The login shell.
        shell: String,
        /// Groups that it must be in.
        groups: BTreeSet<String>,
        /// The crypt hash of its password; locked if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password_hash: Option<SecretRef>,
    },
    /// Brings a systemd unit to a state.
    SetUnit {
        /// Where.
        site: Site,
        /// The unit with its suffix.
        name: String,
        /// What it shall do now.
        goal: UnitGoal,
        /// Whether it shall start at boot.
        enabled: bool,
    },
    /// Runs a command that no other action covers. The proof tells whether it is done.
    Run {
        /// Where.
        site: Site,
        /// Program and arguments; never shell text, never a secret.
        argv: Vec<String>,
        /// What it reads on its standard input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<Content>,
        /// What holds when it is done.
        proof: Condition,
    },
    /// Restarts a host, and waits until it is back.
    Reboot {
        /// The host.
        site: Site,
        /// The boot that ends, by its `boot_id`: where another one runs, it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot: Option<String>,
    },
    /// Waits until something holds.
    Await {
        /// What.
        condition: Condition,
        /// How long at most.
        timeout_s: u32,
    },
}

impl Action {
    /// Returns the site that the action works in, if it is not a call of the cluster's API.
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::WriteFile { site, .. }
            | Self::InstallArtifact { site, .. }
            | Self::MakeDirectory { site, .. }
            | Self::Symlink { site, .. }
            | Self::RemoveFile { site, .. }
            | Self::InstallPackages { site, .. }
            | Self::EnsureUser { site, .. }
            | Self::SetUnit { site, .. }
            | Self::Run { site, .. }
            | Self::Reboot { site, .. } => Some(site),
            Self::Await { condition, .. } => condition.probe.site(),
            Self::FetchOsTemplate { .. }
            | Self::FetchImage { .. }
            | Self::CreateLxc { .. }
            | Self::CreateVm { .. }
            | Self::Clone { .. }
            | Self::Configure { .. }
            | Self::SetRawKeys { .. }
            | Self::Resize { .. }
            | Self::Start { .. }
            | Self::Stop { .. }
            | Self::Migrate { .. }
            | Self::Delete { .. }
            | Self::Snapshot { .. }
            | Self::DeleteSnapshot { .. }
            | Self::Rollback { .. }
            | Self::MakeTemplate { .. }
            | Self::Firewall { .. }
            | Self::Object { .. } => None,
        }
    }

    /// Returns the vmid that the action works on, from outside or from inside.
    pub fn vmid(&self) -> Option<Vmid> {
        match self {
            Self::CreateLxc { vmid, .. } | Self::CreateVm { vmid, .. } => Some(*vmid),
            Self::Clone { target, .. } => Some(*target),
            Self::Configure { guest, .. }
            | Self::SetRawKeys { guest, .. }
            | Self::Resize { guest, .. }
            | Self::Start { guest }
            | Self::Stop { guest, .. }
            | Self::Migrate { guest, .. }
            | Self::Delete { guest }
            | Self::Snapshot { guest, .. }
            | Self::DeleteSnapshot { guest, .. }
            | Self::Rollback { guest, .. }
            | Self::MakeTemplate { guest } => Some(guest.vmid),
            Self::Await { condition, .. } => match &condition.expect {
                Expect::Unlocked { guest } | Expect::Running { guest } => Some(guest.vmid),
                Expect::Present
                | Expect::Absent
                | Expect::Active
                | Expect::Succeeds
                | Expect::Ends { .. }
                | Expect::SaysLine { .. }
                | Expect::Sha256 { .. }
                | Expect::LinksTo { .. } => condition.probe.site()?.guest().map(|guest| guest.vmid),
            },
            // A guest's firewall is a file of its own.
            Self::FetchOsTemplate { .. }
            | Self::FetchImage { .. }
            | Self::Firewall { .. }
            | Self::Object { .. } => None,
            Self::WriteFile { .. }
            | Self::InstallArtifact { .. }
            | Self::MakeDirectory { .. }
            | Self::Symlink { .. }
            | Self::RemoveFile { .. }
            | Self::InstallPackages { .. }
            | Self::EnsureUser { .. }
            | Self::SetUnit { .. }
            | Self::Run { .. }
            | Self::Reboot { .. } => self.site()?.guest().map(|guest| guest.vmid),
        }
    }
}
