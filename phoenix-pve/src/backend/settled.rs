//! Whether what an action brings about is so already: asked after a failure, because a reply can get lost, a task of a
//! former run can come first, and Proxmox VE can call a start failed while the guest runs.

use phoenix_core::{
    Action, GuestId, GuestKind,
    property::{PropertyString, parse_size},
};

use super::PveBackend;

impl PveBackend {
    /// Tells whether what an action brings about is so already, for those that can be told from outside. What cannot
    /// be read counts as not so.
    pub(super) async fn is_so(&self, action: &Action) -> bool {
        match action {
            Action::Start { guest } => self.is_running(*guest).await.is_ok_and(|runs| runs == Some(true)),
            Action::Stop { guest, .. } => self.is_running(*guest).await.is_ok_and(|runs| runs == Some(false)),
            Action::Delete { guest } => {
                self.get_of(*guest, "/config").await.is_ok_and(|config| config.is_none())
            }
            Action::MakeTemplate { guest } => self.is_template(*guest).await.unwrap_or(false),
            Action::Snapshot { guest, name, .. } => {
                self.is_unlocked(*guest).await && self.has_snapshot(*guest, name).await.unwrap_or(false)
            }
            Action::DeleteSnapshot { guest, name } => {
                self.has_snapshot(*guest, name).await.is_ok_and(|has| !has)
            }
            Action::Migrate { guest, target } => self.is_on(*guest, target).await.unwrap_or(false),
            Action::Configure { guest, set, delete, .. } => self.is_configured(*guest, set, delete).await,
            Action::Resize { guest, disk, gib } => self.has_size(*guest, disk, *gib).await,
            Action::CreateLxc { vmid, .. } => {
                self.is_made(GuestId { kind: GuestKind::Lxc, vmid: *vmid }).await
            }
            Action::CreateVm { vmid, .. } => self.is_made(GuestId { kind: GuestKind::Vm, vmid: *vmid }).await,
            Action::Clone { source, target, .. } => {
                self.is_made(GuestId { kind: source.kind, vmid: *target }).await
            }
            // Whether a guest stands at a snapshot cannot be told from outside, nor whose lines stand in its file.
            Action::Rollback { .. } | Action::SetRawKeys { .. } => false,
            // They look by themselves before they begin, so that trying again is finding out.
            Action::FetchOsTemplate { .. }
            | Action::FetchImage { .. }
            | Action::Firewall { .. }
            | Action::Object { .. } => false,
            // What is done inside is proven inside.
            Action::WriteFile { .. }
            | Action::InstallArtifact { .. }
            | Action::MakeDirectory { .. }
            | Action::Symlink { .. }
            | Action::RemoveFile { .. }
            | Action::InstallPackages { .. }
            | Action::EnsureUser { .. }
            | Action::SetUnit { .. }
            | Action::Run { .. }
            | Action::Reboot { .. }
            | Action::Await { .. } => false,
        }
    }

    async fn is_unlocked(&self, guest: GuestId) -> bool {
        let config = self.config_of(guest).await;
        config.is_ok_and(|config| config.is_some_and(|config| !config.values.contains_key("lock")))
    }

    async fn has_size(&self, guest: GuestId, disk: &str, gib: u64) -> bool {
        let Ok(Some(config)) = self.config_of(guest).await else { return false };
        let volume = config.values.get(disk).map(|volume| PropertyString::parse(volume, "volume"));
        volume.and_then(|volume| parse_size(volume.get("size")?)).is_some_and(|size| size >= gib << 30)
    }
}
