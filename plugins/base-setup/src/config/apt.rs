//! Where packages come from: sources of the feature's own beside those that the guest has, and a proxy.

use serde::{Deserialize, Serialize};

pub use crate::name::{Address, AptName, AptWord};

/// The first line of every file for apt that is this feature's.
const OWNED: &str = "# Written by Phoenix: base-setup. Changes are overwritten.";

/// A source of packages, in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AptSource {
    /// The name of its file, without `.sources`.
    pub name: AptName,
    /// Where it is.
    pub uris: Vec<Address>,
    /// Its suites; `./` for a flat repository.
    pub suites: Vec<AptWord>,
    /// Its components; none for a flat repository.
    #[serde(default)]
    pub components: Vec<AptWord>,
    /// What its signatures are checked with: an armored key, or the path of a keyring in the guest.
    #[serde(default)]
    pub signed_by: Option<String>,
    /// Its packages are installed without a signature.
    #[serde(default)]
    pub trusted: bool,
}

impl AptSource {
    /// Returns the file that it stands in.
    pub(crate) fn path(&self) -> String {
        format!("/etc/apt/sources.list.d/{}.sources", self.name)
    }

    /// Returns what that file says.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{OWNED}\nTypes: deb\nURIs:");
        self.uris.iter().for_each(|uri| text += &format!(" {uri}"));
        text += "\nSuites:";
        self.suites.iter().for_each(|suite| text += &format!(" {suite}"));
        if !self.components.is_empty() {
            text += "\nComponents:";
            self.components.iter().for_each(|component| text += &format!(" {component}"));
        }
        text += "\n";
        if let Some(key) = &self.signed_by {
            text += "Signed-By:";
            text += &if key.starts_with('/') { format!(" {key}\n") } else { folded(key) };
        }
        if self.trusted {
            text += "Trusted: yes\n";
        }
        text
    }

    /// Tells what is wrong with it as a whole.
    pub(crate) fn fault(&self) -> Option<(&'static str, String)> {
        if self.uris.is_empty() {
            return Some(("uris", "it has no address".to_owned()));
        }
        if self.suites.is_empty() {
            return Some(("suites", "it has no suite; that of a flat repository is `./`".to_owned()));
        }
        let is_flat = |suite: &&AptWord| suite.as_str().ends_with('/');
        if let Some(flat) = self.suites.iter().find(is_flat).filter(|_| !self.components.is_empty()) {
            return Some((
                "components",
                format!("the suite `{flat}` is a path, and a path has no components"),
            ));
        }
        if let Some(suite) =
            self.suites.iter().find(|suite| !is_flat(suite)).filter(|_| self.components.is_empty())
        {
            return Some(("components", format!("the suite `{suite}` needs components, such as `main`")));
        }
        let is_key = |text: &str| {
            let text = text.trim();
            text.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----")
                && text.ends_with("-----END PGP PUBLIC KEY BLOCK-----")
        };
        let is_path = |text: &str| text.starts_with('/') && !text.contains(char::is_whitespace);
        let is_good = |key: &String| is_key(key) || is_path(key);
        (!self.signed_by.as_ref().is_none_or(is_good)).then(|| {
            ("signed_by", "it is neither an armored public key nor the path of a keyring".to_owned())
        })
    }
}

/// Returns what the file of the proxy says.
pub(crate) fn proxy(address: &Address) -> String {
    let owned = OWNED.trim_start_matches("# ");
    format!("// {owned}\nAcquire::http::Proxy \"{address}\";\nAcquire::https::Proxy \"{address}\";\n")
}

/// Returns a key as the lines that go on a field; an empty one is a dot.
fn folded(key: &str) -> String {
    let lines = key.trim().lines().map(|line| match line.trim_end() {
        "" => "\n .".to_owned(),
        line => format!("\n {line}"),
    });
    lines.collect::<String>() + "\n"
}
