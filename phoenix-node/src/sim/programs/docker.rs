//! `docker`: images that are pulled, containers that are made, by hand or from a compose file, and what is said of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sim::{
    programs::{Ran, Run},
    world::World,
};

/// Where the engine keeps what it has.
const STATE: &str = "/var/lib/docker/engine.json";
const VERSION: &str = "28.2.2";
/// Where Phoenix keeps the archives of images.
const IMAGES: &str = "/var/lib/phoenix/images/";
/// Options with a word of their own behind them.
const WITH_VALUE: [&str; 18] = [
    "-e",
    "--env",
    "-f",
    "--file",
    "--filter",
    "--format",
    "-i",
    "--input",
    "--label",
    "-l",
    "--name",
    "--network",
    "-p",
    "--publish",
    "--restart",
    "--type",
    "-v",
    "--volume",
];

#[derive(Debug, Default, Serialize, Deserialize)]
struct Engine {
    images: BTreeSet<String>,
    containers: BTreeMap<String, Container>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Container {
    image: String,
    labels: BTreeMap<String, String>,
    running: bool,
}

/// Words of a command line: options with their values, and the rest.
struct Words<'a> {
    options: Vec<(&'a str, &'a str)>,
    plain: Vec<&'a str>,
}

pub(super) fn docker(run: Run<'_>) -> Ran {
    if run.world.package("docker.io").is_none() && run.world.package("docker-ce").is_none() {
        return Ran::failed(127, "docker: command not found");
    }
    let words = Words::read(&run.words());
    // What needs no engine.
    match words.plain[..] {
        ["compose", "config"] => {
            return match compose(run.world, &words) {
                Ok(_) => Ran::default(),
                Err(failed) => failed,
            };
        }
        ["compose", "version"] => return Ran::said("Docker Compose version 2.37.1\n"),
        _ => {}
    }
    if !run.world.unit("docker.service").is_some_and(|unit| unit.active) {
        return Ran::failed(
            1,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        );
    }
    let mut engine = Engine::read(run.world);
    let ran = engine.answer(run.world, &words);
    engine.write(run.world);
    ran
}

/// Tells whether the engine runs a container of that name.
pub(super) fn runs(world: &World, name: &str) -> bool {
    let is_up = world.unit("docker.service").is_some_and(|unit| unit.active);
    is_up && Engine::read(world).containers.get(name).is_some_and(|container| container.running)
}

impl Engine {
    fn read(world: &World) -> Self {
        world.text(STATE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    fn write(&self, world: &mut World) {
        let text = serde_json::to_string(self).expect("the keys are texts");
        if !(self.images.is_empty() && self.containers.is_empty()) || world.file(STATE).is_some() {
            world.write(STATE, text);
        }
    }

    fn answer(&mut self, world: &World, words: &Words<'_>) -> Ran {
        match words.plain[..] {
            ["info"] => Ran::said(format!("{}\n", words.format().map_or("", |_| VERSION))),
            ["pull", image] | ["image", "pull", image] => {
                self.images.insert(image.to_owned());
                Ran::said(format!("{image}\n"))
            }
            ["image", "rm", ref names @ ..] => {
                self.images.retain(|image| !names.contains(&image.as_str()));
                Ran::default()
            }
            ["load"] | ["image", "load"] => self.load(world, words),
            ["image", "inspect", image] => match self.images.contains(image) {
                true => Ran::said(format!("{}\n", words.format().unwrap_or("[]"))),
                false => Ran::failed(1, format!("Error: No such image: {image}")),
            },
            ["inspect" | "container", .., name]
                if words.plain[0] == "inspect" || words.plain[1] == "inspect" =>
            {
                match self.containers.get(name) {
                    Some(container) => {
                        Ran::said(format!("{}\n", container.fill(words.format().unwrap_or("[]"))))
                    }
                    None => Ran::failed(1, format!("Error: No such container: {name}")),
                }
            }
            ["ps"] => {
                let all = words.has("-a") || words.has("--all");
                let shown = self.containers.iter().filter(|(_, container)| all || container.running);
                Ran::said(
                    shown
                        .map(|(name, container)| format!("{name} {}\n", container.image))
                        .collect::<String>(),
                )
            }
            ["run", image, ..] => {
                let name = words.get("--name").unwrap_or(image).to_owned();
                if self.containers.contains_key(&name) {
                    return Ran::failed(
                        125,
                        format!("Conflict. The container name \"/{name}\" is already in use"),
                    );
                }
                self.images.insert(image.to_owned());
                let labels = words.all(&["-l", "--label"]).filter_map(|label| label.split_once('='));
                let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                self.containers.insert(name, Container { image: image.to_owned(), labels, running: true });
                Ran::default()
            }
            [verb @ ("start" | "restart" | "stop" | "kill"), ref names @ ..] => {
                self.each(names, |engine, name| {
                    if let Some(container) = engine.containers.get_mut(name) {
                        container.running = matches!(verb, "start" | "restart");
                    }
                })
            }
            ["rm", ref names @ ..] => self.each(names, |engine, name| drop(engine.containers.remove(name))),
            ["compose", "up"] => match compose(world, words) {
                Ok(described) => {
                    for (name, container) in described {
                        self.images.insert(container.image.clone());
                        self.containers.insert(name, container);
                    }
                    Ran::default()
                }
                Err(failed) => failed,
            },
            ["compose", "down"] => match compose(world, words) {
                Ok(described) => {
                    self.containers.retain(|name, _| !described.contains_key(name));
                    Ran::default()
                }
                Err(failed) => failed,
            },
            // Networks, volumes and the like.
            _ => Ran::default(),
        }
    }

    /// What is in an archive is not modelled: the path below the folder of images says which image it is.
    fn load(&mut self, world: &World, words: &Words<'_>) -> Ran {
        let path = words.get("--input").or_else(|| words.get("-i")).unwrap_or_default();
        let image = path.strip_prefix(IMAGES).and_then(|name| name.strip_suffix(".tar"));
        match image.filter(|_| world.file(path).is_some()) {
            Some(image) => {
                self.images.insert(image.to_owned());
                Ran::said(format!("Loaded image: {image}\n"))
            }
            None => Ran::failed(1, format!("open {path}: no such file or directory")),
        }
    }

    fn each(&mut self, names: &[&str], work: impl Fn(&mut Self, &str)) -> Ran {
        for name in names {
            if !self.containers.contains_key(*name) {
                return Ran::failed(1, format!("Error response from daemon: No such container: {name}"));
            }
            work(self, name);
        }
        Ran::default()
    }
}

impl Container {
    /// Fills a template in, as far as it asks for what is known.
    fn fill(&self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (asked, after) = behind.split_once("}}").unwrap_or((behind, ""));
            text.push_str(before);
            text.push_str(&self.value(asked.trim()));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn value(&self, asked: &str) -> String {
        let label = asked.strip_prefix("index .Config.Labels ").map(|key| key.trim_matches('"'));
        match (asked, label) {
            (_, Some(key)) => self.labels.get(key).cloned().unwrap_or_default(),
            (".State.Running", None) => self.running.to_string(),
            (".State.Status", None) => if self.running { "running" } else { "exited" }.to_owned(),
            (".Config.Image", None) => self.image.clone(),
            _ => "<no value>".to_owned(),
        }
    }
}

impl<'a> Words<'a> {
    fn read(words: &[&'a str]) -> Self {
        let mut read = Self { options: Vec::new(), plain: Vec::new() };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            // To remove by force takes no word; everywhere else there is a file or a format behind it.
            let is_force = word == "-f" && read.plain.first() == Some(&"rm");
            match word.split_once('=') {
                _ if !word.starts_with('-') => read.plain.push(word),
                Some((name, value)) => read.options.push((name, value)),
                None if WITH_VALUE.contains(&word) && !is_force => {
                    read.options.push((word, words.next().unwrap_or_default()))
                }
                None => read.options.push((word, "")),
            }
        }
        read
    }

    fn all(&self, names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(|(name, _)| names.contains(name)).map(|(_, value)| *value)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.options.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn format(&self) -> Option<&'a str> {
        self.get("--format").or_else(|| self.get("-f"))
    }
}

/// Returns the containers that a compose file describes. Of one in YAML that is no JSON, nothing is known.
fn compose(world: &World, words: &Words<'_>) -> Result<BTreeMap<String, Container>, Ran> {
    let path = words.get("-f").or_else(|| words.get("--file")).unwrap_or("compose.yaml");
    let text =
        world.text(path).ok_or_else(|| Ran::failed(14, format!("open {path}: no such file or directory")))?;
    let Ok(file) = serde_json::from_str::<Value>(text) else {
        let is_table = text.lines().any(|line| line.trim_end() == "services:");
        let wrong = || Ran::failed(15, format!("validating {path}: services is missing"));
        return if is_table { Ok(BTreeMap::new()) } else { Err(wrong()) };
    };
    let services = file["services"].as_object();
    let services =
        services.ok_or_else(|| Ran::failed(15, format!("validating {path}: services is missing")))?;
    let described = services.iter().map(|(name, service)| {
        let labels = service["labels"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let container = Container {
            image: service["image"].as_str().unwrap_or_default().to_owned(),
            labels: labels.collect(),
            running: true,
        };
        (service["container_name"].as_str().unwrap_or(name).to_owned(), container)
    });
    Ok(described.collect())
}

#[cfg(test)]
mod tests {
    use crate::sim::{
        programs::{Ran, run, tests::say},
        world::{Unit, World},
    };

    fn engine() -> World {
        let mut world = World::of_image("ubuntu-24.04");
        assert_eq!(say(&mut world, "docker info").status, 127);
        world.put_package("docker.io", Some("1".to_owned()));
        assert_eq!(say(&mut world, "docker info").status, 1);
        world.put_unit("docker.service", Some(Unit { active: true, enabled: true }));
        world
    }

    fn asked(world: &mut World) -> Ran {
        let format = "{{.State.Running}} {{index .Config.Labels \"mark\"}}";
        let argv = ["docker", "inspect", "--type", "container", "--format", format, "p"].map(str::to_owned);
        run(world, &argv, None)
    }

    #[test]
    fn images_are_there_once_they_are_pulled() {
        let mut world = engine();
        let there = "docker image inspect --format present x:1@sha256:ab";
        assert_eq!(say(&mut world, there).status, 1);
        assert_eq!(say(&mut world, "docker pull --quiet x:1@sha256:ab").status, 0);
        assert_eq!(say(&mut world, there).stdout, "present\n");
    }

    #[test]
    fn an_image_is_loaded_from_the_archive_that_bears_its_name() {
        let mut world = engine();
        let load = "docker load --quiet --input /var/lib/phoenix/images/homelab/hello:1.tar";
        assert_eq!(say(&mut world, load).status, 1);
        world.write("/var/lib/phoenix/images/homelab/hello:1.tar", "an archive");
        assert_eq!(say(&mut world, load).status, 0);
        assert_eq!(say(&mut world, "docker image inspect homelab/hello:1").status, 0);
        assert_eq!(say(&mut world, "docker image inspect homelab/hello:2").status, 1);
    }

    #[test]
    fn a_compose_file_describes_containers() {
        let mut world = engine();
        assert_eq!(asked(&mut world).status, 1);
        assert_eq!(say(&mut world, "docker compose -f /c.yaml up --detach").status, 14);
        world.write("/c.yaml", "{\"services\": {\"s\": {\"container_name\": \"p\", \"image\": \"i\", \"labels\": {\"mark\": \"7\"}}}}");
        assert_eq!(say(&mut world, "docker compose -f /c.yaml config -q").status, 0);
        assert_eq!(say(&mut world, "docker compose -f /c.yaml up --detach").status, 0);
        assert_eq!(asked(&mut world).stdout, "true 7\n");
        assert_eq!(say(&mut world, "docker stop p").status, 0);
        assert_eq!(asked(&mut world).stdout, "false 7\n");
        assert_eq!(say(&mut world, "docker rm -f p").status, 0);
        assert_eq!(say(&mut world, "docker rm p").status, 1);
        world.write("/c.yaml", "{}");
        assert_eq!(say(&mut world, "docker compose -f /c.yaml config -q").status, 15);
    }

    #[test]
    fn a_container_is_run_by_hand() {
        let mut world = engine();
        assert_eq!(say(&mut world, "docker run -d --name p --label mark=8 -p 80:80 image:1").status, 0);
        assert_eq!(asked(&mut world).stdout, "true 8\n");
        assert_eq!(say(&mut world, "docker run -d --name p image:1").status, 125);
        assert_eq!(say(&mut world, "docker ps").stdout, "p image:1\n");
    }
}
