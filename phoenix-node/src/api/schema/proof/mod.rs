//! Whether the data is what a real Proxmox VE has.

mod tests;
