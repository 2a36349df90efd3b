//! The clock: a program that sets it, and whom it asks.

use phoenix_core::{
    Condition, Diagnostic, Draft, Expect, Probe, StepId,
    draft::{Command, File, Service},
};

use crate::config::{Config, TimeProgram};

/// The first line of a file that is ours.
const HEAD: &str = "# Written by Phoenix (feature host-base). Changes are overwritten.\n";
const CHRONY: &str = "/etc/chrony/chrony.conf";
const BEFORE: &str = "/etc/chrony/chrony.conf.before-phoenix";
const TIMESYNCD: &str = "/etc/systemd/timesyncd.conf.d/phoenix.conf";

/// Has the clock set by the declared servers. `sources` are the steps after which packages can be had.
pub(crate) fn draft(draft: &mut Draft<'_>, config: &Config, sources: Vec<Option<StepId>>) {
    if config.time_servers.is_empty() {
        return;
    }
    let contained = draft.succeeds(["systemd-detect-virt", "--container", "--quiet"]);
    if draft.holds(&contained) {
        let message = "this host is in a container, whose clock is that of the machine: nothing sets it here";
        let hint = "have the machine itself ask `time_servers`";
        return draft.find(Diagnostic::note("clock-of-another", message).with_hint(hint));
    }
    let program = config.time_program.unwrap_or_else(|| {
        let has_own = draft.has_package("systemd-timesyncd") && !draft.has_package("chrony");
        if has_own { TimeProgram::SystemdTimesyncd } else { TimeProgram::Chrony }
    });
    match program {
        TimeProgram::Chrony => chrony(draft, &config.time_servers, sources),
        TimeProgram::SystemdTimesyncd => timesyncd(draft, &config.time_servers, sources),
    }
}

fn chrony(draft: &mut Draft<'_>, servers: &[String], sources: Vec<Option<StepId>>) {
    let packages = draft.packages(["chrony"], sources);
    let found = draft.file(CHRONY).and_then(|found| found.text.clone());
    let kept = found.filter(|found| !found.starts_with(HEAD)).and_then(|_| {
        let there = Condition::new(Probe::file(draft.site(), BEFORE), Expect::Present);
        let keep = Command::new(
            ["cp", "--", CHRONY, BEFORE],
            there,
            format!("`{CHRONY}` is another's, and is kept"),
        );
        draft.run("keep-chrony-conf", keep, [])
    });
    let mut text = HEAD.to_owned();
    for server in servers {
        text.push_str(&format!("server {server} iburst\n"));
    }
    text.push_str(
        "driftfile /var/lib/chrony/chrony.drift\nntsdumpdir /var/lib/chrony\nlogdir /var/log/chrony\n\
         maxupdateskew 100.0\nrtcsync\nmakestep 1 3\n",
    );
    let conf = File::text(CHRONY, text).checked_by(["chronyd", "-p", "-f", "{}"]);
    let conf = draft.write("write-chrony-conf", conf, [packages.clone(), kept]);
    draft.service(&Service::new("chrony.service", [CHRONY]), [packages, conf]);
}

fn timesyncd(draft: &mut Draft<'_>, servers: &[String], sources: Vec<Option<StepId>>) {
    let packages = draft.packages(["systemd-timesyncd"], sources);
    let text = format!("{HEAD}[Time]\nNTP={}\nFallbackNTP=\n", servers.join(" "));
    let conf = draft.write("write-timesyncd-conf", File::text(TIMESYNCD, text), [packages.clone()]);
    draft.service(&Service::new("systemd-timesyncd.service", [TIMESYNCD]), [packages, conf]);
}
