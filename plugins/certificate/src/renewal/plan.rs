//! The feature itself: a service that renews what is due and nothing else, and its timer.

use phoenix_core::{
    Descriptor, Draft, Feature, Recipe,
    draft::{File, Service},
    feature::SiteKind,
};
use schemars::schema_for;

use super::config::Config;

const NAME: &str = "cert-renewal";
const SERVICE_FILE: &str = "/etc/systemd/system/phoenix-cert-renew.service";
const TIMER: &str = "phoenix-cert-renew.timer";
const TIMER_FILE: &str = "/etc/systemd/system/phoenix-cert-renew.timer";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has the host renew certificates before they end";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca", "certificate"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let service = draft.write("write-service", File::text(SERVICE_FILE, service(config)), []);
    let timer = draft.write("write-timer", File::text(TIMER_FILE, timer(config)), []);
    draft.service(&Service::new(TIMER, [TIMER_FILE, SERVICE_FILE]), [service, timer]);
}

fn service(config: &Config) -> String {
    let Config { program, config_dir, .. } = config;
    format!(
        "[Unit]
Description=Renews the certificates that Phoenix looks after
After=network-online.target pve-guests.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart={program} --config-dir {config_dir} --host local cert renew
"
    )
}

fn timer(config: &Config) -> String {
    let Config { interval_h, spread_min, .. } = config;
    format!(
        "[Unit]
Description=Has certificates renewed every {interval_h} hours

[Timer]
OnActiveSec=10min
OnUnitInactiveSec={interval_h}h
RandomizedDelaySec={spread_min}min

[Install]
WantedBy=timers.target
"
    )
}
