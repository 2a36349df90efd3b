//! Where artifacts come from, in the host's file.

use schemars::JsonSchema;
use serde::Deserialize;

/// An artifact that is had from elsewhere, or in another version, than its feature pins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArtifactEntry {
    /// Its version, for people.
    #[schemars(extend("format" = "line"))]
    pub(crate) version: Option<String>,
    /// Where guests fetch it from. Either this or `file`.
    #[schemars(extend("format" = "url"))]
    pub(crate) url: Option<String>,
    /// A file of the machine that Phoenix runs on; a relative path starts at the config directory.
    #[schemars(extend("format" = "line"))]
    pub(crate) file: Option<String>,
    /// The SHA-256 that it must have.
    #[schemars(extend("format" = "sha256"))]
    pub(crate) sha256: String,
    /// How it is unpacked, if it is an archive.
    pub(crate) unpack: Option<UnpackEntry>,
}

/// How an archive is unpacked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnpackEntry {
    /// How it is packed.
    pub(crate) format: ArchiveFormat,
    /// The path of the one file in it that is wanted; everything if not given.
    #[schemars(extend("format" = "line"))]
    pub(crate) member: Option<String>,
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArchiveFormat {
    /// A tar archive, compressed or not.
    Tar,
    /// A ZIP archive.
    Zip,
}
