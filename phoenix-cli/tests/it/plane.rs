//! The network plane of the example lab in real containers, as a user has it: a service is declared once, and a client
//! outside of all bridges, who has nothing but the root certificate, is led to it by its name.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    lab::{LXC, Lab, obstacle},
    real::{Swept, does, inside, run},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What `cargo xtask test stores` makes, from which real containers install.
const STORES: [&str; 2] =
    ["/var/cache/phoenix/mirror/ubuntu-24.04/Packages", "/var/cache/phoenix/artifacts/index.json"];
/// The root certificate, where the host trusts it.
const TRUSTED: &str = "/usr/local/share/ca-certificates/phoenix-step-ca.crt";
const DOMAIN: &str = "internal.thinkheads.ai";
/// The gateway, the router, the authority, the two machines with Portainer and its stacks, one more guest with a service, all
/// that they stand on, and the firewall.
const PARTS: [&str; 7] =
    ["101", "102", "953", "production", "host/phoenix/crown", "firewall/cluster", "firewall/node-phoenix"];

/// Copies a directory into the lab's configuration.
fn copy(lab: &Lab, from: &Path, below: &str) {
    for entry in fs::read_dir(from).expect("the example lab").flatten() {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            fs::create_dir_all(lab.config().join(&name)).expect("a folder");
            copy(lab, &entry.path(), &format!("{name}/"));
        } else {
            lab.write(&name, &fs::read_to_string(entry.path()).expect("text"));
        }
    }
}

fn change(lab: &Lab, file: &str, old: &str, new: &str) {
    let text = fs::read_to_string(lab.config().join(file)).expect("a file of the lab");
    assert!(text.contains(old), "{file} has no {old}");
    lab.write(file, &text.replacen(old, new, 1));
}

/// Returns the steps of a plan, without those that only wait or write down that a guest is complete.
fn steps(lab: &Lab) -> Vec<String> {
    let mut words = vec!["--vm-as-container", "--json", "plan"];
    words.extend(PARTS);
    let plan: Value = serde_json::from_str(&does(lab, &words)).expect("JSON");
    let acts = |step: &&Value| {
        step["action"] != "await" && !step["id"].as_str().is_some_and(|id| id.ends_with(":seal"))
    };
    let steps = plan["steps"].as_array().expect("steps").iter().filter(acts);
    let mut ids: Vec<String> = steps.map(|step| step["id"].as_str().unwrap_or_default().to_owned()).collect();
    ids.sort();
    ids
}

fn converge(lab: &Lab) {
    let mut words = vec!["--vm-as-container", "letsgo"];
    words.extend(PARTS);
    does(lab, &words);
    assert_eq!(steps(lab), Vec::<String>::new(), "a second run has something to do");
}

/// What a client outside is told when it asks for a name over HTTPS: the status, or curl's own if there is none.
fn outside(lab: &Lab, name: &str, trusting: bool) -> String {
    let url = format!("https://{name}.{DOMAIN}/");
    let there = format!("{name}.{DOMAIN}:443:203.0.113.1");
    let mut words = vec![
        "node",
        "outside",
        "--",
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{ssl_verify_result}",
    ];
    words.extend(["--max-time", "20", "--resolve", &there]);
    // The host's own store has the root too, so it is left out of both.
    let believed = if trusting { TRUSTED } else { "/etc/ssl/certs/ISRG_Root_X1.pem" };
    words.extend(["--cacert", believed, "--capath", "/var/empty"]);
    words.push(&url);
    let output = run(lab, &words);
    match output.status.success() {
        true => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        false => "fails".to_owned(),
    }
}

/// What a guest gets from an address over HTTP.
fn from_inside(lab: &Lab, vmid: &str, url: &str) -> String {
    inside(lab, vmid, &format!("curl -s -o /dev/null -w '%{{http_code}}' --max-time 4 {url} || true"))
}

#[test]
fn a_service_is_declared_once_and_reached_from_outside_by_its_name() {
    if let Some(why) = obstacle("ubuntu-24.04-standard") {
        return println!("skipped: {why}");
    }
    if !STORES.iter().all(|store| Path::new(store).exists()) {
        return println!(
            "skipped: there are no stores to install from: `cargo xtask test stores` makes them, as root"
        );
    }
    let lab = Lab::new();
    copy(&lab, &Path::new(ROOT).join("examples/homelab"), "");
    let _swept = Swept(&lab);
    converge(&lab);
    does(&lab, &["node", "outside", "--forward", "80=10.0.0.153", "--forward", "443=10.0.0.153"]);

    // From outside: by its name, with a chain that the root vouches for; nobody else is led anywhere.
    for name in ["service-a", "service-b", "vscode-rag"] {
        assert_eq!(outside(&lab, name, true), "200 0", "{name}");
    }
    assert_eq!(outside(&lab, "portainer", true), "404 0", "the stub of Portainer has no page");
    assert_eq!(outside(&lab, "vscode-rag", false), "fails", "without the root nobody is believed");
    assert_eq!(outside(&lab, "nobody", true), "fails", "the certificate is for no such name");
    // Every guest knows every name, from the host.
    for vmid in ["101", "102", "103", "1001", "1002"] {
        for (name, address) in
            [("vscode-rag", "10.0.0.12"), ("step-ca", "10.0.0.10"), ("drphoenix", "10.0.0.102")]
        {
            let found =
                inside(&lab, vmid, &format!("getent ahostsv4 {name}.{DOMAIN} | cut -d' ' -f1 | sort -u"));
            assert_eq!(found, address, "{name} in {vmid}");
        }
    }
    // And it is told for how long the gateway's certificate is good.
    let status = does(&lab, &["--vm-as-container", "--json", "status", "101"]);
    let row = status.lines().find(|line| line.contains("\"id\":\"lxc/101\"")).expect("a row");
    let row: serde_json::Value = serde_json::from_str(row).expect("JSON");
    let [certificate] = row["certificates"].as_array().expect("certificates").as_slice() else {
        panic!("{row}")
    };
    assert_eq!(certificate["state"], "ok");
    assert!(certificate["days_left"].as_i64().is_some_and(|days| (1..=30).contains(&days)), "{row}");
    // Each has its volume.
    for (vmid, path) in
        [("101", "/persistent-storage"), ("103", "/etc/step-ca"), ("1002", "/persistent-storage")]
    {
        assert!(
            inside(&lab, vmid, &format!("findmnt -no SOURCE {path}")).contains("quickOS/volumes"),
            "{vmid}"
        );
    }
    // Who takes another's address is not heard.
    let spoofing = "ip address add 10.0.0.12/32 dev eth0; \
                    curl -s --interface 10.0.0.12 --max-time 3 http://10.0.0.102:8081/; echo $?; \
                    ip address del 10.0.0.12/32 dev eth0";
    assert_eq!(inside(&lab, "1001", spoofing), "28");
    assert_eq!(from_inside(&lab, "102", "http://10.0.0.102:8081/"), "200");
    // The gateway comes to the router, the router to the service, and nobody past them.
    assert_eq!(from_inside(&lab, "101", "http://10.0.0.12/"), "404");
    assert_eq!(from_inside(&lab, "953", "http://10.0.0.12/"), "000");
    assert_eq!(from_inside(&lab, "102", "http://10.0.0.154:8000/"), "200");
    assert_eq!(from_inside(&lab, "101", "http://10.0.0.154:8000/"), "000");
    let healthy = does(&lab, &["--vm-as-container", "health-check"]);
    assert!(!healthy.contains("FAILS"), "{healthy}");
    inside(&lab, "953", "systemctl stop vscode-rag");
    let ill = run(&lab, &["--vm-as-container", "health-check", "vscode-rag"]);
    let ill = String::from_utf8_lossy(&ill.stdout).into_owned();
    let failing: Vec<&str> = ill.lines().filter(|line| line.contains("FAILS")).collect();
    assert!(matches!(&failing[..], [one] if one.contains(" service ")), "{ill}");
    inside(&lab, "953", "systemctl start vscode-rag");

    // One more, by one declaration; another port; and none again.
    let one = "\"services\": { \"vscode-rag\": { \"port\": 8000, \"health\": \"/health\" }";
    let two = format!("{one}, \"second\": {{ \"port\": 8000 }}");
    change(&lab, LXC, one, &two);
    let rest = [
        "host/phoenix:dnsmasq:reload-phoenix-dns.service",
        "host/phoenix:dnsmasq:write-names",
        "lxc/101:certificate:reload-nginx.service",
        "lxc/101:certificate:write-gateway",
        "lxc/101:nginx:reload-nginx.service",
        "lxc/101:nginx:write-config",
        "lxc/102:certificate:touch-router",
        "lxc/102:certificate:write-router",
        "lxc/102:traefik:write-routes",
    ];
    let exactly =
        |rule: &str| -> Vec<String> { [rule].iter().chain(&rest).map(|step| (*step).to_owned()).collect() };
    assert_eq!(steps(&lab), exactly("firewall/lxc-953:firewall:insert-service-second"));
    converge(&lab);
    assert_eq!(outside(&lab, "second", true), "200 0");
    change(&lab, LXC, "\"second\": { \"port\": 8000 }", "\"second\": { \"port\": 8001 }");
    let moved = ["firewall/lxc-953:firewall:update-service-second", "lxc/102:traefik:write-routes"];
    assert_eq!(steps(&lab), moved);
    converge(&lab);
    change(&lab, LXC, ", \"second\": { \"port\": 8001 }", "");
    assert_eq!(steps(&lab), exactly("firewall/lxc-953:firewall:remove-service-second"));
    converge(&lab);
    assert_eq!(outside(&lab, "second", true), "fails");
    let left = "grep -rl second /etc/nginx /etc/traefik /etc/phoenix 2>/dev/null; \
                for one in /etc/phoenix/certificates/*.crt; do openssl x509 -in \"$one\" -noout -ext subjectAltName; done | grep second; true";
    for vmid in ["101", "102"] {
        assert_eq!(inside(&lab, vmid, left), "", "something of the service is left in {vmid}");
    }
    let on_host = "grep -rl second /etc/phoenix; true";
    assert_eq!(does(&lab, &["node", "shell", "--", "sh", "-c", on_host]).trim(), "");
}
