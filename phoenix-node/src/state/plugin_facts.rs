//! What each type of storage takes: the options that it needs and knows, and the kinds of content that it can hold.

use std::collections::BTreeMap;

/// The facts of one type of storage.
#[derive(Debug)]
pub(crate) struct Facts {
    word: &'static str,
    /// Options that must be given, and stay as they were.
    pub(crate) needs: &'static [&'static str],
    /// Options that may be given once, and stay as they were.
    fixed: &'static [&'static str],
    /// Options that may be given and changed.
    takes: &'static [&'static str],
    /// What it can hold.
    content: &'static [&'static str],
    /// What it holds if nobody says.
    default_content: &'static [&'static str],
    /// Whether every node sees the same.
    pub(crate) is_shared: bool,
}

/// What all types take.
const ALL: &[&str] = &["bwlimit", "content", "disable", "nodes"];
/// What types take that keep files in directories.
const FILES: &[&str] = &[
    "content-dirs",
    "create-base-path",
    "create-subdirs",
    "format",
    "max-protected-backups",
    "mkdir",
    "preallocation",
    "prune-backups",
    "snapshot-as-volume-chain",
];
const ANY_FILE: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];
const DISKS: &[&str] = &["images", "rootdir", "none"];

const FACTS: &[Facts] = &[
    Facts {
        word: "btrfs",
        needs: &["path"],
        fixed: &[],
        takes: &["is_mountpoint", "nocow", "shared"],
        content: ANY_FILE,
        default_content: &["images", "rootdir"],
        is_shared: false,
    },
    Facts {
        word: "cephfs",
        needs: &[],
        fixed: &["path"],
        takes: &["fs-name", "fuse", "keyring", "monhost", "options", "subdir", "username"],
        content: &["vztmpl", "iso", "backup", "snippets", "import", "none"],
        default_content: &["backup"],
        is_shared: true,
    },
    Facts {
        word: "cifs",
        needs: &["server", "share"],
        fixed: &["path"],
        takes: &["domain", "options", "password", "smbversion", "subdir", "username"],
        content: ANY_FILE,
        default_content: &["images"],
        is_shared: true,
    },
    Facts {
        word: "dir",
        needs: &["path"],
        fixed: &[],
        takes: &["is_mountpoint", "shared"],
        content: ANY_FILE,
        default_content: &["images", "rootdir"],
        is_shared: false,
    },
    Facts {
        word: "esxi",
        needs: &["server", "username"],
        fixed: &[],
        takes: &["password", "port", "skip-cert-verification"],
        content: &["import"],
        default_content: &["import"],
        is_shared: true,
    },
    Facts {
        word: "iscsi",
        needs: &["portal", "target"],
        fixed: &[],
        takes: &[],
        content: &["images", "none"],
        default_content: &["images"],
        is_shared: true,
    },
    Facts {
        word: "iscsidirect",
        needs: &["portal", "target"],
        fixed: &[],
        takes: &[],
        content: &["images", "none"],
        default_content: &["images"],
        is_shared: true,
    },
    Facts {
        word: "lvm",
        needs: &["vgname"],
        fixed: &["base"],
        takes: &[
            "saferemove",
            "saferemove-stepsize",
            "saferemove_throughput",
            "shared",
            "snapshot-as-volume-chain",
            "tagged_only",
        ],
        content: DISKS,
        default_content: &["images"],
        is_shared: false,
    },
    Facts {
        word: "lvmthin",
        needs: &["thinpool", "vgname"],
        fixed: &[],
        takes: &[],
        content: DISKS,
        default_content: &["images"],
        is_shared: false,
    },
    Facts {
        word: "nfs",
        needs: &["export", "server"],
        fixed: &["path"],
        takes: &["options"],
        content: ANY_FILE,
        default_content: &["images"],
        is_shared: true,
    },
    Facts {
        word: "pbs",
        needs: &["datastore", "server"],
        fixed: &[],
        takes: &[
            "encryption-key",
            "fingerprint",
            "master-pubkey",
            "max-protected-backups",
            "namespace",
            "password",
            "port",
            "prune-backups",
            "username",
        ],
        content: &["backup", "none"],
        default_content: &["backup"],
        is_shared: true,
    },
    Facts {
        word: "rbd",
        needs: &[],
        fixed: &[],
        takes: &["data-pool", "keyring", "krbd", "monhost", "namespace", "pool", "username"],
        content: DISKS,
        default_content: &["images"],
        is_shared: true,
    },
    Facts {
        word: "zfs",
        needs: &["iscsiprovider", "pool", "portal", "target"],
        fixed: &["blocksize"],
        takes: &["comstar_hg", "comstar_tg", "lio_tpg", "nowritecache", "sparse", "zfs-base-path"],
        content: &["images"],
        default_content: &["images"],
        is_shared: true,
    },
    Facts {
        word: "zfspool",
        needs: &["pool"],
        fixed: &[],
        takes: &["blocksize", "mountpoint", "sparse"],
        content: DISKS,
        default_content: &["images", "rootdir"],
        is_shared: false,
    },
];

/// What is given for a storage and kept elsewhere, so that nobody reads it back.
const SECRETS: &[&str] = &["encryption-key", "keyring", "master-pubkey", "password"];

/// Returns the facts of a type; the schema lets no other words in.
pub(crate) fn of(word: &str) -> Option<&'static Facts> {
    FACTS.iter().find(|facts| facts.word == word)
}

/// Tells whether an option is a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

impl Facts {
    /// Tells whether volumes are files below a path.
    pub(crate) fn has_files(&self) -> bool {
        matches!(self.word, "btrfs" | "cephfs" | "cifs" | "dir" | "nfs")
    }

    fn is_fixed(&self, key: &str) -> bool {
        self.needs.contains(&key) || self.fixed.contains(&key)
    }

    fn knows(&self, key: &str) -> bool {
        self.is_fixed(key)
            || self.takes.contains(&key)
            || ALL.contains(&key)
            || self.has_files() && FILES.contains(&key)
    }

    /// Returns what it holds if nobody says.
    pub(crate) fn default_content(&self) -> impl Iterator<Item = &'static str> {
        self.default_content.iter().copied()
    }

    /// Checks the options of a new storage.
    pub(crate) fn check_new(&self, options: &BTreeMap<String, String>) -> Result<(), String> {
        self.check_known(options)?;
        match self.needs.iter().find(|key| !options.contains_key(**key)) {
            Some(key) => Err(format!("missing value for required option '{key}'")),
            None => Ok(()),
        }
    }

    /// Checks options that are not there for the first time.
    pub(crate) fn check_change(&self, options: &BTreeMap<String, String>) -> Result<(), String> {
        self.check_known(options)?;
        match options.keys().find(|key| self.is_fixed(key)) {
            Some(key) => Err(format!("can't change value of fixed parameter '{key}'")),
            None => Ok(()),
        }
    }

    fn check_known(&self, options: &BTreeMap<String, String>) -> Result<(), String> {
        if let Some(key) = options.keys().find(|key| !self.knows(key)) {
            return Err(format!("unexpected property '{key}'"));
        }
        let content = options.get("content").map_or("", String::as_str);
        let words: Vec<&str> = content.split([',', ';', ' ']).filter(|word| !word.is_empty()).collect();
        if let Some(word) = words.iter().find(|word| !self.content.contains(*word) && **word != "none") {
            return Err(format!("storage does not support content type '{word}'"));
        }
        if words.contains(&"none") && words.len() > 1 {
            return Err("unable to combine 'none' with other content types".to_owned());
        }
        Ok(())
    }

    /// Checks that an option can be taken away.
    pub(crate) fn check_removal(&self, key: &str) -> Result<(), String> {
        if !self.knows(key) {
            return Err(format!("no such option '{key}'"));
        }
        if self.needs.contains(&key) {
            return Err(format!("unable to delete required option '{key}'"));
        }
        if self.is_fixed(key) {
            return Err(format!("unable to delete fixed option '{key}'"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_type_takes_its_own_options_and_content_only() {
        let pool = of("zfspool").expect("a type");
        assert!(pool.check_new(&options(&[("pool", "tank"), ("content", "images,rootdir")])).is_ok());
        let wrong = pool.check_new(&options(&[("pool", "tank"), ("content", "iso")]));
        assert_eq!(wrong.unwrap_err(), "storage does not support content type 'iso'");
        let wrong = pool.check_change(&options(&[("pool", "other")]));
        assert_eq!(wrong.unwrap_err(), "can't change value of fixed parameter 'pool'");
        assert_eq!(pool.check_removal("mkdir").unwrap_err(), "no such option 'mkdir'");
        assert!(pool.check_removal("sparse").is_ok());
    }
}
