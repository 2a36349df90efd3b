//! `phoenix setup` with a real host: everything that it makes is broken by hand, and mended by exactly the steps for it.

use std::path::Path;

use serde_json::json;

use crate::{
    host::{self, shell},
    lab::{HYPERVISOR, LXC, Lab, obstacle, pretty},
    real::{Swept, does},
};

/// Makes a source of packages that needs no network, with one package.
const ARCHIVE: &str = r#"set -e
mkdir -p /srv/archive /srv/made/DEBIAN
cat >/srv/made/DEBIAN/control <<CONTROL
Package: phoenix-hello
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: is there
CONTROL
cd /srv/archive
dpkg-deb -b /srv/made hello.deb >/dev/null
{ cat /srv/made/DEBIAN/control; echo "Filename: ./hello.deb"; echo "Size: $(stat -c %s hello.deb)"
  echo "SHA256: $(sha256sum hello.deb | cut -c1-64)"; } >Packages
chmod -R a+rX /srv/archive"#;

fn lab() -> Lab {
    let lab = Lab::new();
    let source = json!({"name": "own", "uris": ["file:/srv/archive"], "suites": ["./"], "trusted": true});
    let host = json!({
        "domain_name": "lab.example",
        "timezone": "Europe/Vienna",
        "network": {"hostname": "phoenix", "interfaces": {"name": "vmbr0", "address": "10.99.7.1/24"}},
        "dns_server": {"enabled": true, "upstream_servers": ["192.0.2.53"]},
        "host": {"phoenix_program": true},
        "features": [{"name": "base-setup", "apt_sources": [source], "packages": ["phoenix-hello"]}],
        "nfs": {"exports": [{"path": "/srv/export", "clients": ["10.99.7.0/24"], "options": ["rw"]}]},
        "storages": [{"name": "data", "plugin": "dir", "content": "images,rootdir", "path": "/srv/storage"}],
        "access": {
            "groups": {"operators": {"comment": "they operate"}},
            "roles": {"Operator": {"privileges": ["VM.Audit", "VM.PowerMgmt"]}},
            "acl": [{"path": "/vms", "to": "@operators", "role": "Operator"}],
        },
        "users": {"username": "anna", "sudo_access": true, "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample anna@lab"},
    });
    lab.write(HYPERVISOR, &pretty(&host));
    lab.write(LXC, "{}");
    lab
}

/// Converges the host, and returns the steps that it took, sorted.
fn setup(lab: &Lab) -> Vec<String> {
    let mut steps = host::setup(lab);
    steps.sort();
    steps
}

#[test]
fn everything_that_setup_makes_is_mended_by_the_steps_for_it() {
    if let Some(why) = obstacle("debian-12-standard") {
        return println!("skipped: {why}");
    }
    if !Path::new("/usr/sbin/dnsmasq").exists() {
        return println!("skipped: `dnsmasq-base` is not installed");
    }
    let lab = lab();
    let _swept = Swept(&lab);
    does(&lab, &["node", "start"]);
    shell(&lab, ARCHIVE);
    let first = setup(&lab);
    assert!(first.len() > 30, "{first:#?}");
    assert_eq!(setup(&lab), Vec::<String>::new());

    let api = |words: &[&str]| drop(does(&lab, &[&["node", "api"], words].concat()));
    // What touches nothing of each other is broken at once: what mends it all is exactly what mends each.
    for harm in [
        "dpkg --purge phoenix-hello",
        "rm /etc/apt/sources.list.d/own.sources",
        "ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime",
        "hostname other",
        ": >/home/anna/.ssh/authorized_keys",
        "echo nameserver 192.0.2.1 >/etc/resolv.conf",
        "rm /etc/bash_completion.d/phoenix",
        "systemctl stop phoenix-nfs",
    ] {
        shell(&lab, harm);
    }
    api(&["delete", "/access/groups/operators"]);
    api(&["put", "/access/roles/Operator", "privs=VM.Audit"]);
    api(&["put", "/storage/data", "content=images"]);
    let mended = [
        "acl/cluster:acl:grant-/vms,group,operators,Operator",
        "group/operators:group:create",
        "host/phoenix:base-setup:authorize-keys-anna",
        "host/phoenix:base-setup:install-packages",
        "host/phoenix:base-setup:link-localtime",
        "host/phoenix:base-setup:write-apt-source-own",
        "host/phoenix:dnsmasq:write-resolv-conf",
        "host/phoenix:host-base:set-hostname",
        "host/phoenix:nfs-server:answers",
        "host/phoenix:nfs-server:start-phoenix-nfs.service",
        "host/phoenix:phoenix-program:complete-bash",
        "role/Operator:role:update",
        "storage/data:storage:update",
    ];
    assert_eq!(setup(&lab), mended);

    shell(&lab, "userdel -r anna");
    shell(&lab, "systemctl stop phoenix-dns");
    shell(&lab, "rm -r /srv/export");
    api(&["delete", "/storage/data"]);
    let mended = [
        "host/phoenix:base-setup:authorize-keys-anna",
        "host/phoenix:base-setup:ensure-user-anna",
        "host/phoenix:base-setup:make-ssh-directory-anna",
        "host/phoenix:dnsmasq:answers",
        // As long as nobody answers, the host asks those that it asked before.
        "host/phoenix:dnsmasq:restore-resolv-conf",
        "host/phoenix:dnsmasq:start-phoenix-dns.service",
        "host/phoenix:dnsmasq:write-resolv-conf",
        "host/phoenix:volume-directories:make-srv-export",
        "storage/data:storage:create",
    ];
    assert_eq!(setup(&lab), mended);
    assert_eq!(setup(&lab), Vec::<String>::new());
}
