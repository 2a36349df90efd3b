//! What asks servers of the site itself: one of names for those in a file, those of NFS and Samba whether they answer. The
//! server's unit runs, and is told of that address by its configuration.

use crate::sim::programs::{Ran, Run};

/// Arguments: the server's address, the file of names.
pub(super) fn ask(run: Run<'_>) -> Ran {
    let [server, file, ..] = run.args else { return Ran::failed(2, "which server and which file?") };
    let mine = format!("listen-address={server}");
    let is_conf =
        |path: &str, line: &str| run.world.text(path).is_some_and(|text| text.lines().any(|one| one == line));
    let paths: Vec<String> = run.world.files().into_keys().map(str::to_owned).collect();
    let conf = paths.iter().find(|path| is_conf(path, &mine) && is_conf(path, &format!("addn-hosts={file}")));
    let unit = conf.and_then(|conf| {
        let folder = "/etc/systemd/system/";
        let names =
            paths.iter().filter_map(|path| path.strip_prefix(folder).filter(|name| !name.contains('/')));
        names
            .into_iter()
            .find(|name| run.world.text(&format!("{folder}{name}")).is_some_and(|text| text.contains(conf)))
    });
    match unit {
        Some(unit) if run.world.unit(unit).is_some_and(|unit| unit.active) => {
            match run.world.is_stale(unit, file) {
                true => Ran::failed(1, format!("names in `{file}` are not answered")),
                false => Ran::default(),
            }
        }
        Some(_) | None => Ran::failed(1, format!("`{server}` does not answer")),
    }
}

/// Arguments: the server's address.
pub(super) fn ask_nfs(run: Run<'_>) -> Ran {
    let [server] = run.args else { return Ran::failed(2, "which server?") };
    let serves = |unit: &str, conf: &str| {
        let is_told = run.world.text(conf).is_some_and(|text| text.contains(server.as_str()));
        is_told && run.world.unit(unit).is_some_and(|unit| unit.active) && !run.world.is_stale(unit, conf)
    };
    match serves("nfs-server.service", "/etc/nfs.conf.d/phoenix.conf")
        || serves("phoenix-nfs.service", "/etc/phoenix/nfs/ganesha.conf")
    {
        true => Ran::default(),
        false => Ran::failed(111, format!("`{server}` cannot be reached: Connection refused")),
    }
}

/// Arguments: the server's address.
pub(super) fn ask_samba(run: Run<'_>) -> Ran {
    let (unit, conf) = ("smbd.service", "/etc/samba/smb.conf");
    let has_it = run.world.text(conf).is_some_and(|text| text.contains("[global]"));
    match has_it && run.world.unit(unit).is_some_and(|unit| unit.active) && !run.world.is_stale(unit, conf) {
        true => Ran::default(),
        false => Ran::failed(111, "the server cannot be reached: Connection refused"),
    }
}
