//! The script of `portainer-stacks` against a stub of Portainer's API (it is no Portainer), on the loopback and without
//! Docker: what the plan has it do is what the API takes, and what it then says is what the plan holds for done.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use phoenix_core::{Action, Content, Expect, Facts, GuestId, Site, plan::Step};
use phoenix_tests::lab::Lab;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("../../plugins/portainer-stacks/src/portainer-api.sh");
const NAME: &str = "portainer.example";
const PASSWORD: &str = "it's a \"password\" $(id) ü";
const TOKEN: &str = "to ken;`id`";
const COMPOSE: &str =
    "services:\n  web:\n    image: homelab/hello:1 # ü\n    environment: { A: \"${TOKEN}\" }\n";

/// A stub that runs, and what the script is given beside it. Both go with it.
struct Stub {
    child: Child,
    port: u16,
    room: tempfile::TempDir,
}

impl Stub {
    fn begin() -> Self {
        let room = tempfile::tempdir().expect("a directory");
        let at = |name: &str| room.path().join(name);
        certificates(room.path());
        for folder in ["api", "run", "bin"] {
            fs::create_dir(at(folder)).expect("a directory");
        }
        fs::write(at("preset"), format!("{PASSWORD}\n")).expect("a file");
        let announced = at("port");
        let child = Command::new(env!("CARGO_BIN_EXE_portainer-stub"))
            .args(["server", "--no-docker", "--listen", "127.0.0.1:0"])
            .arg(format!("--announce={}", announced.display()))
            .arg(format!("--data={}", at("data").display()))
            .arg(format!("--admin-password-file={}", at("preset").display()))
            .arg(format!("--sslcert={}", at("server.pem").display()))
            .arg(format!("--sslkey={}", at("server-key.pem").display()))
            .spawn()
            .expect("the stub begins");
        let mut stub = Self { child, port: 0, room };
        let begun = Instant::now();
        while stub.port == 0 && begun.elapsed() < Duration::from_secs(30) {
            stub.port = fs::read_to_string(&announced).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            std::thread::park_timeout(Duration::from_millis(10));
        }
        assert_ne!(stub.port, 0, "the stub listens");
        stub.write("api/admin-password", PASSWORD);
        stub.settings("root.pem");
        stub.write("portainer-api", SCRIPT);
        stub
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn settings(&self, root: &str) {
        let settings = json!({"name": NAME, "port": self.port, "user": "admin", "ca": self.path(root)});
        self.write("api/server.json", &settings.to_string());
    }

    /// Runs the script, and returns its status and what it says.
    fn api(&self, words: &[&str], stdin: &str) -> (i32, String, String) {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut child = Command::new("sh")
            .arg(self.path("portainer-api"))
            .arg(self.path("api"))
            .args(words)
            // Neither a proxy nor the names that a machine knows are in the way.
            .envs([("HTTPS_PROXY", "http://127.0.0.1:1"), ("https_proxy", "http://127.0.0.1:1")])
            .env("TMPDIR", self.path("run"))
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        // A script that does not read ends before it is written to.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        let ended = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let left = fs::read_dir(self.path("run")).expect("the room").count();
        assert_eq!(left, 0, "{words:?} leaves nothing behind");
        (ended.status.code().unwrap_or(-1), text(ended.stdout), text(ended.stderr))
    }

    fn state(&self) -> Vec<String> {
        let (status, said, wrong) = self.api(&["state"], "");
        assert_eq!((status, wrong.as_str()), (0, ""));
        said.lines().map(str::to_owned).collect()
    }

    /// Does what a step says, with its secrets in place.
    fn perform(&self, step: &Step) {
        match &step.action {
            Action::WriteFile { path, content: Content::Secret(_), .. } => {
                let name = path.strip_prefix("/etc/phoenix/portainer/").expect("a file of the script");
                self.write(&format!("api/{name}"), if name == "admin-password" { PASSWORD } else { TOKEN });
            }
            Action::Run { argv, stdin, proof, .. } => {
                let words: Vec<&str> = argv.iter().skip(2).map(String::as_str).collect();
                let stdin = stdin.as_ref().and_then(|content| content.over("")).unwrap_or_default();
                let (status, _, wrong) = self.api(&words, &stdin);
                assert_eq!((status, wrong.as_str()), (0, ""), "{}", step.id);
                let Expect::SaysLine { line } = &proof.expect else { panic!("{}: {proof:?}", step.id) };
                let state = self.state();
                assert!(state.contains(line), "{}: {line} is not in {state:#?}", step.id);
            }
            _ => {}
        }
    }

    /// Asks the API as somebody else would, and returns status and answer.
    fn curl(&self, method: &str, path: &str, words: &[&str]) -> (String, Value) {
        let token = self.token();
        let ended = Command::new("curl")
            .args(["-sS", "--noproxy", "*", "-w", "\n%{http_code}", "-X", method, "--cacert"])
            .arg(self.path("root.pem"))
            .args(["--resolve", &format!("{NAME}:{}:127.0.0.1", self.port)])
            .args(["-H", &format!("Authorization: Bearer {token}")])
            .args(words)
            .arg(format!("https://{NAME}:{}/api/{path}", self.port))
            .output()
            .expect("curl");
        let said = String::from_utf8(ended.stdout).expect("UTF-8");
        let (body, status) = said.rsplit_once('\n').unwrap_or_default();
        (status.to_owned(), serde_json::from_str(body).unwrap_or_default())
    }

    fn token(&self) -> String {
        let body = json!({"Username": "admin", "Password": PASSWORD}).to_string();
        let ended = Command::new("curl")
            .args(["-sS", "--noproxy", "*", "--cacert"])
            .arg(self.path("root.pem"))
            .args(["--resolve", &format!("{NAME}:{}:127.0.0.1", self.port), "-d", &body])
            .arg(format!("https://{NAME}:{}/api/auth", self.port))
            .output()
            .expect("curl");
        let said: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        said["jwt"].as_str().expect("a token").to_owned()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes an authority, another one, and a server's certificate of the first.
fn certificates(folder: &Path) {
    let authority = |file: &str| {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, file);
        let key = KeyPair::generate().expect("a key");
        fs::write(folder.join(file), params.self_signed(&key).expect("a certificate").pem()).expect("a file");
        Issuer::new(params, key)
    };
    authority("other.pem");
    let root = authority("root.pem");
    let params = CertificateParams::new(vec![NAME.to_owned()]).expect("parameters");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &root).expect("a certificate");
    fs::write(folder.join("server.pem"), certificate.pem()).expect("a file");
    fs::write(folder.join("server-key.pem"), key.serialize_pem()).expect("a file");
}

/// Returns the steps of a plan for a server that nothing is known of.
fn steps(change: impl FnOnce(&mut Value)) -> Vec<Step> {
    let mut config = json!({
        "name": NAME, "admin_password": "env:PASSWORD",
        "environments": {"here": {"kind": "local"}, "dr phönix": {"kind": "agent", "url": "tcp://127.0.0.1:9001"}},
        "stacks": {"service-a": {"environment": "dr phönix", "compose": COMPOSE, "variables": {
            "GREETING": "it's ü \"x\" $HOME\n,5:", "EMPTY": "", "TOKEN": {"secret": "env:TOKEN"},
        }}},
    });
    change(&mut config);
    let registry = Lab::new().registry;
    let feature = registry.feature("portainer-stacks").expect("it is registered");
    let site = Site::Guest(GuestId::lxc(100));
    feature.plan(&site, &config, &Facts::new()).unwrap_or_else(|found| panic!("{found}"))
}

#[test]
fn what_a_plan_does_is_what_the_api_takes_and_its_proofs_hold() {
    let stub = Stub::begin();
    // Every program that the script starts tells what it was given.
    for program in ["curl", "jq"] {
        let real = String::from_utf8(Command::new("which").arg(program).output().expect("which").stdout)
            .expect("UTF-8");
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\nexec {} \"$@\"\n",
            stub.path("argv").display(),
            real.trim()
        );
        stub.write(&format!("bin/{program}"), &text);
        fs::set_permissions(stub.path(&format!("bin/{program}")), fs::Permissions::from_mode(0o755))
            .expect("a mode");
    }
    let all = steps(|_| ());
    all.iter().for_each(|step| stub.perform(step));
    // Again, as after a run that was cut off: the same, and nothing more.
    let before = stub.state();
    all.iter().for_each(|step| stub.perform(step));
    assert_eq!(stub.state(), before);
    assert_eq!(before.len(), 3, "{before:#?}");
    let (_, stacks) = stub.curl("GET", "stacks", &[]);
    let variables: Vec<(&str, &str)> = stacks[0]["Env"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|pair| Some((pair["name"].as_str()?, pair["value"].as_str()?)))
        .collect();
    let wanted = [
        ("PHOENIX_STACK", "service-a"),
        ("EMPTY", ""),
        ("GREETING", "it's ü \"x\" $HOME\n,5:"),
        ("TOKEN", TOKEN),
    ];
    assert_eq!(variables, wanted);
    let told = fs::read_to_string(stub.path("argv")).expect("what programs were given");
    assert!(told.contains("auth") && !told.contains(PASSWORD) && !told.contains(TOKEN), "{told}");
    assert!(!told.contains("Bearer"), "a token is a secret too: {told}");
    assert!(!before.concat().contains(TOKEN));
}

#[test]
fn what_was_changed_by_hand_is_seen_and_mended_by_the_same_step() {
    let stub = Stub::begin();
    let all = steps(|_| ());
    all.iter().for_each(|step| stub.perform(step));
    let good = stub.state();
    let (_, stacks) = stub.curl("GET", "stacks", &[]);
    let (id, endpoint) = (stacks[0]["Id"].clone(), stacks[0]["EndpointId"].clone());
    let stack = all.iter().find(|step| step.id.verb() == "stack-service-a").expect("its step");
    let at = format!("stacks/{id}?endpointId={endpoint}");
    let mut env = stacks[0]["Env"].clone();
    env[3]["value"] = json!("another token");
    let changes = [
        ("PUT", json!({"StackFileContent": COMPOSE.replace(":1", ":2"), "Env": stacks[0]["Env"]})),
        // A secret that was changed in Portainer is seen, though nobody is told either of them.
        ("PUT", json!({"StackFileContent": COMPOSE, "Env": env})),
        // A service that the file does not have.
        ("PUT", json!({"StackFileContent": format!("{COMPOSE}  more: {{}}\n"), "Env": stacks[0]["Env"]})),
        ("DELETE", json!({})),
    ];
    for (method, body) in changes {
        let (status, said) = stub.curl(method, &at, &["-d", &body.to_string()]);
        assert!(status.starts_with('2'), "{method}: {status} {said}");
        let state = stub.state();
        assert_ne!(state, good, "{method}");
        assert_eq!(state[..2], good[..2], "{method}: only the stack has changed");
        stub.perform(stack);
        assert_eq!(stub.state().len(), 3);
    }
    // One that is declared no more goes by the step that is made for it, with its secrets.
    assert_eq!(stub.api(&["absent", "service-a"], "").0, 1);
    assert_eq!(stub.api(&["remove-stack", "service-a"], "").0, 0);
    assert_eq!((stub.api(&["absent", "service-a"], "").0, stub.state().len()), (0, 2));
    assert!(!stub.path("api/secrets/service-a").exists());
    assert_eq!(stub.api(&["remove-stack", "service-a"], "").0, 0, "it can be done twice");
}

#[test]
fn an_environment_that_moved_is_changed_and_a_stack_follows_its_declaration() {
    let stub = Stub::begin();
    steps(|_| ()).iter().for_each(|step| stub.perform(step));
    let moved = steps(|config| {
        config["environments"]["dr phönix"]["url"] = json!("tcp://127.0.0.2:9001");
        config["stacks"]["service-a"]["environment"] = json!("here");
        config["stacks"]["service-a"]["variables"] = json!({"TOKEN": "none any more"});
    });
    moved.iter().for_each(|step| stub.perform(step));
    assert_eq!(stub.state().len(), 3);
    assert!(!stub.path("api/secrets/service-a/TOKEN").exists(), "what is no secret any more has no file");
}

#[test]
fn what_stands_in_the_way_is_told_apart() {
    let stub = Stub::begin();
    stub.write("api/admin-password", "an old password");
    let (status, said, wrong) = stub.api(&["state"], "");
    let refused = "portainer-api: Portainer refuses the administrator's password (422)\n";
    assert_eq!((status, said.as_str(), wrong.as_str()), (4, "", refused));
    stub.write("api/admin-password", PASSWORD);
    stub.settings("other.pem");
    let (status, _, wrong) = stub.api(&["state"], "");
    assert!(
        status == 5 && wrong.contains("its certificate is not one for `portainer.example`"),
        "{status} {wrong}"
    );
    stub.settings("root.pem");
    let settings = json!({"name": NAME, "port": 1, "user": "admin", "ca": stub.path("root.pem")});
    stub.write("api/server.json", &settings.to_string());
    assert_eq!(stub.api(&["state"], "").0, 3);
    stub.settings("root.pem");
    // JSON in place of the form, as the scripts before Phoenix sent it.
    let (status, said) =
        stub.curl("POST", "endpoints", &["-H", "Content-Type: application/json", "-d", r#"{"Name": "a"}"#]);
    let told = json!({"message": "Invalid request payload", "details": "Invalid environment name"});
    assert_eq!((status.as_str(), said), ("400", told));
    assert_eq!(stub.state(), Vec::<String>::new());
    assert_eq!(
        stub.curl("GET", "users/admin/check", &[]).0,
        "204",
        "the administrator is there from the start"
    );
}

#[test]
fn a_stack_of_somebody_else_is_left_alone_and_a_failure_tells_no_secret() {
    let stub = Stub::begin();
    let all = steps(|_| ());
    let (first, stack): (Vec<_>, Vec<_>) = all.iter().partition(|step| step.id.verb() != "stack-service-a");
    first.iter().for_each(|step| stub.perform(step));
    let (_, endpoints) = stub.curl("GET", "endpoints", &[]);
    let foreign = json!({"Name": "service-a", "StackFileContent": COMPOSE, "Env": []}).to_string();
    let path = format!("stacks/create/standalone/string?endpointId={}", endpoints[0]["Id"]);
    let (status, made) = stub.curl("POST", &path, &["-d", &foreign]);
    assert_eq!(status, "200", "{made}");
    assert!(stub.state().iter().any(|line| line.contains("\"owned\":false")));
    let Action::Run { stdin: Some(stdin), .. } = &stack[0].action else { panic!("a command") };
    let stdin = stdin.over("").expect("no secret");
    let (status, _, wrong) = stub.api(&["stack", "service-a"], &stdin);
    assert!(status == 6 && wrong.contains("is there and is not Phoenix's"), "{status} {wrong}");
    assert_eq!(stub.api(&["remove-stack", "service-a"], "").0, 6);
    // What Portainer says of a failure may repeat what it was given.
    let broken = stdin.replace("services:", "service:");
    stub.curl("DELETE", &format!("stacks/{}?endpointId={}", made["Id"], endpoints[0]["Id"]), &[]);
    let (status, _, wrong) = stub.api(&["stack", "service-a"], &broken);
    assert!(status == 6 && wrong.contains("failed to deploy") && !wrong.contains(TOKEN), "{status} {wrong}");
}
