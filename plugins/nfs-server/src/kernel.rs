//! The kernel's server: a table of exports of its own beside those of others, and version 4 alone.

use phoenix_core::{
    Draft, StepId,
    draft::{Command, File, Service},
};

use crate::config::{Config, Export};

const EXPORTS: &str = "/etc/exports.d/phoenix.exports";
const CONF: &str = "/etc/nfs.conf.d/phoenix.conf";
/// What the kernel was told last.
const TABLE: &str = "/var/lib/nfs/etab";
const UNIT: &str = "nfs-server.service";

/// Has it serve; returns the last step, if there is any.
pub(crate) fn serve(draft: &mut Draft<'_>, config: &Config) -> Option<StepId> {
    let packages = draft.packages(["nfs-kernel-server"], []);
    let text = format!(
        "# Written by Phoenix (feature nfs-server).\n[nfsd]\nhost={}\nvers3=n\nvers4=y\n",
        config.address
    );
    let conf = draft.write("write-conf", File::text(CONF, text), [packages.clone()]);
    let exports = File::text(EXPORTS, exports(&config.exports));
    let written = draft.write("write-exports", exports, [packages.clone()]);
    let up = draft.service(&Service::new(UNIT, [CONF]), [conf, packages]);
    if config.exports.is_empty() {
        let all = draft.succeeds(["exportfs", "-s"]);
        let tell = Command::new(["exportfs", "-ra"], all, "the kernel does not tell what it exports").again();
        return draft.run("export", tell, [written, up.clone()]).or(up);
    }
    // Each client of each directory has a line in the table, which begins so.
    let mut argv = vec!["grep".to_owned(), "-c".to_owned()];
    let mut count = 0;
    for export in &config.exports {
        for client in &export.clients {
            let access = if client.read_only { "ro" } else { "rw" };
            let (path, address) = (escaped(&export.path), escaped(&client.address.to_string()));
            argv.extend(["-e".to_owned(), format!("^{path}[[:space:]]{address}({access},")]);
            count += 1;
        }
    }
    argv.push(TABLE.to_owned());
    let probe = phoenix_core::Probe::command(draft.site(), argv);
    let line = phoenix_core::Expect::SaysLine { line: count.to_string() };
    let proof = phoenix_core::Condition::new(probe, line);
    let tell = Command::new(["exportfs", "-ra"], proof, "the kernel exports something else").again();
    draft.run("export", tell, [written, up.clone()]).or(up)
}

fn exports(exports: &[Export]) -> String {
    let mut text = "# Written by Phoenix (feature nfs-server).\n".to_owned();
    for export in exports {
        text.push_str(&export.path);
        for client in &export.clients {
            let access = if client.read_only { "ro" } else { "rw" };
            let squash = if client.no_root_squash { "no_root_squash" } else { "root_squash" };
            text.push_str(&format!(" {}({access},sync,no_subtree_check,{squash},sec=sys)", client.address));
        }
        text.push('\n');
    }
    text
}

/// Returns a text as a pattern that only it fits.
fn escaped(text: &str) -> String {
    text.replace('.', "\\.").replace('+', "[+]")
}
