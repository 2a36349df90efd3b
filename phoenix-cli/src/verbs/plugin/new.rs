//! `plugin new`: a crate that is a plugin, builds, and passes its own tests.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use phoenix_plugin::{host::phoenix_version, is_name};
use serde_json::json;

use crate::{
    context::Context,
    error::{Error, Exit},
};

/// The files of a new plugin, with `{{…}}` where they differ.
const FILES: [(&str, &str); 6] = [
    (".gitignore", include_str!("template/gitignore.txt")),
    ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
    ("README.md", include_str!("template/readme.md.txt")),
    ("plugin.json", include_str!("template/plugin.json.txt")),
    ("src/lib.rs", include_str!("template/lib.rs.txt")),
    ("tests/it.rs", include_str!("template/tests.rs.txt")),
];

/// Begin a plugin: a Rust crate that builds, passes its own tests and does something small.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix plugin new motd                              in ./motd, with the released phoenix-plugin\n  \
    phoenix plugin new motd --phoenix ~/src/phoenix      with that of a checkout\n  \
    phoenix plugin new motd --dir /tmp/motd")]
pub(super) struct New {
    /// Its name in kebab-case, which its feature has too.
    name: String,
    /// The directory to make; that of its name, here, if not given.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A checkout of Phoenix to build against, instead of the released version.
    #[arg(long, value_name = "PATH")]
    phoenix: Option<PathBuf>,
}

impl New {
    /// Does it.
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let refused = |why: &str| Error::PluginName { name: self.name.clone(), why: why.to_owned() };
        if !is_name(&self.name) {
            return Err(refused("use lower-case letters, digits and single dashes, a letter first"));
        }
        if context.registry().feature(&self.name).is_some() {
            return Err(refused("Phoenix has a feature of that name itself"));
        }
        let dir = self.dir.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
            let source = io::Error::new(io::ErrorKind::AlreadyExists, "the directory is not empty");
            return Err(Error::Write { path: dir, source });
        }
        let phoenix = self.dependency()?;
        let words = [
            ("{{name}}", self.name.clone()),
            ("{{crate}}", self.name.replace('-', "_")),
            ("{{version}}", phoenix_version().to_string()),
            ("{{phoenix}}", phoenix),
        ];
        for (name, text) in FILES {
            let text = words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value));
            write(&dir.join(name), &text)?;
        }
        match context.ui.is_json() {
            true => context.ui.record(&json!({ "name": self.name, "dir": dir }))?,
            false => context.ui.data(&format!(
                "`{}` has a plugin that builds and passes its tests\nnext: cd {} && cargo test",
                dir.display(),
                dir.display()
            )),
        }
        Ok(Exit::Done)
    }

    /// Returns how the crate names `phoenix-plugin`.
    fn dependency(&self) -> Result<String, Error> {
        let Some(checkout) = &self.phoenix else { return Ok(format!("version = \"{}\"", phoenix_version())) };
        let path = checkout.join("phoenix-plugin");
        let path = path.canonicalize().map_err(|source| Error::Read { path, source })?;
        // A text of TOML has the escapes of one of JSON, as far as paths need them.
        serde_json::to_string(&path.to_string_lossy())
            .map(|path| format!("path = {path}"))
            .map_err(Error::Json)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, text))
        .map_err(|source| Error::Write { path: path.to_owned(), source })
}
