//! The call that uploads a file. Its bytes are counted and summed up as they come, and not kept.

use std::collections::BTreeMap;

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
        storage::files::{check_ending, plain_name, target},
    },
    work::{StorageJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("POST /nodes/{node}/storage/{storage}/upload", Handler::Plain(upload))];

/// A file that came with a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uploaded {
    /// How many bytes it has.
    pub(crate) size: u64,
    /// Its sums in hex, by algorithm.
    pub(crate) sums: BTreeMap<String, String>,
}

fn upload(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let storage = args.text("storage").to_owned();
    let content = args.text("content").to_owned();
    call.state.enabled_storage(&storage, &call.node()).map_err(Refusal::failed)?;
    let (Some(source), Some(uploaded)) = (args.get("tmpfilename"), call.upload.cloned()) else {
        return Err(Refusal::failed("missing temporary file name"));
    };
    let filename = plain_name(args.text("filename"));
    check_ending(&content, &filename)?;
    let path = target(call, &storage, &content, &filename)?;
    let checksum = match (args.get("checksum-algorithm"), args.get("checksum")) {
        (Some(algorithm), Some(wanted)) => {
            let got = uploaded.sums.get(algorithm).cloned().unwrap_or_default();
            Some((wanted.to_lowercase(), got))
        }
        (Some(_), None) => {
            let text = "missing property - 'checksum-algorithm' requires this property";
            return Err(Refusal::param("checksum", text));
        }
        (None, Some(_)) => {
            let text = "missing property - 'checksum' requires this property";
            return Err(Refusal::param("checksum-algorithm", text));
        }
        (None, None) => None,
    };
    let volid = format!("{storage}:{content}/{filename}");
    let (source, size) = (source.to_owned(), uploaded.size);
    call.task(Work::Storage(StorageJob::Import { storage, volid, source, path, size, checksum }))
}
