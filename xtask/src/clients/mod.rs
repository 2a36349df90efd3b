//! The stage `clients`: programs that others wrote for Proxmox VE (proxmoxer, and the Ansible collection
//! community.proxmox), unmodified and of pinned versions, against a served node. What they are asked to do stands in
//! `tests/clients`.

mod kit;

pub(crate) use kit::Kit;
