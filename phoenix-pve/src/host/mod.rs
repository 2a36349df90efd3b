//! A Proxmox VE host from its own inside: the API over the loopback, believed by the certificate that lies in its files;
//! configurations straight from those files; and whoever is root there needs no password.

mod conf;
mod files;
mod here;

pub use files::HostFiles;
pub use here::LocalHost;
