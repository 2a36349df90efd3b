//! The kit: a virtual environment under `target/clients` with the clients in it, made once for the versions and hashes
//! that `tests/clients` pins, and kept.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    command::{output, run as succeed},
    served::{Served, USER},
};

/// How many times faster than a real host the node works.
const SPEED: &str = "50";
/// The file in the kit that tells for which requirements it was made.
const STAMP: &str = "made-for";

/// A virtual environment with the clients in it.
pub(crate) struct Kit {
    root: PathBuf,
    folder: PathBuf,
}

impl Kit {
    /// Returns the kit, made where it is not there yet; or why it cannot be had here.
    pub(crate) fn ready(root: &Path) -> Result<Self, String> {
        let kit = Self { root: root.to_owned(), folder: root.join("target/clients") };
        let wanted = kit.wanted().map_err(|error| format!("could not read tests/clients: {error}"))?;
        if fs::read_to_string(kit.folder.join(STAMP)).is_ok_and(|made_for| made_for == wanted) {
            return Ok(kit);
        }
        output(Command::new("python3").args(["-c", "import ensurepip, venv"])).map_err(|_| {
            "python3 with its module `venv` is not installed (Debian: python3-venv)".to_owned()
        })?;
        kit.make().map_err(|error| format!("the clients cannot be had from PyPI: {error}"))?;
        fs::write(kit.folder.join(STAMP), wanted).map_err(|error| format!("could not keep them: {error}"))?;
        Ok(kit)
    }

    /// Runs the clients, each against a node that is served for it alone.
    pub(crate) fn run(&self) -> Result<(), String> {
        let programs: [(&str, Vec<OsString>); 2] = [
            (
                "calls",
                vec![
                    "-m".into(),
                    "unittest".into(),
                    "discover".into(),
                    "--start-directory".into(),
                    self.asked("api").into(),
                ],
            ),
            ("plays", vec![self.asked("play.py").into()]),
        ];
        let failed: Vec<_> =
            programs.into_iter().filter_map(|(name, arguments)| self.serve(name, &arguments).err()).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    fn serve(&self, name: &str, arguments: &[OsString]) -> Result<(), String> {
        let scratch = Scratch::new(name)?;
        let served = Served::start(&self.root, &scratch.0, SPEED)?;
        succeed(self.python(&served, &scratch.0).args(arguments))
    }

    fn asked(&self, name: &str) -> PathBuf {
        self.root.join("tests/clients").join(name)
    }

    /// Returns all that decides what is in the kit.
    fn wanted(&self) -> std::io::Result<String> {
        let read = |name: &str| fs::read_to_string(self.asked(name));
        Ok(read("requirements.txt")? + &read("collection.txt")?)
    }

    fn make(&self) -> Result<(), String> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(|error| error.to_string())?;
        }
        let venv = self.folder.join("venv");
        output(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let pip = |action: &str| {
            let mut command = Command::new(venv.join("bin/pip"));
            command.args([action, "--quiet", "--disable-pip-version-check", "--require-hashes"]);
            command.args(["--timeout", "20", "--retries", "1", "--requirement"]);
            command
        };
        output(pip("install").arg(self.asked("requirements.txt")))?;
        let wheels = self.folder.join("wheels");
        let mut download = pip("download");
        output(download.arg(self.asked("collection.txt")).args(["--no-deps", "--dest"]).arg(&wheels))?;
        let mut unpack = Command::new(venv.join("bin/python"));
        unpack.arg(self.asked("unpack.py")).arg(&wheels).arg(self.folder.join("collections"));
        output(&mut unpack)?;
        fs::remove_dir_all(&wheels).map_err(|error| error.to_string())
    }

    /// Returns the environment's Python, told where the node is and to write nothing outside `scratch`.
    fn python(&self, served: &Served, scratch: &Path) -> Command {
        let mut command = Command::new(self.folder.join("venv/bin/python"));
        command
            .current_dir(scratch)
            .stdin(Stdio::null())
            .env("HOME", scratch)
            .env("TMPDIR", scratch)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("ANSIBLE_COLLECTIONS_PATH", self.folder.join("collections"))
            .env("PROXMOX_HOST", served.address.ip().to_string())
            .env("PROXMOX_PORT", served.address.port().to_string())
            .env("PROXMOX_USER", USER)
            .env("PROXMOX_PASSWORD", &served.password)
            .env("PROXMOX_VALIDATE_CERTS", "true")
            .env("REQUESTS_CA_BUNDLE", &served.certificate)
            .env("PHOENIX_TOKEN", &served.token);
        command
    }
}

/// A folder of this run, removed at its end. It lies where paths are short: a node listens on a socket in its folder.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("phoenix-{name}-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("could not create `{}`: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans up temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
