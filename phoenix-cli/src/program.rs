//! This very program, as the feature `phoenix-program` installs it on the host.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use phoenix_core::{Desired, Diagnostic};
use serde_json::json;
use sha2::{Digest, Sha256};

const FEATURE: &str = "phoenix-program";

/// Has the feature know which program is installed: the one that runs. Nothing is looked at where nobody has the feature.
pub(crate) fn name_it(desired: &mut Desired) -> Result<(), Diagnostic> {
    let all = desired.resources.values_mut().flat_map(|declared| &mut declared.features);
    for feature in all.filter(|feature| feature.name == FEATURE) {
        let Some(config) = feature.config.as_object_mut().filter(|config| !config.contains_key("program"))
        else {
            continue;
        };
        let unknown = |error: io::Error| {
            Diagnostic::error("own-program", format!("this program cannot read its own file: {error}"))
                .with_hint("run it from a file that is there, or leave `phoenix_program` out")
        };
        let file = std::env::current_exe().map_err(unknown)?;
        let sha256 = sum(&file).map_err(unknown)?;
        let version = env!("CARGO_PKG_VERSION");
        config.insert("program".to_owned(), json!({ "file": file, "version": version, "sha256": sha256 }));
    }
    Ok(())
}

fn sum(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        hash.update(chunk);
        let read = chunk.len();
        file.consume(read);
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
