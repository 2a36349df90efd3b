//! Findings about the host, its storages, its firewall and its stacks.

use crate::kit::Config;

const PLAIN: &str = "{ \"lxc_configs\": {} }";

fn host(text: &str) -> Config {
    Config::new().lxc(PLAIN).host(text)
}

/// A host with a dataset in line 3 and a container on `storage` in line 2 of its file.
fn stored(storage: &str, size: u32) -> Config {
    let lxc = format!(
        "{{ \"lxc_configs\": {{\n\"100\": {{ \"name\": \"a\", \"os_template\": \"d\", \"storage_pool\": \"{storage}\", \"storage_size_gb\": {size} }} }} }}"
    );
    let host = "{ \"zfs\": { \"pools\": [{ \"name\": \"tank\", \"raid_level\": \"single\", \"disks\": [\"/dev/disk/by-id/x_1TB_y\"] }],\n\
        \"datasets\": [\n\
        { \"name\": \"cts\", \"pool\": \"tank\", \"properties\": \"quota=20G\", \"proxmox_storage_type\": \"zfspool\", \"proxmox_content_type\": \"rootdir\" },\n\
        { \"name\": \"vms\", \"pool\": \"tank\", \"properties\": \"quota=10G\", \"proxmox_storage_type\": \"zfspool\", \"proxmox_content_type\": \"images\" }\n] } }";
    Config::new().host(host).lxc(&lxc)
}

#[test]
fn storages_exist_and_hold_what_they_may() {
    stored("tank-cts", 8).has_only_notes();
    let hint = stored("tank-ct", 8).error("unknown-storage", 2).hint.unwrap();
    assert_eq!(hint, "did you mean `tank-cts`?");
    stored("tank-vms", 8).error("storage-content", 2);
    stored("tank-cts", 21).warning("storage-overcommitted", 3);
}

#[test]
fn pools_and_datasets_agree() {
    host("{ \"zfs\": { \"datasets\": [\n{ \"name\": \"aa\", \"pool\": \"none\" }] } }")
        .error("unknown-pool", 2);
    let dataset = "{ \"name\": \"aa\", \"pool\": \"tank\", \"properties\": \"quota=2T\", \"proxmox_storage_type\": \"dir\", \"proxmox_content_type\": \"rootdir\" }";
    let pool = "{ \"name\": \"tank\", \"raid_level\": \"single\", \"disks\": [\"/dev/disk/by-id/x_1TB_y\"] }";
    let text =
        |more: &str| format!("{{ \"zfs\": {{ \"pools\": [\n{pool}], \"datasets\": [\n{dataset}{more}] }} }}");
    host(&text("")).warning("pool-overcommitted", 2);
    host(&text("")).warning("dir-rootdir", 3);
    host(&text(&format!(",\n{dataset}"))).error("duplicate-storage", 4);
    let ids = text("").replacen(
        "{ \"zfs\"",
        "{ \"proxmox_storage_ids\": { \"other\": \"tank-aa\", \"gone\": \"tank-bb\" }, \"zfs\"",
        1,
    );
    host(&ids).warning("storage-key", 1);
    host(&ids).warning("unknown-storage", 1);
}

#[test]
fn paths_lie_where_datasets_are_mounted() {
    let zfs = "{ \"zfs\": { \"pools\": [{ \"name\": \"tank\", \"raid_level\": \"mirror\" }] } }";
    let lxc = "{ \"lxc_configs\": { \"100\": { \"name\": \"a\", \"os_template\": \"d\", \"storage_pool\": \"local\", \"mount_points\": [\n\
        { \"host_path\": \"/mnt/pve/tank/data\", \"container_path\": \"/data\" }] } } }";
    let hint = Config::new().host(zfs).lxc(lxc).warning("unserved-path", 2).hint.unwrap();
    assert_eq!(hint, "write `/tank/data`");
}

#[test]
fn firewall_rules_are_neither_repeated_nor_open() {
    let rules = |rules: &[&str]| {
        let text = rules.join(",\n");
        host(&format!("{{ \"firewall\": {{ \"enabled\": true, \"global_firewall_rules\": [\n{text}] }} }}"))
    };
    let rule =
        |more: &str| format!("{{ \"type\": \"in\", \"action\": \"ACCEPT\", \"proto\": \"tcp\"{more} }}");
    let (web, both) = (
        rule(", \"port\": \"8080\", \"source\": \"10.0.0.1\""),
        rule(", \"port\": \"8000:8100\", \"source\": \"10.0.0.1\""),
    );
    rules(&[&web, &web]).warning("duplicate-rule", 3);
    let commented = rule(", \"port\": \"8080\", \"source\": \"10.0.0.1\", \"comment\": \"x\"");
    rules(&[&web, &commented]).warning("duplicate-rule", 3);
    rules(&[&both, &web]).warning("subsumed-rule", 3);
    rules(&[&web]).warning("no-management-rule", 1);
    rules(&[&rule(", \"port\": \"8080\"")]).warning("any-source", 2);
    rules(&[&rule(", \"port\": \"443\"")]).note("any-source", 2);
    rules(&[&rule(", \"port\": \"70000\"")]).error("bad-value", 2);
    host("{ \"shared_volumes\": {\n\"firewall\": { \"enabled\": false } } }").warning("misplaced-key", 2);
}

#[test]
fn names_lead_to_one_address_and_servers_know_them() {
    let vm = "{ \"vms\": [{ \"vmid\": 200, \"name\": \"portainer\", \"template_image\": \"i.img\", \"storage_pool\": \"local\",\n\
        \"traefik_service\": { \"name\": \"portainer\", \"port\": 9443 }, \"networks\": [{ \"ip\": \"10.0.0.5/24\" }] }] }";
    let lxc = "{ \"lxc_configs\": { \"100\": { \"name\": \"nginx-gw\", \"os_template\": \"d\", \"storage_pool\": \"local\", \"networks\": [{ \"ip\": \"10.0.0.6/24\" }] } } }";
    Config::new().vm(vm).lxc(lxc).error("name-clash", 2);
    let host = "{ \"dns_server\": { \"enabled\": true }, \"network\": { \"interfaces\": { \"name\": \"vmbr0\", \"address\": \"10.0.0.13/24\",\n\
        \"dns_nameservers\": [\"10.0.0.6\"] } } }";
    Config::new().host(host).lxc(lxc).warning("no-dns-server", 2);
    Config::new().host(host).lxc(lxc).warning("no-nameserver", 1);
    let outside = lxc.replace("\"os_template\"", "\"nameservers\": [\"8.8.8.8\"], \"os_template\"");
    Config::new().host(host).lxc(&outside).warning("outside-nameserver", 1);
}

#[test]
fn secrets_in_clear_are_errors_and_are_not_repeated() {
    let finding =
        host("{ \"portainer_api\": {\n\"admin_password\": \"hunter2\" } }").error("plaintext-secret", 2);
    assert!(!format!("{finding:?}").contains("hunter2"));
    host("{ \"users\": {\n\"username\": \"a\", \"password_hash\": \"$6$salt$hash\" } }")
        .error("plaintext-secret", 2);
    host("{ \"portainer_api\": { \"admin_password\": \"env:PORTAINER\" } }").has_only_notes();
    let compose = "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: hunter2\n";
    host("{}").file("stacks/db/docker-compose.yml", compose).error("plaintext-secret", 4);
    let list = "services:\n  db:\n    environment:\n      - DB_PASSWORD=hunter2\n";
    host("{}").file("stacks/db/docker-compose.yml", list).error("plaintext-secret", 4);
}

#[test]
fn stacks_have_what_they_name() {
    let vm = |stack: &str| {
        format!(
            "{{ \"vms\": [{{ \"vmid\": 200, \"name\": \"v\", \"template_image\": \"i.img\", \"storage_pool\": \"local\",\n\"docker_stacks\": [\"{stack}\"] }}] }}"
        )
    };
    let compose = "services:\n  app:\n    image: \"x:${TAG}\"\nvolumes:\n  data:\n    external: true\n";
    let with = |manifest: &str| {
        Config::new()
            .vm(&vm("app"))
            .file("stacks/app/docker-compose.yml", compose)
            .file("stacks/app/phoenix.json", manifest)
    };
    Config::new().vm(&vm("app")).error("dangling-stack", 2);
    with("{ \"environments\": {} }").error("undefined-variable", 3);
    with("{ \"environments\": {} }").note("external-volume", 5);
    with("{ \"environments\": { \"production\": { \"services\": {\n\"web\": {} } } } }")
        .error("unknown-service", 2);
    let labels = "{ \"environments\": { \"production\": { \"services\": { \"app\": { \"traefik_labels\": [\n\
        \"traefik.http.routers.a.entrypoints=websecure\",\n\"traefik.http.routers.a.tls.certresolver=le\"] } } } } }";
    with(labels).warning("undefined-entrypoint", 2);
    with(labels).warning("undefined-resolver", 3);
    let files = "{ \"environments\": { \"production\": { \"files\": [\n{ \"source\": \"a.env\", \"destination_in_container\": \"/a\" }] } } }";
    with(files).error("dangling-file", 2);
    Config::new()
        .vm(&vm("app"))
        .file("stacks/app/phoenix.json", "{ \"environments\": {} }")
        .error("missing-compose", 1);
    with("{ \"environments\": {} }")
        .file("stacks/app/docker-compose.yml", "a: [b")
        .error("malformed-yaml", 1);
}

#[test]
fn certificates_are_for_one_name_each() {
    let one = "{ \"common_name\": \"a.lan\", \"sans\": [\"b.lan\"], \"cert_path\": \"/a.crt\", \"key_path\": \"/a.key\", \"owner\": \"root:root\", \"permissions\": \"640\" }";
    let two = format!("[\n{one},\n{one}]");
    host("{}").file("certificate-manifest.json", &two).error("duplicate-certificate", 3);
    host("{}").file("certificate-manifest.json", &two).warning("certificate-names", 2);
}
