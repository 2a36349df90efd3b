//! The feature itself: whoever can serve does, and answers.

use phoenix_core::{Descriptor, Draft, Feature, Recipe, draft::File, feature::SiteKind};
use schemars::schema_for;

use crate::{
    config::{Config, Server},
    ganesha, kernel,
};

const NAME: &str = "nfs-server";
/// Asks a server whether it speaks version 4.
const ASK: &str = "/etc/phoenix/phoenix-nfs-ask";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "exports directories of the host to the guests that are named";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["volume-directories"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    for (at, export) in config.exports.iter().enumerate() {
        // What has no handles for its files is exported by nobody, and the servers say so in their logs alone.
        let path = export.path.as_str();
        if draft.output(["stat", "-f", "-c", "%T", path]).is_some_and(|kind| kind.trim() == "overlayfs") {
            let hint = "put it on a file system of a disk; on the embedded node that is `/srv` or `/mnt`";
            let problem = format!("`{path}` is on an overlay, which cannot be exported");
            draft.refuse(&format!("/exports/{at}/path"), problem, hint);
        }
    }
    let server = config.server.unwrap_or_else(|| {
        let has_nfsd = draft.succeeds(["modprobe", "--dry-run", "--quiet", "nfsd"]);
        if draft.holds(&has_nfsd) { Server::Kernel } else { Server::Ganesha }
    });
    let up = match server {
        Server::Kernel => kernel::serve(draft, config),
        Server::Ganesha => ganesha::serve(draft, config),
    };
    let asks = draft.write("write-ask", File::text(ASK, include_str!("ask.pl")).with_mode(0o755), []);
    let answers = draft.succeeds([ASK, &config.address.to_string()]);
    draft.wait("answers", answers, 60, format!("NFS is answered at `{}`", config.address), [up, asks]);
}
