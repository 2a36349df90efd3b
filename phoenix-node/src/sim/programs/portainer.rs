//! `portainer-api`: the script of the feature `portainer-stacks`, in front of a Portainer that is as good as the container
//! of that name. It knows environments and stacks; whether an agent answers, and what stacks do, is not modelled.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Yaml};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::sim::programs::{Ran, Run, docker};

/// Where the server keeps what it has.
const STATE: &str = "/var/lib/portainer/portainer.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Server {
    environments: BTreeMap<String, (String, String)>,
    stacks: BTreeMap<String, Stack>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stack {
    environment: String,
    sum: String,
    services: BTreeSet<String>,
}

pub(super) fn api(run: Run<'_>) -> Ran {
    if run.world.package("jq").is_none() || run.world.package("curl").is_none() {
        return Ran::failed(127, "portainer-api: jq: not found");
    }
    if !docker::runs(run.world, "portainer") {
        return Ran::failed(3, "portainer-api: it does not answer: Connection refused");
    }
    let kept = run.world.text(STATE).and_then(|text| serde_json::from_str(text).ok());
    let mut server: Server = kept.unwrap_or_default();
    let wanted = run.stdin.and_then(|stdin| serde_json::from_slice(stdin).ok());
    let ran = server.answer(&run.words(), &wanted.unwrap_or_default());
    if ran.status == 0 {
        run.world.write(STATE, serde_json::to_string(&server).unwrap_or_default());
    }
    ran
}

impl Server {
    fn answer(&mut self, words: &[&str], wanted: &Value) -> Ran {
        match *words {
            [_, "state"] => Ran::said(self.lines()),
            [_, "environment", name, kind, url] => {
                self.environments.insert(name.to_owned(), (kind.to_owned(), url.to_owned()));
                Ran::default()
            }
            [_, "stack", name] => {
                let environment = wanted["environment"].as_str().unwrap_or_default().to_owned();
                if !self.environments.contains_key(&environment) {
                    return Ran::failed(6, format!("portainer-api: there is no environment `{environment}`"));
                }
                let services = services(wanted["compose"].as_str().unwrap_or_default());
                self.stacks.insert(name.to_owned(), Stack { environment, sum: sum(wanted), services });
                Ran::default()
            }
            [_, "remove-stack", name] => {
                self.stacks.remove(name);
                Ran::default()
            }
            [_, "absent", name] if self.stacks.contains_key(name) => Ran::failed(1, ""),
            [_, "absent", _] => Ran::default(),
            _ => Ran::failed(6, "portainer-api: there is no such verb"),
        }
    }

    fn lines(&self) -> String {
        let environments = self.environments.iter().map(|(name, (kind, url))| {
            line(&[("environment", json!(name)), ("kind", json!(kind)), ("url", json!(url))])
        });
        let stacks = self.stacks.iter().map(|(name, stack)| {
            line(&[
                ("environment", json!(stack.environment)),
                ("owned", json!(true)),
                ("services", json!(stack.services)),
                ("stack", json!(name)),
                ("sum", json!(stack.sum)),
            ])
        });
        environments.chain(stacks).collect()
    }
}

fn line(keys: &[(&str, Value)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}\n", keys.join(","))
}

/// Returns the services of a compose file.
fn services(text: &str) -> BTreeSet<String> {
    let documents = Yaml::load_from_str(text).unwrap_or_default();
    let services = documents.first().and_then(|root| root.as_mapping_get("services")?.as_mapping());
    services.into_iter().flatten().filter_map(|(name, _)| Some(name.as_str()?.to_owned())).collect()
}

/// Returns the digest that the script makes of a file and its variables.
fn sum(wanted: &Value) -> String {
    let counted = |value: &Value| {
        let value = value.as_str().unwrap_or_default();
        format!("{}:{value},", value.len())
    };
    let mut text = counted(&wanted["compose"]);
    for variable in wanted["variables"].as_array().into_iter().flatten() {
        text += &counted(&variable["name"]);
        text += &variable.get("value").map_or("s,".to_owned(), |value| format!("v{}", counted(value)));
    }
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use crate::sim::{
        programs::{run, tests::say},
        world::{Unit, World},
    };

    #[test]
    fn stacks_are_what_they_were_made_of_until_they_are_removed() {
        let mut world = World::of_image("ubuntu-24.04");
        let state = "/usr/local/lib/phoenix/portainer-api /etc/phoenix/portainer state";
        assert_eq!(say(&mut world, state).status, 127);
        for package in ["jq", "curl", "docker.io"] {
            world.put_package(package, Some("1".to_owned()));
        }
        assert_eq!(say(&mut world, state).status, 3);
        world.put_unit("docker.service", Some(Unit { active: true, enabled: true }));
        say(&mut world, "docker run -d --name portainer p:1");
        assert_eq!(say(&mut world, state).stdout, "");
        say(&mut world, "portainer-api /f environment lab agent tcp://10.0.0.1:9001");
        let wanted = br#"{"environment": "lab", "compose": "services: { web: {} }", "variables": []}"#;
        let argv = ["portainer-api", "/f", "stack", "a"].map(str::to_owned);
        assert_eq!(run(&mut world, &argv, Some(wanted)).status, 0);
        let said = say(&mut world, state).stdout;
        assert!(said.starts_with("{\"environment\":\"lab\",\"kind\":\"agent\","), "{said}");
        assert!(said.contains("\"services\":[\"web\"],\"stack\":\"a\",\"sum\":\""), "{said}");
        assert_eq!(say(&mut world, "portainer-api /f absent a").status, 1);
        say(&mut world, "portainer-api /f remove-stack a");
        assert_eq!(say(&mut world, "portainer-api /f absent a").status, 0);
    }
}
