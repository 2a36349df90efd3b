//! `python-api-service`.

use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn service() -> Value {
    json!({"services": {"hello": {
        "command": ["uvicorn", "app:app", "--port", "8000", "--header", "x: $(id) \"%n\" $HOME ü"],
        "requirements": ["uvicorn==0.30.1", "fastapi[standard]==0.111.0"],
        "files": {"app.py": "print('hi')\n", "sub/données.txt": "a\n"},
        "environment": {"GREETING": "it's \"quoted\" $(id) %n\nsecond line"},
        "secret_files": {"TOKEN_FILE": "cmd:echo secret"},
        "health": "http://127.0.0.1:8000/health",
    }}})
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = lab(&[("python-api-service", service())]);
    insta::assert_json_snapshot!(first_plan(&lab, "python-api-service"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = lab(&[("python-api-service", service())]);
    let own = |verb: &str| format!("python-api-service:{verb}");
    let again = [own("restart-hello.service"), own("ready-hello")];
    let check = |harm: Harm<'_>, first: &[&str]| {
        let expected: Vec<String> = first.iter().map(|verb| own(verb)).chain(again.clone()).collect();
        mends(&lab, &harm, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    check(Harm::Edit("/opt/hello/app.py"), &["write-hello-app-py"]);
    check(Harm::Edit("/etc/systemd/system/hello.service"), &["write-hello-unit"]);
    check(Harm::Edit("/opt/hello/.venv/requirements.txt"), &["write-hello-requirements", "install-hello"]);
    mends(&lab, &Harm::Stop("hello.service"), &[&own("start-hello.service"), &own("ready-hello")]);
}

#[test]
fn what_is_not_pinned_or_leads_elsewhere_is_refused() {
    let with = |key: &str, value: Value| {
        let mut service = json!({"command": ["python"]});
        service[key] = value;
        refusals(&lab(&[("python-api-service", json!({"services": {"a": service}}))]))
    };
    for (key, value, says) in [
        ("requirements", json!(["uvicorn"]), "`uvicorn` names no exact version"),
        ("requirements", json!(["-r==/etc/passwd"]), "names no exact version"),
        ("files", json!({"../x": ""}), "`../x` is no path below"),
        ("command", json!(["/bin/sh"]), "without a path"),
        ("environment", json!({"A=B": ""}), "`A=B` cannot be a variable"),
        ("environment", json!({"BELL": "\u{7}"}), "`BELL` cannot be a variable, or not with this value"),
    ] {
        let messages = with(key, value);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
