//! Mirrors: where the packages of a family come from. The machine's own mirrors if it is of the same distribution, for
//! there they are near and allowed; else the ones that everybody may use.

use std::{collections::BTreeMap, fs, path::Path};

use crate::images::family::Family;

/// Where the packages of one distribution are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// Of the release.
    pub(crate) main: String,
    /// Of its security updates.
    pub(crate) security: String,
}

/// Returns the mirror of a family, on a machine whose `/etc` is given.
pub(crate) fn mirror(family: Family, etc: &Path, architecture: &str) -> Mirror {
    let usual = usual(family.ostype, architecture);
    let release = fs::read_to_string(etc.join("os-release")).unwrap_or_default();
    let machine =
        release.lines().find_map(|line| line.strip_prefix("ID=")).unwrap_or_default().trim_matches('"');
    if machine != family.ostype {
        return usual;
    }
    let found = sources(etc);
    let of =
        |test: fn(&Source) -> bool| found.iter().find(|source| test(source)).map(|source| source.uri.clone());
    let Some(main) = of(|source| !source.suite.contains('-') && !source.suite.contains('/')) else {
        return usual;
    };
    let security = of(|source| source.suite.ends_with("-security")).unwrap_or_else(|| match family.ostype {
        "ubuntu" => main.clone(),
        _other => usual.security,
    });
    Mirror { main, security }
}

/// Returns the lines for `sources.list` that a family is built from.
pub(crate) fn lines(family: Family, mirror: &Mirror) -> Vec<String> {
    let components = if family.ostype == "ubuntu" { "main universe" } else { "main" };
    let Mirror { main, security } = mirror;
    let suite = family.suite;
    vec![
        format!("deb {main} {suite} {components}"),
        format!("deb {main} {suite}-updates {components}"),
        format!("deb {security} {suite}-security {components}"),
    ]
}

/// One pair of address and suite that the machine installs from.
struct Source {
    uri: String,
    suite: String,
}

fn usual(ostype: &str, architecture: &str) -> Mirror {
    let (main, security) = match (ostype, architecture) {
        ("ubuntu", "amd64" | "i386") => {
            ("http://archive.ubuntu.com/ubuntu", "http://security.ubuntu.com/ubuntu")
        }
        ("ubuntu", _ports) => {
            ("http://ports.ubuntu.com/ubuntu-ports", "http://ports.ubuntu.com/ubuntu-ports")
        }
        _debian => ("http://deb.debian.org/debian", "http://deb.debian.org/debian-security"),
    };
    Mirror { main: main.to_owned(), security: security.to_owned() }
}

/// Reads what apt reads, in its order. What belongs to somebody else's archive has another keyring, and is left out.
fn sources(etc: &Path) -> Vec<Source> {
    let mut texts = vec![(false, fs::read_to_string(etc.join("apt/sources.list")).unwrap_or_default())];
    let folder = fs::read_dir(etc.join("apt/sources.list.d")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = folder.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if matches!(ending, "list" | "sources") {
            texts.push((ending == "sources", fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    let read =
        texts.iter().flat_map(|(stanzas, text)| if *stanzas { by_stanza(text) } else { by_line(text) });
    read.filter(|source| source.uri.contains("debian") || source.uri.contains("ubuntu"))
        .filter(|source| source.uri.starts_with("http://") || source.uri.starts_with("https://"))
        .collect()
}

/// `deb [options] URI SUITE COMPONENT...`
fn by_line(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else { continue };
        let rest = rest.trim_start();
        let rest =
            if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
        let words: Vec<&str> = rest.split_whitespace().collect();
        if let [uri, suite, components @ ..] = words.as_slice()
            && components.contains(&"main")
        {
            found.push(Source { uri: uri.trim_end_matches('/').to_owned(), suite: (*suite).to_owned() });
        }
    }
    found
}

/// The form of `.sources` files: fields, and an empty line between two sources.
fn by_stanza(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for stanza in plain.split(|line| line.trim().is_empty()) {
        let pairs = stanza.iter().filter_map(|line| line.split_once(':'));
        let fields: BTreeMap<String, Vec<&str>> = pairs
            .map(|(name, value)| (name.to_ascii_lowercase(), value.split_whitespace().collect()))
            .collect();
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        if !field("types").contains(&"deb")
            || !field("components").contains(&"main")
            || field("enabled") == ["no"]
        {
            continue;
        }
        for uri in field("uris") {
            for suite in field("suites") {
                found.push(Source { uri: uri.trim_end_matches('/').to_owned(), suite: suite.to_owned() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::family::family;

    fn etc(release: &str, file: &str, text: &str) -> tempfile::TempDir {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir_all(etc.path().join("apt/sources.list.d")).unwrap();
        fs::write(etc.path().join("os-release"), release).unwrap();
        fs::write(etc.path().join("apt").join(file), text).unwrap();
        etc
    }

    #[test]
    fn the_machines_own_mirror_serves_its_own_distribution_alone() {
        let text = "# a comment\nTypes: deb\nURIs: http://near.example/debian/\n# why not\nSuites: bookworm bookworm-updates\n\
                    Components: main\n\nTypes: deb\nURIs: http://near.example/debian-security\nSuites: bookworm-security\n\
                    Components: main\n";
        let etc = etc("NAME=x\nID=debian\n", "sources.list.d/debian.sources", text);
        let trixie = family("debian-13-standard").unwrap();
        let near = mirror(trixie, etc.path(), "amd64");
        assert_eq!(near.main, "http://near.example/debian");
        assert_eq!(near.security, "http://near.example/debian-security");
        assert_eq!(lines(trixie, &near)[2], "deb http://near.example/debian-security trixie-security main");
        let noble = mirror(family("ubuntu-24.04-standard").unwrap(), etc.path(), "amd64");
        assert_eq!(noble.main, "http://archive.ubuntu.com/ubuntu");
    }

    #[test]
    fn lines_are_read_without_their_options_and_without_other_archives() {
        let text = "deb https://apt.example/tools stable main\n#deb http://old.example/ubuntu noble main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://near.example/ubuntu/ noble main universe\n";
        let etc = etc("ID=\"ubuntu\"\n", "sources.list", text);
        let near = mirror(family("ubuntu-24.04-standard").unwrap(), etc.path(), "amd64");
        assert_eq!(
            near,
            Mirror {
                main: "http://near.example/ubuntu".into(),
                security: "http://near.example/ubuntu".into()
            }
        );
    }

    #[test]
    fn a_machine_without_sources_uses_what_everybody_uses() {
        let empty = tempfile::tempdir().unwrap();
        let found = mirror(family("debian-12-standard").unwrap(), empty.path(), "amd64");
        assert_eq!(found.main, "http://deb.debian.org/debian");
        let found = mirror(family("ubuntu-22.04-standard").unwrap(), empty.path(), "arm64");
        assert_eq!(found.main, "http://ports.ubuntu.com/ubuntu-ports");
    }
}
