//! The backend against a small Proxmox VE that keeps state behind the transport, and against recorded answers.

mod channel;
mod contract;
mod errors;
mod fake;
mod firewall;
mod inside;
mod objects;
mod perform;
mod preflight;
mod read;
mod records;
mod releases;
mod script;
