//! A server for one view of the names: its files, its unit, and the question whether it answers as they say.

use std::{collections::BTreeSet, fmt::Write as _};

use phoenix_core::{
    Action, Condition, Draft, Evidence, Probe, StepId, UnitGoal,
    draft::{File, Service},
};

use crate::config::{Config, Record};

/// Where all its files are.
pub(crate) const FOLDER: &str = "/etc/phoenix/dns";
/// Asks a server for each name in its file.
const ASK: &str = "/etc/phoenix/dns/phoenix-dns-ask";

/// Has the program there that asks.
pub(crate) fn asker(draft: &mut Draft<'_>, folder: Option<StepId>) -> Option<StepId> {
    draft.write("write-ask", File::text(ASK, include_str!("ask.pl")).with_mode(0o755), [folder])
}

/// A view of the names, and the server that tells it.
pub(crate) struct View<'a> {
    /// What its verbs begin with.
    pub(crate) verbs: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What the unit says of it.
    pub(crate) about: &'static str,
    /// Its configuration.
    pub(crate) conf: &'static str,
    /// Its names, read again without a restart.
    pub(crate) names: &'static str,
    pub(crate) listen: &'a [String],
    pub(crate) records: &'a [Record],
    /// Whom it asks for all else.
    pub(crate) upstream: &'a [String],
}

impl View<'_> {
    /// Says whether the server runs now, and which of its files it has not read since they changed.
    pub(crate) fn state(&self, draft: &Draft<'_>) -> (bool, BTreeSet<String>) {
        let reads = self.reads().into_iter().collect();
        let probe = Probe::Unit { site: draft.site().clone(), name: self.unit.to_owned(), reads };
        match draft.ask(probe) {
            Some(Evidence::Unit { active, stale, .. }) => (*active, stale.clone()),
            _ => (false, BTreeSet::new()),
        }
    }

    /// Has the server run and answer; returns the last step, if there is any. `ready` are the package and the folder,
    /// `asks` the program that asks.
    pub(crate) fn draft(
        &self,
        draft: &mut Draft<'_>,
        config: &Config,
        ready: &[Option<StepId>],
        asks: Option<&StepId>,
    ) -> Option<StepId> {
        let verb = |what: &str| format!("{what}{}", self.verbs);
        let names = File::text(self.names, self.names_text(config));
        let names = draft.write(&verb("write-names"), names, ready.to_vec());
        let conf = File::text(self.conf, self.conf_text(config));
        let conf = conf.checked_by(["dnsmasq", "--test", "-C", "{}"]);
        let conf = draft.write(&verb("write-conf"), conf, ready.to_vec());
        let unit_file = self.unit_file();
        let unit = File::text(&unit_file, self.unit_text());
        let unit = draft.write(&verb("write-unit"), unit, ready.to_vec());

        // It goes on answering while it reads its names again; what it reads but once is worth a restart.
        let (_, stale) = self.state(draft);
        let is_reread = conf.is_none() && unit.is_none() && stale.iter().all(|path| path == self.names);
        let service = Service::new(self.unit, self.reads());
        let service = if is_reread { service.reloading() } else { service };
        let changes = [names, conf, unit].into_iter().chain(ready.iter().cloned());
        let mut last = draft.service(&service, changes);
        for (at, server) in self.listen.iter().enumerate() {
            let verb = if at == 0 { verb("answers") } else { format!("{}-{}", verb("answers"), at + 1) };
            let answers = self.answers(draft, config, server);
            let reason = format!("each name is answered at `{server}` as it is declared");
            last = draft.wait(&verb, answers, 30, reason, [last.clone(), asks.cloned()]).or(last);
        }
        last
    }

    /// Takes the server away, if it was wanted once.
    pub(crate) fn remove(&self, draft: &mut Draft<'_>) {
        let unit_file = self.unit_file();
        if draft.file(&unit_file).is_none() {
            return;
        }
        let action = Action::SetUnit {
            site: draft.site().clone(),
            name: self.unit.to_owned(),
            goal: UnitGoal::Stopped,
            enabled: false,
        };
        let stopped = draft.add(
            &format!("stop-{}", self.unit),
            action,
            format!("`{}` is not wanted any more", self.unit),
            [],
        );
        for (what, path) in [("unit", unit_file.as_str()), ("conf", self.conf), ("names", self.names)] {
            let verb = format!("remove-{what}{}", self.verbs);
            draft.removed(
                &verb,
                path,
                format!("`{}` is not wanted any more", self.unit),
                [Some(stopped.clone())],
            );
        }
    }

    fn unit_file(&self) -> String {
        format!("/etc/systemd/system/{}", self.unit)
    }

    fn reads(&self) -> [String; 3] {
        [self.conf.to_owned(), self.names.to_owned(), self.unit_file()]
    }

    fn answers(&self, draft: &Draft<'_>, config: &Config, server: &str) -> Condition {
        let zone = config.domain.as_deref();
        draft.succeeds([ASK, server, self.names].into_iter().chain(zone))
    }

    fn names_text(&self, config: &Config) -> String {
        let mut text = "# Written by Phoenix (feature dnsmasq).\n".to_owned();
        for record in self.records {
            for address in &record.addresses {
                let _ = writeln!(text, "{address} {}", config.full_name(&record.name));
            }
        }
        text
    }

    fn conf_text(&self, config: &Config) -> String {
        let mut text = "# Written by Phoenix (feature dnsmasq).\nuser=dnsmasq\nbind-dynamic\n".to_owned();
        let mut line = |key: &str, value: &str| {
            let _ = match value {
                "" => writeln!(text, "{key}"),
                value => writeln!(text, "{key}={value}"),
            };
        };
        for address in self.listen {
            line("listen-address", address);
        }
        for key in ["no-resolv", "no-hosts", "domain-needed", "bogus-priv"] {
            line(key, "");
        }
        line("addn-hosts", self.names);
        let domain = config.domain.as_ref().map(|domain| domain.to_ascii_lowercase());
        if let Some(domain) = &domain {
            line("local", &format!("/{domain}/"));
        }
        let is_in_domain = |name: &str| {
            let rest = domain.as_deref().and_then(|domain| name.strip_suffix(domain));
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        for record in self.records {
            let name = config.full_name(&record.name);
            if !is_in_domain(&name) {
                // Else the address that it has not, of the other family, would be asked of others.
                line("local", &format!("/{name}/"));
            }
            if let Some(txt) = &record.txt {
                line("txt-record", &format!("{name},\"{txt}\""));
            }
        }
        for server in self.upstream {
            line("server", server);
        }
        if !self.upstream.is_empty() && config.stops_rebind() {
            line("stop-dns-rebind", "");
        }
        line("cache-size", "1000");
        line("log-facility", "-");
        text
    }

    fn unit_text(&self) -> String {
        format!(
            "[Unit]
Description={about}
After=network.target
Before=nss-lookup.target
Wants=nss-lookup.target

[Service]
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file={conf} --pid-file=
ExecReload=+/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
NoNewPrivileges=true
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETPCAP CAP_SETUID
ProtectSystem=full
ProtectHome=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
",
            about = self.about,
            conf = self.conf,
        )
    }
}
