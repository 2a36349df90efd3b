//! `phoenix setup` on a real host: the program, given the password that a host's file refers to, and the steps that it took.

use std::process::Command;

use crate::lab::Lab;

/// Returns the program on the real engine with the passwords that the files refer to.
pub(crate) fn command(lab: &Lab, args: &[&str]) -> Command {
    let mut command = lab.command(args);
    command.env("PHOENIX_NODE_ENGINE", "lxc").env("SAMBA_PASSWORD", "s3cret word");
    command
}

/// Runs it, and returns all that it says.
pub(crate) fn says(lab: &Lab, args: &[&str]) -> String {
    let output = command(lab, args).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{args:?}` said {said}");
    said.into_owned()
}

/// Runs a script on the host, behind Phoenix's back.
pub(crate) fn shell(lab: &Lab, script: &str) -> String {
    says(lab, &["node", "shell", "--", "/bin/sh", "-c", script])
}

/// Converges the host, and returns the steps that were done.
pub(crate) fn setup(lab: &Lab) -> Vec<String> {
    let said = says(lab, &["setup"]);
    let done = said.lines().filter_map(|line| line.split(" done ").nth(1));
    done.filter_map(|rest| Some(rest.split_whitespace().next()?.to_owned())).collect()
}
