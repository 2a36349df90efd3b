//! Every kind of finding, each from a small directory of its own: its code and its line.

use crate::kit::Config;

/// A container that is right in every way; `more` is added to its entry.
fn container(vmid: u32, more: &str) -> String {
    format!(
        "\"{vmid}\": {{ \"name\": \"ct{vmid}\", \"os_template\": \"debian-13-standard\", \"storage_pool\": \"local-zfs\"{more} }}"
    )
}

fn containers(entries: &[String]) -> Config {
    Config::new().lxc(&format!("{{ \"lxc_configs\": {{\n{}\n}} }}", entries.join(",\n")))
}

/// One container whose entry has `more` in line 2.
fn one(more: &str) -> Config {
    containers(&[container(100, &format!(", {more}"))])
}

/// A second container in line 3 beside a plain one in line 2.
fn two(second: &str) -> Config {
    containers(&[container(100, ""), second.to_owned()])
}

#[test]
fn a_plain_container_has_no_errors_and_warnings() {
    one("\"cores\": 2").has_only_notes();
}

#[test]
fn unknown_keys_suggest_the_nearest_known_one() {
    let hint = one("\"memroy_mb\": 512").error("unknown-key", 2).hint.unwrap();
    assert_eq!(hint, "did you mean `memory_mb`?");
}

#[test]
fn wrong_types_are_errors() {
    one("\"cores\": \"two\"").error("wrong-type", 2);
    let hint = one("\"cores\": \"2\"").error("wrong-type", 2).hint.unwrap();
    assert_eq!(hint, "write 2 without quotes");
    one("\"features\": [true]").error("wrong-type", 2);
    one("\"networks\": {}").error("wrong-type", 2);
}

#[test]
fn numbers_out_of_range_are_errors() {
    one("\"cores\": 0").error("out-of-range", 2);
    one("\"memory_mb\": -1").error("out-of-range", 2);
    one("\"networks\": [{ \"vlan\": 5000 }]").error("out-of-range", 2);
}

#[test]
fn words_outside_a_choice_are_errors() {
    let hint = one("\"power\": \"runing\"").error("unknown-value", 2).hint.unwrap();
    assert_eq!(hint, "did you mean `running`?");
}

#[test]
fn missing_keys_are_errors() {
    containers(&["\"100\": { \"os_template\": \"x\" }".to_owned()]).error("missing-key", 2);
    containers(&["\"100\": { \"name\": \"a\", \"os_template\": \"debian\" }".to_owned()])
        .error("missing-key", 2);
}

#[test]
fn bad_names_and_numbers_are_errors() {
    let named = |name: &str| {
        containers(&[format!(
            "\"100\": {{ \"name\": \"{name}\", \"os_template\": \"debian\", \"storage_pool\": \"local-zfs\" }}"
        )])
    };
    for name in ["a.b", "a_b", "-a", "", "a b"] {
        named(name).error("bad-hostname", 2);
    }
    containers(&[container(99, "")]).error("bad-vmid", 2);
    Config::new().vm("{ \"vms\": [\n{ \"vmid\": 5, \"name\": \"a\" }] }").error("out-of-range", 2);
}

#[test]
fn bad_addresses_are_errors() {
    for ip in ["10.0.0.300/24", "10.0.0.2", "10.0.0.0/24", "10.0.0.255/24", "fd00::1/64", "x"] {
        one(&format!("\"networks\": [{{ \"ip\": \"{ip}\" }}]")).error("bad-address", 2);
    }
    one("\"nameservers\": [\"dns\"]").error("bad-address", 2);
    one("\"networks\": [{ \"ip\": \"10.0.0.2/24\", \"gw\": \"10.0.1.1\" }]").error("bad-gateway", 2);
    one("\"networks\": [{ \"ip\": \"10.0.0.2/24\", \"gw\": \"10.0.0.2\" }]").error("bad-gateway", 2);
    one("\"networks\": [{ \"ip\": \"dhcp\", \"gw\": \"10.0.0.2\" }]").error("bad-gateway", 2);
    for mac in ["52:54:00:AA:BB", "01:00:5E:00:00:01", "52-54-00-AA-BB-CC"] {
        one(&format!("\"mac_address\": \"{mac}\"")).error("bad-mac", 2);
    }
}

#[test]
fn commas_and_line_ends_cannot_reach_a_property_string() {
    one("\"networks\": [{ \"bridge\": \"vmbr0,firewall=0\" }]").error("property-injection", 2);
    one("\"os_template\": \"debian,x\"").error("duplicate-key", 2);
    let mount = "\"mount_points\": [{ \"host_path\": \"/srv,mp=/etc\", \"container_path\": \"/srv\" }]";
    one(mount).error("property-injection", 2);
    one("\"lxc_options\": [\"lxc.a=b\\nlxc.c=d\"]").error("property-injection", 2);
    one("\"options\": { \"hookscript\": \"a\\nb\" }").error("property-injection", 2);
}

#[test]
fn two_guests_cannot_share_name_address_or_number() {
    two("\"101\": { \"name\": \"CT100\", \"os_template\": \"d\", \"storage_pool\": \"local\" }")
        .error("duplicate-name", 3);
    let net = |ip: &str, mac: &str| format!(", \"networks\": [{{ \"ip\": \"{ip}\", \"mac\": \"{mac}\" }}]");
    containers(&[
        container(100, &net("10.0.0.5/24", "52:54:00:00:00:01")),
        container(101, &net("10.0.0.5/24", "52:54:00:00:00:02")),
    ])
    .error("duplicate-ip", 3);
    containers(&[
        container(100, &net("10.0.0.5/24", "52:54:00:00:00:0a")),
        container(101, &net("10.0.0.6/24", "52:54:00:00:00:0A")),
    ])
    .error("duplicate-mac", 3);
    let vm = "{ \"vms\": [\n{ \"vmid\": 100, \"name\": \"vm\", \"template_image\": \"i.img\", \"storage_pool\": \"local\" }] }";
    one("\"cores\": 1").vm(vm).error("duplicate-vmid", 2);
}

#[test]
fn references_must_lead_somewhere() {
    one("\"dependencies\": [101]").error("dangling-dependency", 2);
    one("\"dependencies\": [100]").error("self-dependency", 2);
    let clone = "\"101\": { \"name\": \"b\", \"clone\": { \"from\": 555 }, \"storage_pool\": \"local\" }";
    two(clone).error("dangling-clone", 3);
}

#[test]
fn cycles_are_named_whole() {
    let finding = containers(&[
        container(100, ", \"dependencies\": [101]"),
        container(101, ", \"dependencies\": [102]"),
        container(102, ", \"dependencies\": [100]"),
    ])
    .error("cycle", 4);
    assert!(finding.message.contains("100 → 101 → 102 → 100"), "{}", finding.message);
}

#[test]
fn origins_are_exactly_one() {
    containers(&["\"100\": { \"name\": \"a\", \"storage_pool\": \"local\" }".to_owned()])
        .error("no-origin", 2);
    one("\"clone\": { \"from\": 100 }").error("two-origins", 2);
}

#[test]
fn clones_follow_the_rules_of_proxmox() {
    let clone = |more: &str| format!("\"101\": {{ \"name\": \"b\", \"clone\": {{ \"from\": 100{more} }} }}");
    two(&clone(", \"mode\": \"linked\"")).error("linked-clone", 3);
    two(&clone(", \"snapshot\": \"nothing\"")).error("clone-snapshot", 3);
    let vm = "{ \"vms\": [\n{ \"vmid\": 200, \"name\": \"vm\", \"clone\": { \"from\": 100 }, \"storage_pool\": \"local\" }] }";
    one("\"cores\": 1").vm(vm).error("clone-kind", 2);
    let binds = ", \"mount_points\": [{ \"host_path\": \"/srv\", \"container_path\": \"/srv\" }]";
    containers(&[container(100, binds), clone("")]).error("clone-with-binds", 3);
    let small = "\"101\": { \"name\": \"b\", \"clone\": { \"from\": 100 }, \"storage_size_gb\": 4 }";
    containers(&[container(100, ", \"storage_size_gb\": 8"), small.to_owned()]).error("disk-shrinks", 3);
    one("\"is_template\": true, \"enable_lifecycle_snapshots\": true").error("snapshot-on-template", 2);
    let both = "\"enable_lifecycle_snapshots\": true, \"mount_points\": [{ \"host_path\": \"/srv\", \"container_path\": \"/srv\" }]";
    one(both).error("snapshot-with-binds", 2);
}

#[test]
fn what_boots_waits_for_what_it_needs() {
    let template = container(100, ", \"is_template\": true, \"dependencies\": [101]");
    containers(&[template, container(101, "")]).warning("template-dependency", 2);
    let needs = container(101, ", \"dependencies\": [100]");
    containers(&[container(100, ", \"is_template\": true"), needs]).error("template-dependency", 3);
    containers(&[
        container(100, ", \"start_at_boot\": true, \"boot_order\": 1, \"dependencies\": [101]"),
        container(101, ", \"start_at_boot\": true, \"boot_order\": 2"),
    ])
    .warning("boot-order", 2);
    containers(&[container(100, ", \"start_at_boot\": true, \"dependencies\": [101]"), container(101, "")])
        .warning("boot-order", 2);
}

#[test]
fn features_are_known_renamed_or_refused() {
    one("\"features\": [\"base_setup\"]").warning("old-spelling", 2);
    one("\"features\": [\"docker\"]").warning("feature-unavailable", 2);
    one("\"features\": [\"base-setup\", \"base-setup\"]").error("duplicate-feature", 2);
    let hint = one("\"features\": [\"base-setpu\"]").error("unknown-feature", 2).hint.unwrap();
    assert_eq!(hint, "did you mean `base-setup`?");
    one("\"gpu_assignment\": \"0\"").warning("missing-feature", 2);
}

#[test]
fn keys_that_do_nothing_are_reported() {
    one("\"ports\": [\"80:80\"]").error("never-read", 2);
    one("\"health_check\": { \"command\": \"true\" }").error("never-read", 2);
    one("\"application_script\": \"setup.sh\"").note("not-applied-yet", 2);
    one("\"application_script\": \"setup_955.sh\"").error("dangling-script", 2);
    let old = "\"100\": { \"name\": \"a\", \"template\": \"/x/y.tar.zst\", \"storage_pool\": \"local\" }";
    let hint = containers(&[old.to_owned()]).warning("old-spelling", 2).hint.unwrap();
    assert_eq!(hint, "write `\"os_template\": \"y.tar.zst\"`");
}
