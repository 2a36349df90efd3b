//! The tests of what Proxmox VE keeps by its API.

mod access;
mod interfaces;
mod ownership;
mod pve;
mod storages;
