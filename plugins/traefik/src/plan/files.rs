//! The texts of its files. What YAML has, JSON has too, so they are written as JSON: no value can end its quotes.

use serde_json::{Map, Value, json};

use super::{INNER_PORT, PROGRAM, STATE, STATIC};
use crate::config::{Config, Route};

const HEADER: &str = "# Written by Phoenix (feature traefik).\n";

/// Returns what it reads when it begins.
pub(super) fn at_start(config: &Config) -> String {
    let mut entrypoints: Map<String, Value> = config
        .entrypoints
        .iter()
        .map(|(name, port)| {
            let mut entrypoint = json!({ "address": format!(":{port}") });
            if !config.trusted_proxies.is_empty() {
                entrypoint["forwardedHeaders"] = json!({ "trustedIPs": config.trusted_proxies });
            }
            (name.clone(), entrypoint)
        })
        .collect();
    // Its own entry point, where the dashboard would be, is the guest's alone.
    entrypoints.insert("traefik".to_owned(), json!({ "address": format!("127.0.0.1:{INNER_PORT}") }));
    let mut values = json!({
        "global": { "checkNewVersion": false, "sendAnonymousUsage": false },
        "log": { "level": config.log_level },
        "entryPoints": entrypoints,
        "ping": { "entryPoint": "traefik" },
        "api": { "insecure": true, "dashboard": false },
        "providers": { "file": { "directory": "/etc/traefik/dynamic", "watch": true } },
    });
    if let Some(acme) = &config.acme {
        values["certificatesResolvers"] = json!({
            "phoenix": { "acme": {
                "caServer": acme.directory,
                "email": acme.email.clone().unwrap_or_default(),
                "storage": format!("{STATE}/acme.json"),
                "httpChallenge": { "entryPoint": acme.entrypoint },
            } }
        });
    }
    if !config.trusted_roots.is_empty() {
        values["serversTransport"] = json!({ "rootCAs": config.trusted_roots });
    }
    text(&values)
}

/// Returns the routes, which it follows while it runs.
pub(super) fn routes(config: &Config) -> String {
    let mut values = json!({});
    if !config.routes.is_empty() {
        let routers: Map<String, Value> =
            config.routes.iter().map(|(name, route)| (name.clone(), router(name, route, config))).collect();
        let services: Map<String, Value> = config
            .routes
            .iter()
            .map(|(name, route)| {
                let servers: Vec<Value> = route.servers.iter().map(|url| json!({ "url": url })).collect();
                (name.clone(), json!({ "loadBalancer": { "servers": servers } }))
            })
            .collect();
        values["http"] = json!({ "routers": routers, "services": services });
    }
    if !config.certificates.is_empty() {
        values["tls"] = json!({ "certificates": config.certificates });
    }
    text(&values)
}

fn router(name: &str, route: &Route, config: &Config) -> Value {
    let hosts: Vec<String> = route.hosts.iter().map(|host| format!("Host(`{host}`)")).collect();
    let rule = match &route.path_prefix {
        Some(prefix) => format!("({}) && PathPrefix(`{prefix}`)", hosts.join(" || ")),
        None => hosts.join(" || "),
    };
    let mut router = json!({ "rule": rule, "service": name });
    if !route.entrypoints.is_empty() {
        router["entryPoints"] = json!(route.entrypoints);
    }
    if route.tls {
        router["tls"] = match &config.acme {
            Some(_) => json!({ "certResolver": "phoenix" }),
            None => json!({}),
        };
    }
    router
}

/// Returns its unit.
pub(super) fn unit() -> String {
    format!(
        "[Unit]
Description=Traefik
Documentation=https://doc.traefik.io/traefik/
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={PROGRAM} --configFile={STATIC}
User=traefik
Group=traefik
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=true
ProtectSystem=full
ProtectHome=true
Restart=on-failure
RestartSec=2
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
"
    )
}

fn text(values: &Value) -> String {
    format!("{HEADER}{values:#}\n")
}
