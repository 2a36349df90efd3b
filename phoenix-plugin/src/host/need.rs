//! A need: one thing that an action, a probe or a claim wants to be allowed. What can never be allowed is a refusal.

use phoenix_core::{
    Action, Artifact, Capabilities, Claim, Condition, Content, Probe, SecretRef, Site, artifact::Source,
};

/// One thing to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Writes or removes what is at a path.
    File(String),
    /// Reads what is at a path.
    Read(String),
    /// Lets a link point to a path.
    Link(String),
    /// Installs a package, or asks about it.
    Package(String),
    /// Sets a unit, or asks about it.
    Unit(String),
    /// Makes a user, or asks about it.
    User(String),
    /// Puts a user into a group.
    Group(String),
    /// Runs a command.
    Command(Vec<String>),
    /// Wants something of the guest.
    Claim(String),
    /// Has an artifact from somewhere: a URL, or `file:` before a path of this machine.
    Download(String),
    /// Uses a secret.
    Secret(SecretRef),
}

/// Why something is allowed to no plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Need {
    /// Returns what an action at a site needs.
    pub fn of_action(action: &Action, site: &Site) -> Result<Vec<Self>, Refusal> {
        if action.site().is_some_and(|own| own != site) {
            return Err(Refusal("it works outside its own site".to_owned()));
        }
        Ok(match action {
            Action::WriteFile { path, content, mode, check, .. } => {
                plain_mode(*mode)?;
                let mut needs = vec![Self::file(path)?];
                needs.extend(Self::of_content(content, site)?);
                if !check.is_empty() {
                    needs.push(Self::command(check)?);
                }
                needs
            }
            Action::InstallArtifact { artifact, path, mode, .. } => {
                plain_mode(*mode)?;
                word(&artifact.name)?;
                vec![Self::file(path)?, Self::Download(source(artifact)?)]
            }
            Action::MakeDirectory { path, mode, .. } => {
                plain_mode(*mode & !0o1000)?;
                vec![Self::file(path)?]
            }
            Action::Symlink { path, target, .. } => {
                vec![Self::file(path)?, Self::Link(normal(&against(path, target))?)]
            }
            Action::RemoveFile { path, .. } => vec![Self::file(path)?],
            Action::InstallPackages { names, .. } => {
                names.iter().map(|name| word(name).map(Self::Package)).collect::<Result<_, _>>()?
            }
            Action::EnsureUser { name, groups, password_hash, .. } => {
                let mut needs = vec![Self::User(word(name)?)];
                for group in groups {
                    needs.push(Self::Group(word(group)?));
                }
                needs.extend(password_hash.clone().map(Self::Secret));
                needs
            }
            Action::SetUnit { name, .. } => vec![Self::Unit(word(name)?)],
            Action::Run { argv, stdin, proof, .. } => {
                let mut needs = vec![Self::command(argv)?];
                if let Some(stdin) = stdin {
                    needs.extend(Self::of_content(stdin, site)?);
                }
                needs.extend(Self::of_condition(proof, site)?);
                needs
            }
            Action::Await { condition, .. } => Self::of_condition(condition, site)?,
            Action::Reboot { .. } => {
                return Err(Refusal("it reboots a host, which only Phoenix does".to_owned()));
            }
            Action::FetchOsTemplate { .. }
            | Action::FetchImage { .. }
            | Action::CreateLxc { .. }
            | Action::CreateVm { .. }
            | Action::Clone { .. }
            | Action::Configure { .. }
            | Action::SetRawKeys { .. }
            | Action::Resize { .. }
            | Action::Start { .. }
            | Action::Stop { .. }
            | Action::Migrate { .. }
            | Action::Delete { .. }
            | Action::Snapshot { .. }
            | Action::DeleteSnapshot { .. }
            | Action::Rollback { .. }
            | Action::MakeTemplate { .. }
            | Action::Firewall { .. }
            | Action::Object { .. } => {
                return Err(Refusal(
                    "it changes a guest, a firewall or the cluster from outside, which only Phoenix does"
                        .to_owned(),
                ));
            }
        })
    }

    /// Returns what a question, put by a feature at a site, needs.
    pub fn of_probe(probe: &Probe, site: &Site) -> Result<Vec<Self>, Refusal> {
        if probe.site().is_some_and(|own| own != site) {
            return Err(Refusal("it asks outside its own site".to_owned()));
        }
        Ok(match probe {
            Probe::File { path, .. } => vec![Self::Read(normal(path)?)],
            Probe::Package { name, .. } => vec![Self::Package(word(name)?)],
            Probe::Unit { name, reads, .. } => {
                let mut needs = vec![Self::Unit(word(name)?)];
                for path in reads {
                    needs.push(Self::Read(normal(path)?));
                }
                needs
            }
            Probe::User { name, .. } => vec![Self::User(word(name)?)],
            Probe::Command { argv, .. } => vec![Self::command(argv)?],
            Probe::Nodes
            | Probe::Guests
            | Probe::Storages { .. }
            | Probe::Volumes { .. }
            | Probe::Config { .. }
            | Probe::Snapshots { .. }
            | Probe::Firewall { .. }
            | Probe::FirewallNames { .. }
            | Probe::Objects { .. } => {
                return Err(Refusal("it asks about the cluster, which only Phoenix does".to_owned()));
            }
        })
    }

    /// Returns what a claim needs.
    pub fn of_claim(claim: &Claim) -> Self {
        Self::Claim(match claim {
            Claim::Nesting => "nesting".to_owned(),
            Claim::Keyctl => "keyctl".to_owned(),
            Claim::Device { path, .. } => format!("device:{path}"),
            Claim::Pci { device } => format!("pci:{device}"),
            Claim::Memory { .. } => "memory".to_owned(),
            Claim::Disk { .. } => "disk".to_owned(),
            Claim::Mount { source, .. } => format!("mount:{source}"),
            Claim::RawKey { key, .. } => format!("raw-key:{key}"),
            Claim::Guest { guest } => format!("guest:{guest}"),
            Claim::GpuMemory { gpu, .. } => format!("gpu-memory:{gpu}"),
        })
    }

    /// Adds to capabilities what would allow it.
    pub fn add_to(&self, capabilities: &mut Capabilities) {
        let (list, text) = match self {
            Self::File(path) => (&mut capabilities.files, path.clone()),
            Self::Read(path) => (&mut capabilities.reads, path.clone()),
            Self::Link(path) => (&mut capabilities.links, path.clone()),
            Self::Package(name) => (&mut capabilities.packages, name.clone()),
            Self::Unit(name) => (&mut capabilities.units, name.clone()),
            Self::User(name) => (&mut capabilities.users, name.clone()),
            Self::Group(name) => (&mut capabilities.groups, name.clone()),
            Self::Command(argv) => (&mut capabilities.commands, argv.first().cloned().unwrap_or_default()),
            Self::Claim(name) => (&mut capabilities.claims, name.clone()),
            Self::Download(source) => (&mut capabilities.downloads, source.clone()),
            Self::Secret(secret) => (&mut capabilities.secrets, secret.to_string()),
        };
        list.insert(text);
    }

    /// Returns what it is, for a sentence: `to write …`.
    pub fn sentence(&self) -> String {
        match self {
            Self::File(path) => format!("to write `{path}`"),
            Self::Read(path) => format!("to read `{path}`"),
            Self::Link(path) => format!("to link to `{path}`"),
            Self::Package(name) => format!("to manage the package `{name}`"),
            Self::Unit(name) => format!("to manage the unit `{name}`"),
            Self::User(name) => format!("to manage the user `{name}`"),
            Self::Group(name) => format!("to put a user into the group `{name}`"),
            Self::Command(argv) => format!("to run `{}`", argv.join(" ")),
            Self::Claim(name) => format!("to claim `{name}`"),
            Self::Download(source) => format!("to install what comes from `{source}`"),
            Self::Secret(secret) => format!("to use the secret `{secret}`"),
        }
    }

    fn of_content(content: &Content, site: &Site) -> Result<Vec<Self>, Refusal> {
        match content {
            Content::Text(_) | Content::Block { .. } => Ok(Vec::new()),
            Content::Secret(secret) => Ok(vec![Self::Secret(secret.clone())]),
            Content::Copy { site: from, path } if from == site => Ok(vec![Self::Read(normal(path)?)]),
            Content::Copy { .. } => Err(Refusal("it copies a file of another guest".to_owned())),
            Content::Answer { .. } => Err(Refusal("it writes what a command answers".to_owned())),
        }
    }

    fn of_condition(condition: &Condition, site: &Site) -> Result<Vec<Self>, Refusal> {
        Self::of_probe(&condition.probe, site)
    }

    fn file(path: &str) -> Result<Self, Refusal> {
        normal(path).map(Self::File)
    }

    fn command(argv: &[String]) -> Result<Self, Refusal> {
        match argv.first() {
            Some(program) if !program.is_empty() => Ok(Self::Command(argv.to_vec())),
            Some(_) | None => Err(Refusal("it runs a command without a program".to_owned())),
        }
    }
}

/// Returns where an artifact is had from, as grants name it.
pub(super) fn source(artifact: &Artifact) -> Result<String, Refusal> {
    match &artifact.source {
        Source::Url(url) => Ok(url.clone()),
        Source::File(path) => Ok(format!("file:{}", normal(path)?)),
    }
}

/// Returns a path, if it is absolute and means what it says.
fn normal(path: &str) -> Result<String, Refusal> {
    let is_normal = path.starts_with('/')
        && !path.contains(['\0', '\n'])
        && !path.split('/').any(|part| part == ".." || part == ".");
    match is_normal {
        true => {
            Ok(format!("/{}", path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")))
        }
        false => Err(Refusal(format!("`{path}` is no absolute path without `.` and `..`"))),
    }
}

/// Returns where a link at a path leads.
fn against(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns a name, if no program could take it for an option or for two.
fn word(name: &str) -> Result<String, Refusal> {
    let is_word = name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"*?[]/\\\"'`$;&|<>(){}#!".contains(&byte));
    match is_word {
        true => Ok(name.to_owned()),
        false => Err(Refusal(format!("`{}` is no name", name.escape_debug()))),
    }
}

fn plain_mode(mode: u32) -> Result<(), Refusal> {
    match mode & !0o777 {
        0 => Ok(()),
        _ => Err(Refusal(format!("it sets the mode {mode:o}, and plugins set permissions alone"))),
    }
}
