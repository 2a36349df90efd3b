//! Formatters: the forms in which an answer can be had, and whether it goes compressed.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use phoenix_pve::transport;
use serde_json::{Value, json};

use crate::serve::exchange::Served;

const JSON: &str = "application/json;charset=UTF-8";
const TEXT: &str = "text/plain";
/// Answers up to this size go as they are.
const SMALL: usize = 1024;

/// The form in which an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    /// Errors come with status 200, and are told apart in the body.
    Extjs,
    /// A page for people.
    Html,
    /// A picture; empty where there is none.
    Png,
}

impl Format {
    /// Returns the formatter of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "extjs" => Some(Self::Extjs),
            "html" => Some(Self::Html),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

/// Puts an answer into a form.
pub(super) fn shape(response: transport::Response, format: Format) -> Served {
    let transport::Response { status, reason, body } = response;
    // Answers are JSON but for texts to be kept as files.
    let is_json = body.first() == Some(&b'{');
    match format {
        Format::Json => {
            Served { status, reason, kind: Some(if is_json { JSON } else { TEXT }), body, is_packed: false }
        }
        Format::Extjs => {
            let mut value: Value = serde_json::from_slice(&body).unwrap_or_else(|_| json!({ "data": null }));
            let is_good = (200..300).contains(&status);
            value["success"] = u8::from(is_good).into();
            if !is_good {
                // What was raised by the check of the parameters is text there, all else a number.
                value["status"] = if status == 400 { status.to_string().into() } else { status.into() };
            }
            let body = value.to_string().into_bytes();
            Served { status: 200, reason: "OK".to_owned(), kind: Some(JSON), body, is_packed: false }
        }
        Format::Html => {
            let value: Value = serde_json::from_slice(&body).unwrap_or_default();
            let text = serde_json::to_string_pretty(&value).unwrap_or_default();
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let page = format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Proxmox VE API</title>\n  </head>\n  <body>\n    <pre>{text}</pre>\n  </body>\n</html>\n"
            );
            Served {
                status,
                reason,
                kind: Some("text/html;charset=UTF-8"),
                body: page.into_bytes(),
                is_packed: false,
            }
        }
        Format::Png => Served { status, reason, kind: Some("image/png"), body: Vec::new(), is_packed: false },
    }
}

/// Compresses an answer that is large enough, or that always goes so.
pub(super) fn pack(served: Served, always: bool) -> Served {
    if served.status != 200 || !(always || served.body.len() > SMALL) {
        return served;
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    match packer.write_all(&served.body).and_then(|()| packer.finish()) {
        Ok(body) => Served { body, is_packed: true, ..served },
        Err(_) => served,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> transport::Response {
        transport::Response { status, reason: "x".to_owned(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_page_shows_the_data_and_keeps_its_markup_apart() {
        let served = shape(answer(200, r#"{"data":"<b>"}"#), Format::Html);
        let page = String::from_utf8(served.body).expect("a text");
        assert!(page.starts_with("<!DOCTYPE html") && page.contains("&lt;b&gt;"), "{page}");
    }

    #[test]
    fn large_answers_are_packed_and_refusals_never() {
        let large = format!(r#"{{"data":"{}"}}"#, "x".repeat(5000));
        assert!(pack(shape(answer(200, &large), Format::Json), false).body.len() < 1000);
        assert!(!pack(shape(answer(200, "{}"), Format::Json), false).is_packed);
        assert!(!pack(shape(answer(500, &large), Format::Json), true).is_packed);
    }
}
