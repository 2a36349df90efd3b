//! The grant: what a plugin may do, which is what its manifest declares and the user allows.

use phoenix_core::{Artifact, Capabilities, Diagnostic, SecretRef, Site};
use serde::Deserialize as _;
use serde_json::Value;

use super::need::{Need, Refusal, source};

/// The word in `secrets` that stands for the references in the feature's own configuration.
const CONFIG: &str = "config";

/// Where a guest keeps the stamps of artifacts, in which there are checksums alone: whoever installs one reads them.
const STAMPS: &str = "/var/lib/phoenix/artifacts";

/// What a plugin may do.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The plugin's name.
    pub plugin: String,
    /// What its manifest declares.
    pub declared: Capabilities,
    /// What the user allows.
    pub allowed: Capabilities,
}

/// What was wanted and is not allowed, so that one finding tells it all.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    undeclared: Vec<Need>,
    not_granted: Vec<Need>,
    refused: Vec<(String, Refusal)>,
}

impl Grant {
    /// Tells whether it is granted, to a feature with this configuration.
    pub fn allows(&self, need: &Need, config: &Value) -> bool {
        allows(&self.declared, need, config) && allows(&self.allowed, need, config)
    }

    /// Holds what something needs against the grant.
    pub(super) fn hold(
        &self,
        what: &str,
        needs: Result<Vec<Need>, Refusal>,
        config: &Value,
        wanted: &mut Wanted,
    ) {
        match needs {
            Ok(needs) => needs.into_iter().for_each(|need| self.hold_one(need, config, wanted)),
            Err(refusal) => wanted.refused.push((what.to_owned(), refusal)),
        }
    }

    fn hold_one(&self, need: Need, config: &Value, wanted: &mut Wanted) {
        let list = if !allows(&self.declared, &need, config) {
            &mut wanted.undeclared
        } else if !allows(&self.allowed, &need, config) {
            &mut wanted.not_granted
        } else {
            return;
        };
        if !list.contains(&need) {
            list.push(need);
        }
    }

    /// Returns the finding about what is not allowed; the worst if there are several sorts.
    pub(super) fn finding(&self, wanted: &Wanted, site: Option<&Site>) -> Option<Diagnostic> {
        let name = &self.plugin;
        let place = site.map_or_else(String::new, |site| format!(" in `{site}`"));
        if let Some((what, Refusal(why))) = wanted.refused.first() {
            let text = format!("the plugin `{name}` answered with {what}, which no plugin may do: {why}");
            let hint =
                "this is a fault of the plugin, and no grant helps; docs/plugins.md says what plugins may do";
            return Some(Diagnostic::error("plugin-refused", text).with_hint(hint));
        }
        let (code, needs, rest) = match (&wanted.undeclared[..], &wanted.not_granted[..]) {
            ([], []) => return None,
            ([], needs) => ("plugin-not-granted", needs, "which it is not granted"),
            (needs, _) => ("plugin-undeclared", needs, "which its manifest does not declare"),
        };
        let list: Vec<String> = needs.iter().map(Need::sentence).collect();
        let mut missing = Capabilities::default();
        needs.iter().for_each(|need| need.add_to(&mut missing));
        let missing = serde_json::to_string(&missing).expect("texts are JSON");
        let hint = match wanted.undeclared.is_empty() {
            true => format!("if you want that, add to the `grant` of its entry in `plugins`: {missing}"),
            false => format!("this is a fault of the plugin: its author adds to `capabilities`: {missing}"),
        };
        let text = format!("the plugin `{name}` wants {}{place}, {rest}", list.join(", "));
        Some(Diagnostic::error(code, text).with_hint(hint))
    }
}

fn allows(capabilities: &Capabilities, need: &Need, config: &Value) -> bool {
    let Capabilities {
        files,
        reads,
        links,
        packages,
        units,
        users,
        groups,
        commands,
        claims,
        downloads,
        secrets,
    } = capabilities;
    match need {
        Need::File(path) => files.iter().any(|root| holds(root, path)),
        Need::Read(path) => holds(STAMPS, path) || files.iter().chain(reads).any(|root| holds(root, path)),
        Need::Link(path) => files.iter().chain(links).any(|root| holds(root, path)),
        Need::Package(name) => packages.iter().any(|pattern| fits(pattern, name)),
        Need::Unit(name) => units.iter().any(|pattern| fits(pattern, name)),
        Need::User(name) => users.iter().any(|pattern| fits(pattern, name)),
        Need::Group(name) => groups.iter().any(|pattern| fits(pattern, name)),
        Need::Command(argv) => commands.iter().any(|command| begins(command, argv)),
        Need::Claim(name) => claims.iter().any(|pattern| fits(pattern, name)),
        Need::Download(from) => chosen(config, from) || downloads.iter().any(|pattern| fits(pattern, from)),
        Need::Secret(secret) => {
            let text = secret.to_string();
            secrets.iter().any(|pattern| match pattern.as_str() {
                CONFIG => names(config, secret),
                pattern => fits(pattern, &text),
            })
        }
    }
}

/// Tells whether the site has an artifact from there instead of the one that the plugin pins: that is the user's word.
fn chosen(config: &Value, from: &str) -> bool {
    let all = config.get("artifacts").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
    all.filter_map(|one| Artifact::deserialize(one).ok())
        .any(|artifact| source(&artifact).is_ok_and(|own| own == from))
}

/// Tells whether a path is another or below it.
fn holds(root: &str, path: &str) -> bool {
    let root = root.trim_end_matches('/');
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Tells whether a command begins with these words.
fn begins(command: &str, argv: &[String]) -> bool {
    let mut given = argv.iter();
    !command.trim().is_empty()
        && command.split_whitespace().all(|word| given.next().is_some_and(|own| own == word))
}

/// Tells whether a text has the form of a pattern, in which `*` is any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(left) = text.strip_prefix(first) else { return false };
    if rest.is_empty() {
        return true;
    }
    let starts = left.char_indices().map(|(at, _)| at).chain([left.len()]);
    starts.into_iter().any(|at| fits(rest, &left[at..]))
}

/// Tells whether a configuration names a secret.
fn names(config: &Value, secret: &SecretRef) -> bool {
    match config {
        Value::String(text) => SecretRef::try_from(text.clone()).is_ok_and(|own| own == *secret),
        Value::Array(values) => values.iter().any(|value| names(value, secret)),
        Value::Object(values) => values.values().any(|value| names(value, secret)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_has_stars_anywhere() {
        for (pattern, text) in
            [("a", "a"), ("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*c*e", "abcde"), ("p@*.s", "p@x.s")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*", "ba"), ("*c", "cb"), ("a*c*e", "abde"), ("", "a")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_path_holds_itself_and_what_is_below() {
        assert!(holds("/etc/app", "/etc/app") && holds("/etc/app/", "/etc/app/x") && holds("/", "/x"));
        assert!(!holds("/etc/app", "/etc/apple") && !holds("/etc/app", "/etc"));
    }

    #[test]
    fn a_command_is_granted_by_its_first_words() {
        let argv = ["runuser", "-u", "postgres", "psql"].map(str::to_owned);
        assert!(begins("runuser", &argv) && begins("runuser -u postgres", &argv));
        assert!(!begins("runuser -u root", &argv) && !begins(" ", &argv) && !begins("run", &argv));
    }

    #[test]
    fn secrets_of_the_configuration_are_those_that_it_names() {
        let config = json!({"users": [{"password": "env:A"}]});
        let granted = Capabilities { secrets: ["config".to_owned()].into(), ..Capabilities::default() };
        let need = |name: &str| Need::Secret(SecretRef::Env(name.to_owned()));
        assert!(allows(&granted, &need("A"), &config) && !allows(&granted, &need("B"), &config));
    }

    #[test]
    fn an_artifact_that_the_site_has_from_elsewhere_is_granted_by_that() {
        let own = json!({"name": "tool", "version": "1", "sha256": "aa", "source": {"file": "/srv/tool"}});
        let config = json!({"artifacts": {"tool": own}});
        let need = |from: &str| Need::Download(from.to_owned());
        let nothing = Capabilities::default();
        assert!(allows(&nothing, &need("file:/srv/tool"), &config));
        assert!(!allows(&nothing, &need("file:/srv/other"), &config));
        let granted = Capabilities { downloads: ["https://a.example/*".to_owned()].into(), ..nothing };
        assert!(allows(&granted, &need("https://a.example/tool"), &json!({})));
    }
}
