//! A program that serves where the kernel cannot: its own unit and file, version 4 alone, and nobody but who is named.

use phoenix_core::{
    Action, Draft, Evidence, Probe, StepId, UnitGoal,
    draft::{File, Service},
};

use crate::config::{Client, Config, Export};

const FOLDER: &str = "/etc/phoenix/nfs";
const CONF: &str = "/etc/phoenix/nfs/ganesha.conf";
const UNIT: &str = "phoenix-nfs.service";
const UNIT_FILE: &str = "/etc/systemd/system/phoenix-nfs.service";
/// The package's own, which would serve what the package has as an example.
const FOREIGN: &str = "nfs-ganesha.service";

const UNIT_TEXT: &str = "[Unit]
Description=Directories for guests, by NFS
After=network.target

[Service]
RuntimeDirectory=phoenix-nfs
ExecStartPre=/bin/mkdir -p /var/lib/nfs/ganesha
ExecStart=/usr/bin/ganesha.nfsd -F -L STDERR -f /etc/phoenix/nfs/ganesha.conf -p /run/phoenix-nfs/pid
Restart=on-failure
RestartSec=1
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
";

/// Has it serve; returns the last step, if there is any.
pub(crate) fn serve(draft: &mut Draft<'_>, config: &Config) -> Option<StepId> {
    let packages = draft.packages(["nfs-ganesha", "nfs-ganesha-vfs"], []);
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let conf = draft.write("write-conf", File::text(CONF, conf(config)), [folder]);
    let unit = draft.write("write-unit", File::text(UNIT_FILE, UNIT_TEXT), []);
    let foreign = Probe::Unit { site: draft.site().clone(), name: FOREIGN.to_owned(), reads: [].into() };
    let is_on = matches!(
        draft.ask(foreign),
        Some(Evidence::Unit { active: true, .. } | Evidence::Unit { enabled: true, .. })
    );
    let stopped = (is_on || packages.is_some()).then(|| {
        let (site, name) = (draft.site().clone(), FOREIGN.to_owned());
        let action = Action::SetUnit { site, name, goal: UnitGoal::Stopped, enabled: false };
        draft.add("stop-the-packages-own", action, format!("`{FOREIGN}` is in the way"), [packages.clone()])
    });
    draft.service(&Service::new(UNIT, [CONF, UNIT_FILE]), [conf, unit, packages, stopped])
}

fn conf(config: &Config) -> String {
    let mut text = format!(
        "# Written by Phoenix (feature nfs-server).
NFS_CORE_PARAM {{
    Protocols = 4;
    Bind_addr = {};
    Enable_NLM = false;
    Enable_RQUOTA = false;
}}
NFSV4 {{
    Graceless = true;
    RecoveryBackend = fs;
    Only_Numeric_Owners = true;
}}
",
        config.address
    );
    for (at, export) in config.exports.iter().enumerate() {
        text.push_str(&block(at + 1, export));
    }
    text
}

fn block(id: usize, export: &Export) -> String {
    let clients: String = export.clients.iter().map(client).collect();
    format!(
        "EXPORT {{
    Export_Id = {id};
    Path = {path};
    Pseudo = {path};
    Access_Type = None;
    Squash = Root_Squash;
    SecType = sys;
{clients}    FSAL {{ Name = VFS; }}
}}
",
        path = export.path
    )
}

fn client(client: &Client) -> String {
    let access = if client.read_only { "RO" } else { "RW" };
    let squash = if client.no_root_squash { "No_Root_Squash" } else { "Root_Squash" };
    format!("    CLIENT {{ Clients = {}; Access_Type = {access}; Squash = {squash}; }}\n", client.address)
}
