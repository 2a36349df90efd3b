//! Bodies: how the parameters of a request are read, in the order in which PVE's proxy looks at them; files are taken
//! in as they come, counted and summed up.

use std::collections::BTreeMap;

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request,
    body::{Body, Bytes, Incoming},
    header::CONTENT_TYPE,
};
use multer::{Constraints, Field, Multipart, SizeLimit};
use phoenix_pve::transport::Method;
use sha2::digest::DynDigest;

use crate::{
    api::{Given, Uploaded},
    serve::{
        exchange::Served,
        form::{self, Params},
    },
    state::config,
};

/// The largest body that is no file.
const LIMIT: usize = 512 * 1024;
/// The largest field beside a file.
const FIELD_LIMIT: u64 = 64 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// What a request brings along.
#[derive(Debug, Default)]
pub(super) struct Brought {
    pub(super) params: Params,
    pub(super) upload: Option<Uploaded>,
}

/// Reads the query and the body; fails with the answer that the client gets instead.
pub(super) async fn read(request: Request<Incoming>, method: Method) -> Result<Brought, Served> {
    let mut params = form::urlencoded(request.uri().query().unwrap_or_default().as_bytes());
    // Web clients add it so that nobody answers from a cache.
    params.remove("_dc");
    let length = request.body().size_hint().exact().unwrap_or(0);
    if length == 0 {
        return Ok(Brought { params, upload: None });
    }
    if matches!(method, Method::Get | Method::Delete) {
        let text = format!("Unexpected content for method '{}'", method.as_str());
        return Err(Served::plain(501, &text));
    }
    let header = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or(FORM);
    let kind = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "multipart/form-data"
        && let Ok(boundary) = multer::parse_boundary(header)
    {
        return multipart(request.into_body(), &boundary, params).await;
    }
    if length > LIMIT as u64 {
        return Err(Served::plain(501, "for data too large"));
    }
    let is_json = match kind.as_str() {
        "application/json" => true,
        FORM | "" => false,
        other => return Err(Served::plain(506, &format!("upload 'Content-Type '{other}' not implemented"))),
    };
    let body = Limited::new(request.into_body(), LIMIT).collect().await;
    let body = body.map_err(|_| ended_early())?.to_bytes();
    params.extend(match is_json {
        true => form::json(&body).map_err(|text| Served::line(500, &text))?,
        false => form::urlencoded(&body),
    });
    Ok(Brought { params, upload: None })
}

fn ended_early() -> Served {
    Served::plain(400, "the body ended early")
}

async fn multipart<B>(body: B, boundary: &str, params: Params) -> Result<Brought, Served>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let limits = SizeLimit::new().per_field(FIELD_LIMIT).for_field("filename", u64::MAX);
    let constraints = Constraints::new().size_limit(limits);
    let mut parts = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let mut brought = Brought { params, upload: None };
    while let Some(field) = parts.next_field().await.map_err(|_| ended_early())? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        let value = match field.file_name().map(str::to_owned) {
            Some(file) => {
                let algorithm = match brought.params.get("checksum-algorithm") {
                    Some(Given::Text(word)) => Some(word.clone()),
                    _ => None,
                };
                brought.upload = Some(take_in(field, algorithm.as_deref()).await.map_err(|_| ended_early())?);
                // Where PVE would put it.
                let place = format!("/var/tmp/pveupload-{}", config::uuid().replace('-', ""));
                brought.params.insert("tmpfilename".to_owned(), Given::Text(place));
                file
            }
            None => field.text().await.map_err(|_| ended_early())?,
        };
        brought.params.insert(name, Given::Text(value));
    }
    Ok(brought)
}

/// Counts a file and sums it up: by the algorithm that is asked for, or by all if that is not known yet.
async fn take_in(mut field: Field<'_>, algorithm: Option<&str>) -> Result<Uploaded, multer::Error> {
    let mut sums: BTreeMap<&str, Box<dyn DynDigest + Send>> = BTreeMap::from([
        ("md5", Box::<md5::Md5>::default() as Box<dyn DynDigest + Send>),
        ("sha1", Box::<sha1::Sha1>::default()),
        ("sha224", Box::<sha2::Sha224>::default()),
        ("sha256", Box::<sha2::Sha256>::default()),
        ("sha384", Box::<sha2::Sha384>::default()),
        ("sha512", Box::<sha2::Sha512>::default()),
    ]);
    sums.retain(|word, _| algorithm.is_none_or(|wanted| wanted == *word));
    let mut size = 0;
    while let Some(chunk) = field.chunk().await? {
        size += chunk.len() as u64;
        sums.values_mut().for_each(|sum| sum.update(&chunk));
    }
    let sums = sums.into_iter().map(|(word, sum)| (word.to_owned(), config::hex(&sum.finalize())));
    Ok(Uploaded { size, sums: sums.collect() })
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    fn form(algorithm: &str) -> Full<Bytes> {
        let field = |name: &str, value: &str| {
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = "--B\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a.iso\"\r\n\r\nhello\r\n--B--\r\n";
        let algorithm =
            if algorithm.is_empty() { String::new() } else { field("checksum-algorithm", algorithm) };
        Full::new(Bytes::from(format!("{}{algorithm}{file}", field("content", "iso"))))
    }

    #[tokio::test]
    async fn a_file_is_counted_and_summed_up() {
        let brought = multipart(form("md5"), "B", Params::new()).await.expect("parts");
        let upload = brought.upload.expect("a file");
        assert_eq!(upload.size, 5);
        assert_eq!(upload.sums.len(), 1);
        assert_eq!(upload.sums["md5"], "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(brought.params["filename"], Given::Text("a.iso".to_owned()));
        assert!(brought.params.contains_key("tmpfilename") && brought.params.contains_key("content"));
    }

    #[tokio::test]
    async fn every_sum_is_known_of_a_file_that_comes_before_its_algorithm() {
        let upload = multipart(form(""), "B", Params::new()).await.expect("parts").upload.expect("a file");
        assert_eq!(upload.sums.len(), 6);
        assert_eq!(upload.sums["sha1"], "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
    }
}
