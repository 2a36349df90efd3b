//! Keyrings: what the signatures of an archive are checked with. The machine's own if it has it; for Ubuntu on another
//! distribution the package of the archive, whose sum is known here. Nothing is installed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::{command::run, error::SandboxError, holder::find, images::family::Family};

/// The package of Ubuntu 24.04, which stays in the archive as long as that release does. Its keys are also those of
/// 22.04.
const UBUNTU: &str =
    "http://archive.ubuntu.com/ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb";

/// The SHA-256 of that package, as the signed index of Ubuntu 24.04 has it.
const UBUNTU_SUM: &str = "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8";

const LIMIT: Duration = Duration::from_secs(60);

/// Returns the keyring of a family's archive. `place` is a folder for what must be fetched.
pub(crate) async fn keyring(
    family: Family,
    place: &Path,
    proxy: Option<&str>,
) -> Result<PathBuf, SandboxError> {
    let name = format!("usr/share/keyrings/{}-archive-keyring.gpg", family.ostype);
    let own = Path::new("/").join(&name);
    if own.is_file() {
        return Ok(own);
    }
    if family.ostype != "ubuntu" {
        let package = format!("{}-archive-keyring", family.ostype);
        return Err(SandboxError::Missing { program: own.display().to_string(), package });
    }
    find("curl", "curl")?;
    find("dpkg-deb", "dpkg")?;
    let file = place.join("keyring.deb");
    let mut words =
        vec!["curl", "--fail", "--silent", "--show-error", "--location", "--max-time", "50", "--retry", "2"];
    let target = file.display().to_string();
    words.extend(["--output", &target]);
    if let Some(proxy) = proxy {
        words.extend(["--proxy", proxy]);
    }
    words.push(UBUNTU);
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    run(&words, &[], LIMIT).await?;
    let bytes = std::fs::read(&file).map_err(SandboxError::file("read", &file))?;
    check(&bytes)?;
    let folder = place.join("keyring");
    let words = ["dpkg-deb".to_owned(), "-x".to_owned(), target, folder.display().to_string()];
    run(&words, &[], LIMIT).await?;
    Ok(folder.join(name))
}

fn check(bytes: &[u8]) -> Result<(), SandboxError> {
    let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if sum == UBUNTU_SUM {
        return Ok(());
    }
    Err(SandboxError::Wrong(format!(
        "`{UBUNTU}` has the SHA-256 `{sum}`, not `{UBUNTU_SUM}`: something on the way changed it, or a proxy answered in \
         its place; install the package `ubuntu-keyring` yourself if you trust it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_is_not_the_known_one_is_refused() {
        let said = check(b"<html>log in first</html>").unwrap_err().to_string();
        assert!(said.contains("something on the way changed it"), "{said}");
    }
}
