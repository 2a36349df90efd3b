//! `nginx`.

use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

const CONF: &str = "/etc/nginx/nginx.conf";

fn gateway() -> Value {
    json!({
        "acme_webroot": "/var/www/acme",
        "client_max_body_size": "64m",
        "sites": [
            {
                "server_names": ["a.example", "b.example"],
                "tls": {"certificate": "/etc/ssl/a.crt", "key": "/etc/ssl/a.key"},
                "locations": [
                    {"proxy": "http://10.0.0.12:80"},
                    {"path": "/files/", "root": "/srv/files"},
                ],
            },
            {"server_names": ["_"], "locations": [{"answer": "say \"hi\" {;}\\ ü"}]},
        ],
        "streams": [{"port": 5432, "to": "10.0.0.102:5432"}, {"port": 53, "to": "10.0.0.13:53", "udp": true}],
    })
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = lab(&[("nginx", gateway())]);
    insta::assert_json_snapshot!(first_plan(&lab, "nginx"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = lab(&[("nginx", gateway())]);
    let written = ["nginx:write-config", "nginx:reload-nginx.service", "nginx:answers"];
    mends(&lab, &Harm::Edit(CONF), &written);
    mends(&lab, &Harm::Remove(CONF), &written);
    mends(&lab, &Harm::Stop("nginx.service"), &["nginx:start-nginx.service", "nginx:answers"]);
    // A certificate that was renewed is a file that nginx has not read.
    mends(&lab, &Harm::Edit("/etc/ssl/a.crt"), &["nginx:reload-nginx.service", "nginx:answers"]);
}

#[test]
fn what_would_end_a_line_of_its_file_is_refused() {
    let with = |site: Value| refusals(&lab(&[("nginx", json!({"sites": [site]}))]));
    for (wrong, says) in [
        (json!({"server_names": ["a; }"], "locations": []}), "`a; }` is not one word"),
        (json!({"server_names": [], "locations": []}), "the site has no name"),
        (
            json!({"server_names": ["a"], "locations": [{"proxy": "http://$host"}]}),
            "`http://$host` is not one word",
        ),
        (json!({"server_names": ["a"], "locations": [{}]}), "one of `proxy`, `root` and `answer`"),
        (json!({"server_names": ["a"], "locations": [{"answer": "$uri"}]}), "`$` in an answer"),
        (json!({"server_names": ["a"], "location": []}), "unknown field `location`"),
    ] {
        let messages = with(wrong);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
