//! The server: its package, its settings, who may reach it, and that it answers.

use std::fmt::Write as _;

use phoenix_plugin::core::{
    Condition, Content, Expect, Probe, StepId,
    draft::{Draft, File, Service},
};

use crate::config::Config;

/// How long it may take to answer after a start.
const PATIENCE_S: u32 = 60;

/// Goes through the server, and returns the step behind which it answers, if there is one.
pub(crate) fn draft(draft: &mut Draft<'_>, config: &Config) -> Option<StepId> {
    let package = format!("postgresql-{}", config.major);
    let installed = draft.packages([package.as_str()], []);
    let directory = format!("/etc/postgresql/{}/main", config.major);
    let (settings, rules) = (format!("{directory}/conf.d/phoenix.conf"), format!("{directory}/pg_hba.conf"));
    let written = draft.write(
        "write-settings",
        File::text(&settings, self::settings(config)).owned_by("postgres"),
        [installed.clone()],
    );
    // A block: the package's own rules stay, and stand before it.
    let block = Content::Block { owner: "postgresql".to_owned(), lines: self::rules(config) };
    let file = File::text(&rules, "").holding(block).with_mode(0o640).owned_by("postgres");
    let allowed = draft.write("write-rules", file, [installed.clone()]);
    // The cluster's own unit: `postgresql.service`, which stands for all of them, runs on when one has ended.
    let unit = format!("postgresql@{}-main.service", config.major);
    let service = Service::new(&unit, [settings, rules]);
    let started = draft.service(&service, [installed, written, allowed]);
    draft.wait(
        "await-server",
        answers(draft, config),
        PATIENCE_S,
        "the server does not answer yet",
        [started],
    )
}

/// Tells whether there is a server that does not answer.
pub(crate) fn is_down(draft: &Draft<'_>, config: &Config) -> bool {
    draft.has_package(&format!("postgresql-{}", config.major)) && !draft.holds(&answers(draft, config))
}

fn answers(draft: &Draft<'_>, config: &Config) -> Condition {
    let port = config.port.to_string();
    Condition::new(Probe::command(draft.site(), ["pg_isready", "-q", "-p", &port]), Expect::Succeeds)
}

fn settings(config: &Config) -> String {
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let mut text = String::from("# Written by Phoenix.\n");
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name} = '{}'", value.replace('\\', "\\\\").replace('\'', "''"));
    };
    set("listen_addresses", &listen.join(","));
    set("port", &config.port.to_string());
    for (name, value) in &config.settings {
        set(&name.to_string(), &value.to_string());
    }
    text
}

fn rules(config: &Config) -> Vec<String> {
    let rule = |rule: &crate::config::Rule| {
        format!("host \"{}\" \"{}\" {} scram-sha-256", rule.database, rule.role, rule.from)
    };
    config.allow.iter().map(rule).collect()
}
