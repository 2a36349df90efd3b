//! Docker for real: a service of a compose file that other guests reach, and the engine over the network.

use phoenix_core::{Backend, FeatureUse, engine::Events};
use phoenix_tests::{laws, world::World};
use serde_json::{Value, json};

use super::{config, done, example, guest, mends, said, steps, stores};
use crate::on_the_real_way;

/// Makes an image of what Perl needs, and starts a service of it by a compose file.
const SERVE: &str = r#"set -e
mkdir -p /root/web; cd /root/web
files=$(ldd /usr/bin/perl | grep -o '/[^ ]*'; find /usr/lib/x86_64-linux-gnu/perl-base -type f)
tar -cPh /usr/bin/perl $files | docker import - web:1 >/dev/null
cat >serve.pl <<'EOF'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die;
while (my $c = $s->accept) { <$c>; print $c "HTTP/1.0 200 OK\r\n\r\n$ENV{GREETING}"; close $c }
EOF
cat >compose.yaml <<'EOF'
services:
  web:
    image: web:1
    pull_policy: never
    command: ["/usr/bin/perl", "/serve.pl"]
    environment: { GREETING: "from a container of Docker" }
    ports: ["8080:80"]
    volumes: ["./serve.pl:/serve.pl:ro"]
EOF
docker compose up --detach --quiet-pull >/dev/null 2>&1 || docker compose up --detach"#;

/// Makes an authority, and certificates of it for the engine and for a client.
const CERTIFICATES: &str = r#"set -e
mkdir -p /etc/docker/tls; cd /etc/docker/tls
make() { openssl req -batch -newkey rsa:2048 -nodes -keyout "$1-key.pem" -subj "/CN=$1" "${@:2}" 2>/dev/null; }
make ca -x509 -days 2 -out ca.pem
for name in server client; do
    make "$name" -x509 -days 2 -CA ca.pem -CAkey ca-key.pem -addext "subjectAltName=IP:10.0.0.99" \
        -addext basicConstraints=CA:false -out "$name.pem"
done"#;

#[test]
fn docker_serves_other_guests_and_is_mended() {
    let Some(stores) = stores(&[]) else { return };
    on_the_real_way(async |way| {
        let kept = [900, 901, 902, 910, 955];
        let (resolved, seed) = example(&stores, &kept, |_| ());
        let world = way.seeded(seed).await;
        laws::settle(&resolved, world.backend.as_ref()).await;
        assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());

        done(&world, guest(910), SERVE).await;
        let ask =
            "curl -fsS --max-time 5 --retry 5 --retry-all-errors --retry-delay 1 http://10.0.0.99:8080/";
        assert_eq!(done(&world, guest(955), ask).await, "from a container of Docker");

        let again = ["docker:restart-docker.service", "docker:answers"];
        let harm = (910, "echo '{}' >/etc/docker/daemon.json");
        mends(&world, &resolved, harm, &["docker:write-daemon-json", again[0], again[1]]).await;
        let harm = (910, "systemctl stop docker.socket docker.service");
        mends(&world, &resolved, harm, &["docker:start-docker.service", "docker:answers"]).await;

        // Over the network, for whoever has a certificate.
        done(&world, guest(910), &format!("bash -c '{}'", CERTIFICATES.replace('\'', "'\\''"))).await;
        let (remote, _) = example(&stores, &kept, |desired| {
            let path = |name: &str| format!("/etc/docker/tls/{name}.pem");
            config(desired, 910, "docker")["remote"] = json!({
                "authority": path("ca"), "certificate": path("server"), "key": path("server-key"),
            });
        });
        laws::settle(&remote, world.backend.as_ref()).await;
        assert_eq!(steps(&world, &remote).await, Vec::<String>::new());
        for name in ["ca", "client", "client-key"] {
            let text = done(&world, guest(910), &format!("cat /etc/docker/tls/{name}.pem")).await;
            done(&world, guest(955), &format!("cat >/root/{name}.pem <<'EOF'\n{text}\nEOF")).await;
        }
        let ask = "curl -fsS --max-time 10 --cacert /root/ca.pem https://10.0.0.99:2376/version";
        let known = format!("{ask} --cert /root/client.pem --key /root/client-key.pem");
        let version: Value = serde_json::from_str(&done(&world, guest(955), &known).await).expect("JSON");
        assert!(version["ApiVersion"].is_string(), "{version}");
        let (status, answer) = said(&world, guest(955), ask).await;
        assert_ne!(status, 0, "nobody is let in without a certificate: {answer}");

        describe_portainer(&world, &stores, &kept).await;
    });
}

/// Writes Portainer's compose file, which the real Docker finds good first. Its image cannot be had here.
async fn describe_portainer(world: &World, stores: &phoenix_tests::stores::Stores, kept: &[u32]) {
    let (resolved, _) = example(stores, kept, |desired| {
        let image = format!("portainer/portainer-ce:2.33.2@sha256:{}", "ab".repeat(32));
        let server = json!({"role": "server", "image": image, "admin_password": "cmd:echo secret-secret"});
        let guest = desired.resources.get_mut(&"lxc/910".parse().expect("an id")).expect("it is there");
        guest.features.push(FeatureUse::new("portainer", server));
    });
    let plan = world.plan(&resolved).await.unwrap_or_else(|found| panic!("{found}"));
    let mut own = plan.steps.iter().filter(|step| step.id.owner() == "portainer");
    for step in own.by_ref() {
        let done = world.backend.perform(step, &Events::silent()).await;
        assert!(done.is_ok(), "{}: {done:?}", step.id);
        if step.id.verb() == "write-compose" {
            break;
        }
    }
    assert!(own.any(|step| step.id.verb() == "bring-up"), "the file comes before what needs it");
    let listed = "docker compose -f /etc/portainer/compose.yaml config --services";
    assert_eq!(done(world, guest(910), listed).await, "portainer");
}
