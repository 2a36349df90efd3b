//! The feature `nginx`: a web server as the gateway to services, with TLS, redirects, WebSockets and streams.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
