//! The feature itself: one file that holds the whole configuration, which nginx finds good before it takes the old one's
//! place.

use phoenix_core::{
    Descriptor, Draft, Feature, Recipe,
    draft::{File, Service},
};
use schemars::schema_for;
use serde_json::{Value, json};

use crate::config::{Config, Site};

const NAME: &str = "nginx";
const CONF: &str = "/etc/nginx/nginx.conf";
const UNIT: &str = "nginx.service";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "passes requests on to services, with TLS, redirects and WebSockets";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "step-cli", "trusted-ca", "certificate"]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let streams = (!config.streams.is_empty()).then_some("libnginx-mod-stream");
    let packages = draft.packages(["curl", "nginx"].into_iter().chain(streams), []);
    let webroot = config
        .acme_webroot
        .as_ref()
        .and_then(|path| draft.directory("make-acme-webroot", path, (0o755, "root"), [packages.clone()]));
    let values = json!({
        "client_max_body_size": config.client_max_body_size,
        "servers": config.sites.iter().flat_map(|site| servers(site, config)).collect::<Vec<_>>(),
        "streams": config.streams,
    });
    let Some(text) = draft.render(CONF, include_str!("nginx.conf"), values) else { return };
    let file = File::text(CONF, text).checked_by(["nginx", "-t", "-q", "-c", "{}"]);
    let written = draft.write("write-config", file, [packages.clone(), webroot]);
    let certificates = config.sites.iter().filter_map(|site| site.tls.as_ref());
    let reads = certificates.flat_map(|tls| [tls.certificate.as_str(), tls.key.as_str()]).chain([CONF]);
    let service = Service::new(UNIT, reads).reloading();
    let up = draft.service(&service, [packages, written]);
    // Whatever it answers: it may know no site of that name.
    let argv = ["curl", "-sS", "-o", "/dev/null", "--max-time", "5", "http://127.0.0.1:80/"];
    let alive = draft.succeeds(argv);
    draft.wait("answers", alive, 30, "it answers", [up]);
}

/// Returns the servers of a site: one by HTTP and, with a certificate, one by HTTPS.
fn servers(site: &Site, config: &Config) -> Vec<Value> {
    let is_default = site.server_names.iter().any(|name| name == "_");
    let default = if is_default { " default_server" } else { "" };
    let names = site.server_names.join(" ");
    let is_redirected = site.redirect && site.tls.is_some();
    let plain = json!({
        "listen": format!("80{default}"),
        "names": names,
        "tls": null,
        "acme_webroot": config.acme_webroot,
        "redirect": is_redirected,
        "locations": if is_redirected { &[][..] } else { &site.locations },
    });
    let secure = site.tls.as_ref().map(|tls| {
        json!({
            "listen": format!("443 ssl http2{default}"),
            "names": names,
            "tls": tls,
            "acme_webroot": null,
            "redirect": false,
            "locations": site.locations,
        })
    });
    std::iter::once(plain).chain(secure).collect()
}
