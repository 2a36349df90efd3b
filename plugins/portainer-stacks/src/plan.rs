//! The feature itself: the script that talks to Portainer, what it reads, and a step for each environment and each stack
//! that is not as it shall be.

use std::collections::BTreeSet;

use phoenix_core::{
    Condition, Content, Descriptor, Diagnostic, Draft, Evidence, Expect, Feature, Probe, Recipe, StepId,
    draft::{Command, File},
};
use schemars::schema_for;
use serde_json::{Value, json};

use crate::{
    config::{Config, Environment, Stack, Variable},
    state::{self, State},
};

const NAME: &str = "portainer-stacks";
const SCRIPT: &str = "/usr/local/lib/phoenix/portainer-api";
const SCRIPT_TEXT: &str = include_str!("portainer-api.sh");
const FOLDER: &str = "/etc/phoenix/portainer";
const PASSWORD: &str = "/etc/phoenix/portainer/admin-password";
/// How the script ends if Portainer refuses the password.
const REFUSED: i32 = 4;

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has a Portainer server know its environments and run their stacks";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca", "docker", "portainer"]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems).leaving(leftovers))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let is_new = draft.file(SCRIPT).is_none() || draft.file(PASSWORD).is_none();
    let packages = draft.packages(["curl", "jq"], []);
    let mut before = vec![packages];
    let folder = draft.directory("make-folder", FOLDER, (0o700, "root"), []);
    let password = File::text(PASSWORD, "").holding(Content::Secret(config.admin_password.clone()));
    before.push(draft.write("write-admin-password", password.with_mode(0o600), [folder.clone()]));
    let server =
        json!({ "name": config.name, "port": config.port, "user": config.admin_user, "ca": config.ca });
    let server = File::text("/etc/phoenix/portainer/server.json", format!("{server:#}\n")).with_mode(0o600);
    before.push(draft.write("write-server", server, [folder.clone()]));
    before.push(draft.write("write-script", File::text(SCRIPT, SCRIPT_TEXT).with_mode(0o755), []));

    let found = match draft.ask(Probe::command(draft.site(), asking())) {
        Some(Evidence::Output { status: 0, stdout, .. }) => State::read(stdout),
        Some(Evidence::Output { status: REFUSED, .. }) => return draft.find(refused(config)),
        // Nobody could be asked yet: everything is missing.
        _ if is_new => State::default(),
        // Somebody who is there does not answer: what is missing is not known before he does.
        _ => {
            let reason = "Portainer has not answered, with a certificate for its name";
            let answers = draft.succeeds(asking());
            drop(draft.wait("await-answer", answers, config.ready_timeout_s, reason, before));
            return;
        }
    };
    let ready = match is_new {
        true => {
            let reason = "Portainer has not answered, with a certificate for its name";
            let answers = draft.succeeds(asking());
            draft.wait("await-answer", answers, config.ready_timeout_s, reason, before)
        }
        false => None,
    };
    let environments: Vec<Option<StepId>> = config
        .environments
        .iter()
        .map(|(name, environment)| self::environment(draft, &found, (name, environment), ready.clone()))
        .collect();
    for (name, stack) in &config.stacks {
        let after = environments.iter().cloned().chain([ready.clone(), folder.clone()]);
        self::stack(draft, &found, (name, stack), after.collect());
    }
}

fn environment(
    draft: &mut Draft<'_>,
    found: &State,
    (name, environment): (&str, &Environment),
    ready: Option<StepId>,
) -> Option<StepId> {
    let (kind, url) = environment.words();
    let reason = match found.environments.get(name) {
        None => format!("Portainer has no environment `{name}`"),
        Some(row) if row["kind"] == kind => {
            let at = row["url"].as_str().unwrap_or_default();
            format!("Portainer looks for `{name}` at `{at}` instead of `{url}`")
        }
        Some(_) => format!("the environment `{name}` of Portainer is of another kind"),
    };
    let proof = says(draft, state::environment_line(name, environment));
    let command = Command::new([SCRIPT, FOLDER, "environment", name, kind, url], proof, reason);
    draft.run(&format!("environment-{}", word(name)), command, [ready])
}

fn stack(draft: &mut Draft<'_>, found: &State, (name, stack): (&str, &Stack), after: Vec<Option<StepId>>) {
    let row = found.stacks.get(name);
    if row.is_some_and(|row| row["owned"] == false) {
        return draft.find(foreign(name));
    }
    let mut after = after;
    for (variable, secret) in stack.secrets() {
        let path = format!("{FOLDER}/secrets/{name}/{variable}");
        let file = File::text(&path, "").holding(Content::Secret(secret.clone())).with_mode(0o600);
        let verb = format!("write-secret-{name}-{variable}");
        after.push(draft.write(&verb, file, after.clone()));
    }
    let line = state::stack_line(name, stack);
    let reason = match row {
        None => format!("Portainer has no stack `{name}`"),
        Some(row) => difference(name, stack, row, &line),
    };
    let wanted = json!({
        "environment": stack.environment,
        "compose": stack.compose,
        "pull": stack.pull,
        "variables": stack.variables.iter().map(|(name, variable)| match variable {
            Variable::Plain(value) => json!({ "name": name, "value": value }),
            Variable::Secret(_) => json!({ "name": name }),
        }).collect::<Vec<_>>(),
    });
    let proof = says(draft, line);
    let command = Command::new([SCRIPT, FOLDER, "stack", name], proof, reason);
    let command = command.reading(Content::Text(format!("{wanted:#}\n")));
    draft.run(&format!("stack-{name}"), command, after);
}

/// Tells in which way a stack is not as it shall be.
fn difference(name: &str, stack: &Stack, row: &Value, line: &str) -> String {
    let wanted: Value = serde_json::from_str(line).unwrap_or_default();
    if row["environment"] != wanted["environment"] {
        let at = row["environment"].as_str().unwrap_or_default();
        return format!("the stack `{name}` is in `{at}` instead of `{}`", stack.environment);
    }
    if row["sum"] != wanted["sum"] {
        return format!("the stack `{name}` has another file or other variables");
    }
    let names = |row: &Value| -> BTreeSet<String> {
        let list = row["services"].as_array().into_iter().flatten();
        list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let (found, wanted) = (names(row), names(&wanted));
    match wanted.difference(&found).next() {
        Some(service) => format!("`{service}` of the stack `{name}` does not run"),
        None => format!("the stack `{name}` runs more than its file says"),
    }
}

/// Finds stacks that Phoenix made and that nobody declares any more.
fn leftovers(draft: &mut Draft<'_>, config: &Config) {
    let Some(said) = draft.output(asking()) else { return };
    for (name, row) in State::read(said).stacks {
        if row["owned"] != true || config.stacks.contains_key(&name) {
            continue;
        }
        let message = format!("the stack `{name}` of Portainer is Phoenix's and is not in the configuration");
        let note = Diagnostic::note("undeclared-stack", message)
            .with_hint("declare it again, or remove it with `phoenix sync --prune`");
        let gone = draft.succeeds([SCRIPT, FOLDER, "absent", name.as_str()]);
        let reason = format!("the stack `{name}` is not declared any more");
        let command = Command::new([SCRIPT, FOLDER, "remove-stack", name.as_str()], gone, reason);
        draft.leave(note, &format!("remove-stack-{name}"), command);
    }
}

fn asking() -> [&'static str; 3] {
    [SCRIPT, FOLDER, "state"]
}

fn says(draft: &Draft<'_>, line: String) -> Condition {
    Condition::new(Probe::command(draft.site(), asking()), Expect::SaysLine { line })
}

fn refused(config: &Config) -> Diagnostic {
    let message = format!("Portainer refuses the password of `{}` (422)", config.admin_user);
    Diagnostic::error("portainer-credentials", message).with_hint(format!(
        "its database keeps the password of its first start: have `admin_password` be that one and remove `{PASSWORD}` in \
         its guest, or reset it there with Portainer's image `helper-reset-password`"
    ))
}

fn foreign(name: &str) -> Diagnostic {
    let message = format!("Portainer has a stack `{name}` that Phoenix did not make");
    Diagnostic::error("foreign-stack", message).with_hint(format!(
        "remove it in Portainer; or give it there the variable `PHOENIX_STACK` with the value `{name}`, which hands it over"
    ))
}

/// Returns a name as a part of a step's name.
fn word(name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    name.chars().map(plain).collect()
}
