//! What guests are made from: OS templates of the appliance index and disk images, fetched into storages.

use phoenix_core::{BackendError, ErrorKind};
use proxmox_api::nodes::{
    NodesClient,
    node::{aplinfo, storage::storage::download_url},
};

use super::{PveBackend, perform::Work};
use crate::{client::segment, error::PveError, lenient, typed};

impl PveBackend {
    pub(super) async fn fetch_os_template(
        &self,
        node: &str,
        storage: &str,
        template: &str,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        if self.stored_template(node, storage, template).await?.is_some() {
            return Ok(());
        }
        let template = match is_file(template) {
            true => template.to_owned(),
            false => self.newest_offered(node, template).await?,
        };
        let file = typed::text(&template, "the name of an OS template")?;
        let params = aplinfo::PostParams::new(storage.to_owned(), file);
        let node = NodesClient::new(self.client.clone()).node(&segment(node)?);
        let upid = node.aplinfo().post(params).await.map_err(BackendError::from)?;
        Ok(self.wait(&upid, work).await?)
    }

    pub(super) async fn fetch_image(
        &self,
        node: &str,
        storage: &str,
        (url, filename, sha256): (&str, &str, Option<&str>),
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let volumes = self.contents(node, storage, Some("import")).await?;
        if volumes.iter().any(|volume| volume.volid == format!("{storage}:import/{filename}")) {
            return Ok(());
        }
        let mut params = download_url::PostParams::new(
            download_url::Content::Import,
            typed::text(filename, "a file name")?,
            typed::text(url, "an address that starts with `http://` or `https://`")?,
        );
        if let Some(sum) = sha256 {
            params.checksum = Some(sum.to_owned());
            params.checksum_algorithm = Some(download_url::ChecksumAlgorithm::Sha256);
        }
        let node = NodesClient::new(self.client.clone()).node(&segment(node)?);
        let upid = node.storage().storage(&segment(storage)?).download_url().post(params).await?;
        Ok(self.wait(&upid, work).await?)
    }

    /// Returns the volume of an OS template in a storage, the newest if its version is not named.
    pub(super) async fn stored_template(
        &self,
        node: &str,
        storage: &str,
        template: &str,
    ) -> Result<Option<String>, PveError> {
        let volumes = self.contents(node, storage, Some("vztmpl")).await?;
        let files = volumes.iter().filter_map(|volume| {
            let (_, file) = volume.volid.split_once(":vztmpl/")?;
            matches(file, template).then_some((version_key(file), &volume.volid))
        });
        Ok(files.max().map(|(_, volid)| volid.clone()))
    }

    async fn newest_offered(&self, node: &str, template: &str) -> Result<String, BackendError> {
        let data = self.client.get(&format!("/nodes/{}/aplinfo", segment(node)?), Vec::new()).await?;
        let offered = lenient::items(&data).iter().filter_map(|row| lenient::word(&row["template"]));
        let newest = offered.filter(|file| matches(file, template)).max_by_key(|file| version_key(file));
        newest.ok_or_else(|| {
            BackendError::new(
                ErrorKind::NotFound,
                format!("the appliance index of `{node}` has no OS template `{template}`"),
            )
            .with_hint(format!("type `pveam update` on `{node}`; `pveam available` lists the names"))
        })
    }
}

fn is_file(template: &str) -> bool {
    template.contains(".tar.")
}

/// Tells whether a file is the one named, or of the template named without a version.
fn matches(file: &str, template: &str) -> bool {
    match is_file(template) {
        true => file == template,
        false => file.strip_prefix(template).is_some_and(|rest| rest.starts_with('_')),
    }
}

/// Returns a file's name so that its versions sort: runs of digits count as numbers.
pub(super) fn version_key(file: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let words = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest[words..]
            .find(|letter: char| !letter.is_ascii_digit())
            .map_or(rest.len(), |length| words + length);
        parts.push((rest[..words].to_owned(), rest[words..digits].parse().unwrap_or(0)));
        rest = &rest[digits..];
    }
    parts
}
