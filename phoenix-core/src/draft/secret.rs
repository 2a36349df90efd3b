//! Secrets of a draft that a program takes from its environment: each is a file that only its user reads, and a fixed
//! launcher puts them in place, so that no unit, no command line and no plan has one.

use super::{Draft, File};
use crate::{content::Content, id::StepId, secret::SecretRef};

/// Puts the text of files into variables and becomes a program: `launcher NAME=FILE... -- PROGRAM ARGUMENT...`.
const LAUNCHER: &str = r#"#!/bin/sh
# launcher NAME=FILE... -- PROGRAM ARGUMENT...
while [ "$1" != -- ]; do
	value=$(cat -- "${1#*=}") || exit 78
	export "${1%%=*}=$value"
	shift
done
shift
exec "$@"
"#;

/// How a program is started with secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// The words before the program's own.
    pub argv: Vec<String>,
    /// The files that they read.
    pub reads: Vec<String>,
    /// The steps that write them.
    pub steps: Vec<StepId>,
}

impl Draft<'_> {
    /// Adds steps that keep secrets, by the name of their variable, in files of a folder, and returns what a program is
    /// started with to have them in its environment; nothing if there are none.
    pub fn launch<'s>(
        &mut self,
        (folder, owner): (&str, &str),
        secrets: impl IntoIterator<Item = (&'s str, &'s SecretRef)>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Launch {
        let after: Vec<Option<StepId>> = after.into_iter().collect();
        let mut launch = Launch::default();
        let mut words = Vec::new();
        for (name, secret) in secrets {
            let verb = name.to_lowercase().replace('_', "-");
            let path = format!("{folder}/{verb}");
            let file = File::text(&path, "").holding(Content::Secret(secret.clone()));
            let file = file.with_mode(0o600).owned_by(owner);
            launch.steps.extend(self.write(&format!("write-{verb}"), file, after.clone()));
            words.push(format!("{name}={path}"));
            launch.reads.push(path);
        }
        if words.is_empty() {
            return launch;
        }
        let path = format!("{folder}/launch");
        let file = File::text(&path, LAUNCHER).with_mode(0o755);
        launch.steps.extend(self.write("write-launcher", file, after));
        launch.argv = [path.clone()].into_iter().chain(words).chain(["--".to_owned()]).collect();
        launch.reads.push(path);
        launch
    }
}
