//! The feature itself: the program, whether it runs there, and files by which shells complete its words.

use phoenix_core::{
    Artifact, Descriptor, Draft, Feature, Recipe,
    artifact::Source,
    draft::{Command, File},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::config::Config;

const NAME: &str = "phoenix-program";
const PATH: &str = "/usr/local/bin/phoenix";
/// Each asks the program, so that they are never those of another version. What zsh reads begins with the command's name.
const COMPLETIONS: [(&str, &str, &str); 3] = [
    (
        "bash",
        "/etc/bash_completion.d/phoenix",
        "# Written by Phoenix (feature phoenix-program).\n. <(/usr/local/bin/phoenix completions bash)\n",
    ),
    (
        "zsh",
        "/usr/local/share/zsh/site-functions/_phoenix",
        "#compdef phoenix\n# Written by Phoenix (feature phoenix-program).\n. <(/usr/local/bin/phoenix completions zsh)\n",
    ),
    (
        "fish",
        "/etc/fish/completions/phoenix.fish",
        "# Written by Phoenix (feature phoenix-program).\n/usr/local/bin/phoenix completions fish | source\n",
    ),
];

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has this program on the host, with its completions";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["host-base", "base-setup"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let Some(program) = &config.program else { return };
    let artifact = Artifact {
        name: "phoenix".to_owned(),
        version: program.version.clone(),
        source: Source::File(program.file.clone()),
        sha256: program.sha256.clone(),
        unpack: None,
    };
    let installed = draft.artifact(&artifact, PATH, 0o755, []);
    // One that was built for another machine is there and does not run.
    let runs = draft.succeeds([PATH, "--version"]);
    let asks = Command::new([PATH, "--version"], runs, format!("`{PATH}` does not run")).again();
    let runs = draft.run("runs", asks, [installed]);
    for (shell, path, text) in COMPLETIONS {
        draft.write(&format!("complete-{shell}"), File::text(path, text), [runs.clone()]);
    }
}
