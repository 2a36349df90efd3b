//! The example lab in real containers, with a plugin: what a user of both does and sees.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    lab::{HYPERVISOR, LXC, Lab, obstacle},
    real::{Swept, does, inside, run},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What `cargo xtask test stores` makes, from which real containers install.
const MIRROR: &str = "/var/cache/phoenix/mirror/ubuntu-24.04/Packages";

const POSTGRESQL: &str = r#"{
    "name": "postgresql",
    "listen": ["localhost", "10.0.0.154"],
    "roles": [{ "name": "rag", "password": "file:PASSWORD" }],
    "databases": [{ "name": "rag", "owner": "rag" }],
    "allow": [{ "database": "rag", "role": "rag", "from": "10.0.0.0/24" }]
},"#;

/// Builds the example plugin as `cargo xtask test plugins` does, and returns its library.
fn library() -> String {
    let settings = ["debug='line-tables-only'", "split-debuginfo='unpacked'", "package.'*'.debug=false"];
    let settings =
        settings.iter().flat_map(|setting| ["--config".to_owned(), format!("profile.dev.{setting}")]);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--offline", "--manifest-path"])
        .arg(Path::new(ROOT).join("examples/plugin-postgresql/Cargo.toml"))
        .args(settings)
        .env("CARGO_TARGET_DIR", Path::new(ROOT).join("target"))
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    format!("{ROOT}/target/debug/libphoenix_postgresql.so")
}

/// Returns the example lab, whose container 953 has a database by the plugin.
fn lab() -> Lab {
    let lab = Lab::new();
    for entry in fs::read_dir(format!("{ROOT}/examples/homelab")).expect("the example lab") {
        let path = entry.expect("a file of it").path();
        if path.is_dir() {
            for stack in fs::read_dir(&path).expect("its stacks").map(|stack| stack.expect("a stack").path())
            {
                for file in ["docker-compose.yml", "phoenix.json"] {
                    let stem =
                        stack.strip_prefix(format!("{ROOT}/examples/homelab")).expect("below it").join(file);
                    let text = fs::read_to_string(stack.join(file)).expect("text");
                    lab.write(&stem.display().to_string(), &text);
                }
            }
            continue;
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        lab.write(&name, &fs::read_to_string(&path).expect("text"));
    }
    lab.write("password", "it's \"p$1\"\n");
    let password = lab.config().join("password").display().to_string();
    let library = library();
    let explained: Value =
        serde_json::from_str(&lab.does(&["--json", "plugin", "explain", &library])).expect("JSON");
    let put = |file: &str, before: &str, text: &str| {
        let old = fs::read_to_string(lab.config().join(file)).expect("a file of the lab");
        assert!(old.contains(before), "{file} has no {before}");
        lab.write(file, &old.replacen(before, &format!("{text}{before}"), 1));
    };
    put(HYPERVISOR, "\"network\"", &format!("\"plugins\": [{}],", explained["entry"]));
    let text = fs::read_to_string(lab.config().join(LXC)).expect("a file of the lab");
    let service = "{\n                    \"name\": \"python-api-service\"";
    assert!(text.contains(service), "the example has no such service");
    put(LXC, service, &POSTGRESQL.replace("PASSWORD", &password));
    lab
}

#[test]
fn the_example_lab_and_a_plugin_converge_in_real_containers() {
    if let Some(why) = obstacle("ubuntu-24.04-standard") {
        return println!("skipped: {why}");
    }
    if !Path::new(MIRROR).exists() {
        return println!(
            "skipped: there is no mirror of packages: `cargo xtask test stores` makes it, as root"
        );
    }
    let lab = lab();
    let _swept = Swept(&lab);
    let first = does(&lab, &["letsgo", "953"]);
    let said = |args: &[&str]| {
        let output = run(&lab, args);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let again = said(&["letsgo", "953"]);
    assert!(again.contains("nothing to do"), "first {first}, then {again}");

    // From the node: the database and the service answer.
    let ask = "exec 3<>/dev/tcp/10.0.0.154/5432; printf '\\0\\0\\0\\10\\4\\322\\026\\057' >&3; head -c 1 <&3";
    let answer = does(&lab, &["node", "shell", "--", "timeout", "20", "bash", "-c", ask]);
    assert_eq!(answer, "S", "the server offers TLS to whoever asks for it");
    let service = does(
        &lab,
        &["node", "shell", "--", "curl", "-fsS", "--max-time", "20", "http://10.0.0.154:8000/search"],
    );
    assert!(service.contains("hello from 953"), "{service}");
    // By its password, from an address that a rule allows.
    let login =
        "PGPASSWORD=\"it's \\\"p\\$1\\\"\" psql -h 10.0.0.154 -U rag -d rag -tAc 'select current_user'";
    assert_eq!(inside(&lab, "953", login), "rag");

    for (harm, mending) in [
        ("su postgres -c 'dropdb rag'", &["make-database-rag"][..]),
        ("systemctl stop postgresql@16-main", &["start-postgresql@16-main.service", "await-server"]),
    ] {
        inside(&lab, "953", harm);
        let plan = does(&lab, &["--json", "plan", "953"]);
        let plan: Value = serde_json::from_str(&plan).expect("JSON");
        let steps: Vec<&str> = plan["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| step["id"].as_str().and_then(|id| id.rsplit(':').next()).unwrap_or_default())
            .collect();
        assert_eq!(steps, mending, "after `{harm}`");
        does(&lab, &["letsgo", "953"]);
        assert_eq!(inside(&lab, "953", login), "rag");
    }
}
