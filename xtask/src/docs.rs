//! `cargo xtask docs`: writes what the program itself can say best (its help, the schemas of its files) under `docs/`,
//! and checks that what is committed there is current.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use crate::{
    command::{cargo, output, run, without_settings},
    ui,
};

/// What `phoenix schema` knows: the kinds of file, and the features.
const SCHEMAS: [&str; 7] = ["base-setup", "certificates", "hypervisor", "lxc", "stack", "stacks", "vm"];

/// Writes every generated file.
pub(crate) fn write(root: &Path) -> Result<(), String> {
    for (path, text) in generate(root)? {
        let full = root.join(&path);
        if fs::read_to_string(&full).is_ok_and(|present| present == text) {
            continue;
        }
        let parent = full.parent().unwrap_or(root);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&full, &text));
        written.map_err(|error| format!("could not write `{path}`: {error}"))?;
        ui::line(&format!("wrote {path}"));
    }
    Ok(())
}

/// Fails if a generated file is not what it would be now.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let stale: Vec<_> = generate(root)?
        .into_iter()
        .filter(|(path, text)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| format!("`{path}`"))
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("not current: {}; run `cargo xtask docs` and commit what it writes", stale.join(", ")))
}

/// Returns every generated file by its path.
fn generate(root: &Path) -> Result<BTreeMap<String, String>, String> {
    run(&mut cargo(root, &["build", "--quiet", "--locked", "--package", "phoenix-cli"]))?;
    let phoenix = |arguments: &[&str]| {
        let mut command = cargo(root, &["run", "--quiet", "--locked", "--package", "phoenix-cli", "--"]);
        // The files must not depend on whose terminal this is either.
        output(without_settings(&mut command).args(arguments).env("COLUMNS", "100").env("NO_COLOR", "1"))
    };
    let mut files = BTreeMap::new();
    for kind in SCHEMAS {
        files.insert(format!("docs/schema/{kind}.json"), phoenix(&["schema", kind])?);
    }
    let general = phoenix(&["--help"])?;
    let mut text =
        String::from("# The command line\n\nWritten by `cargo xtask docs` from the program's own help.\n");
    section(&mut text, "phoenix", &general);
    for verb in verbs(&general) {
        section(&mut text, &format!("phoenix {verb}"), &phoenix(&[&verb, "--help"])?);
    }
    files.insert("docs/cli.md".to_owned(), text);
    Ok(files)
}

fn section(text: &mut String, title: &str, help: &str) {
    let trimmed: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    let _ = write!(text, "\n## {title}\n\n```text\n{}\n```\n", trimmed.join("\n"));
}

/// Returns the verbs that a help text lists, in its order.
fn verbs(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| line.trim() != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // Deeper lines continue the description of the verb above.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_come_from_the_list_of_commands() {
        let help = "Does things\n\nUsage: x\n\nCommands:\n  plan    Shows\n          what\n  letsgo  Does\n  help    Helps\n\n\
                    Options:\n  -v  More\n";
        assert_eq!(verbs(help), ["plan", "letsgo"]);
    }
}
