//! Families: releases of operating systems, by the names that Proxmox VE gives to their templates.

/// One release of an operating system, in the make that containers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name without version: `debian-12-standard`.
    pub name: &'static str,
    /// The file name in the appliance index of Proxmox VE.
    pub file: &'static str,
    /// `debian` or `ubuntu`: also the `ostype` of its containers.
    pub ostype: &'static str,
    /// `12`, `24.04`.
    pub release: &'static str,
    /// What its archive calls it: `bookworm`, `noble`.
    pub suite: &'static str,
    /// One line for people.
    pub headline: &'static str,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "debian-12-standard",
        file: "debian-12-standard_12.12-1_amd64.tar.zst",
        ostype: "debian",
        release: "12",
        suite: "bookworm",
        headline: "Debian 12 Bookworm (standard)",
    },
    Family {
        name: "debian-13-standard",
        file: "debian-13-standard_13.1-2_amd64.tar.zst",
        ostype: "debian",
        release: "13",
        suite: "trixie",
        headline: "Debian 13 Trixie (standard)",
    },
    Family {
        name: "ubuntu-22.04-standard",
        file: "ubuntu-22.04-standard_22.04-1_amd64.tar.zst",
        ostype: "ubuntu",
        release: "22.04",
        suite: "jammy",
        headline: "Ubuntu 22.04 Jammy (standard)",
    },
    Family {
        name: "ubuntu-24.04-standard",
        file: "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
        ostype: "ubuntu",
        release: "24.04",
        suite: "noble",
        headline: "Ubuntu 24.04 Noble (standard)",
    },
];

/// What a tarball may be compressed with, by the end of its name.
pub(crate) const ENDINGS: [&str; 3] = [".tar.zst", ".tar.gz", ".tar.xz"];

/// Returns all families that can be built, in the order of their names.
pub fn families() -> &'static [Family] {
    FAMILIES
}

/// Returns the family of a template: of its file name, with or without version.
pub fn family(name: &str) -> Option<Family> {
    let stem = stem(name);
    let wanted = stem.split_once('_').map_or(stem, |(family, _)| family);
    FAMILIES.iter().find(|family| family.name == wanted).copied()
}

/// Returns a file name without what tells how it is compressed.
pub(crate) fn stem(name: &str) -> &str {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Returns the architecture that a file name ends in: `amd64`.
pub(crate) fn written_architecture(name: &str) -> Option<&str> {
    stem(name).rsplit_once('_').map(|(_, last)| last).filter(|last| !last.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_its_family_with_and_without_version() {
        for name in
            ["debian-12-standard_12.7-1_amd64.tar.zst", "debian-12-standard", "debian-12-standard.tar.gz"]
        {
            assert_eq!(family(name).expect(name).suite, "bookworm");
        }
        assert_eq!(family("ubuntu-24.04-standard_24.04-2_amd64.tar.zst").expect("known").ostype, "ubuntu");
        for name in ["debian-12", "debian-120-standard", "alpine-3.22-default_20250617_amd64.tar.xz", ""] {
            assert_eq!(family(name), None, "{name}");
        }
    }

    #[test]
    fn every_family_is_the_family_of_its_own_file() {
        for one in families() {
            assert_eq!(family(one.file), Some(*one));
            assert_eq!(family(one.name), Some(*one));
            assert_eq!(written_architecture(one.file), Some("amd64"));
        }
        assert_eq!(written_architecture("debian-12-standard"), None);
    }
}
