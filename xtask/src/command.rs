//! Commands: runs other programs, nearly always cargo, in the root of the workspace.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Returns the cargo that runs this program, to be run in the workspace.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments).stdin(Stdio::null());
    command
}

/// Hides the settings of whoever runs this from a command: what it does must not depend on them.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PHOENIX_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command whose output the user sees.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("could not run {}: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command))) }
}

/// Runs a command and returns what it wrote to stdout. It sees no terminal at all: some programs wrap their lines to
/// whatever stream leads to one.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("could not run {}: {error}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} failed: {}\n{}", shown(command), output.status, said.trim_end()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} did not write UTF-8", shown(command)))
}

/// Tells whether `cargo NAME` can be run here.
pub(crate) fn has_cargo(root: &Path, name: &str) -> bool {
    cargo(root, &[name, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Returns a command's words as they would be typed.
pub(crate) fn words(command: &Command) -> Vec<String> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

fn shown(command: &Command) -> String {
    let mut words = words(command);
    if let Some(name) = Path::new(command.get_program()).file_name() {
        words[0] = name.to_string_lossy().into_owned();
    }
    format!("`{}`", words.join(" "))
}
