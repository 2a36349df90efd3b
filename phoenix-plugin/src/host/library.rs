//! A library as a file: read once, hashed, and looked through without being opened. What was checked here is what is
//! opened later, whatever happens to the file meanwhile.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use object::{
    Architecture, Object as _, ObjectKind, ObjectSection as _, ObjectSymbol as _, read::elf::ElfFile64,
};
use semver::Version;
use sha2::{Digest as _, Sha256};

use super::error::PluginError;
use crate::{
    manifest::{Manifest, SECTION},
    table::{PROTOCOL, TABLE, Table},
};

/// The largest file that is read.
pub(super) const LARGEST: u64 = 256 << 20;

/// A plugin's file, checked as far as it can be without opening it.
#[derive(Clone, Debug)]
pub struct Library {
    /// Where it was read.
    pub path: PathBuf,
    /// The SHA-256 of its content, in lower-case hex.
    pub sha256: String,
    /// What it says of itself.
    pub manifest: Manifest,
    pub(super) bytes: Arc<[u8]>,
}

/// Returns the version of Phoenix that plugins are held against.
pub fn phoenix_version() -> Version {
    env!("CARGO_PKG_VERSION").parse().expect("cargo takes only such versions")
}

impl Library {
    /// Reads a file and checks it; against a SHA-256 too, if one is listed.
    pub fn read(path: &Path, sha256: Option<&str>) -> Result<Self, PluginError> {
        let bytes = read(path)?;
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if sha256.is_some_and(|listed| !listed.eq_ignore_ascii_case(&found)) {
            return Err(PluginError::Hash { path: path.to_owned(), found });
        }
        let manifest = look_through(path, &bytes)?;
        Ok(Self { path: path.to_owned(), sha256: found, manifest, bytes: bytes.into() })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PluginError> {
    let failed = |source| PluginError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(PluginError::NotALibrary { path: path.to_owned(), why: "it is no file".to_owned() });
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(PluginError::Large { path: path.to_owned() });
    }
    Ok(bytes)
}

fn look_through(path: &Path, bytes: &[u8]) -> Result<Manifest, PluginError> {
    let no_library = |why: &str| PluginError::NotALibrary { path: path.to_owned(), why: why.to_owned() };
    let elf: ElfFile64<'_> = ElfFile64::parse(bytes).map_err(|_| no_library("it is no 64-bit ELF file"))?;
    if elf.kind() != ObjectKind::Dynamic {
        return Err(no_library("it is an ELF file of another sort"));
    }
    if Some(elf.architecture()) != architecture() {
        return Err(no_library("it is made for another processor"));
    }
    let section =
        elf.section_by_name(SECTION).ok_or_else(|| PluginError::NoManifest { path: path.to_owned() })?;
    let text = section.data().map_err(|_| no_library("it is cut off"))?;
    let manifest = Manifest::from_section(text)
        .map_err(|source| PluginError::Manifest { path: path.to_owned(), source })?;
    let found = phoenix_version();
    if !manifest.phoenix.matches(&found) {
        let (name, wanted) = (manifest.name, manifest.phoenix);
        return Err(PluginError::Version { name, wanted, found });
    }
    match table(&elf) {
        Ok(()) => Ok(manifest),
        Err(why) => Err(PluginError::Table { name: manifest.name, why }),
    }
}

/// Looks at the head of the table: it is a constant, so it stands in the file as it will in memory.
fn table(elf: &ElfFile64<'_>) -> Result<(), String> {
    let symbol = elf
        .dynamic_symbols()
        .find(|symbol| symbol.is_definition() && symbol.name() == Ok(TABLE))
        .ok_or_else(|| format!("it exports no `{TABLE}`"))?;
    let head = elf
        .sections()
        .filter_map(|section| section.data_range(symbol.address(), 8).ok().flatten())
        .next()
        .ok_or_else(|| format!("its `{TABLE}` is no constant"))?;
    let word = |at: usize| {
        let bytes = [head[at], head[at + 1], head[at + 2], head[at + 3]];
        u32::from_ne_bytes(bytes)
    };
    check_head(word(0), word(4))
}

/// Checks the head of a table.
pub(super) fn check_head(size: u32, protocol: u32) -> Result<(), String> {
    let least = size_of::<Table>();
    if (size as usize) < least {
        return Err(format!("its `{TABLE}` says that it has {size} bytes, and {least} are the least"));
    }
    if protocol != PROTOCOL {
        return Err(format!(
            "its `{TABLE}` is of version {protocol}, and this Phoenix has version {PROTOCOL}"
        ));
    }
    Ok(())
}

fn architecture() -> Option<Architecture> {
    match std::env::consts::ARCH {
        "x86_64" => Some(Architecture::X86_64),
        "aarch64" => Some(Architecture::Aarch64),
        "riscv64" => Some(Architecture::Riscv64),
        _ => None,
    }
}
