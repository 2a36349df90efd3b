//! The registry of this program: every manager and every feature that it has, a line each. Features of plugins come
//! in by the configuration.

use phoenix_core::Registry;

/// Returns all managers and features.
pub(crate) fn registry() -> Registry {
    Registry::new()
        .with_manager(phoenix_hypervisor::Hypervisor)
        .with_manager(phoenix_hypervisor::access::Access::<phoenix_hypervisor::access::Group>::default())
        .with_manager(phoenix_hypervisor::access::Access::<phoenix_hypervisor::access::Role>::default())
        .with_manager(phoenix_hypervisor::access::Access::<phoenix_hypervisor::access::User>::default())
        .with_manager(phoenix_hypervisor::access::acl::Acl)
        .with_manager(phoenix_hypervisor::access::token::Tokens)
        .with_manager(phoenix_hypervisor::inventory::Inventory)
        .with_manager(phoenix_hypervisor::network::Interfaces)
        .with_manager(phoenix_hypervisor::storage::Storages)
        .with_manager(phoenix_lxc::Lxc)
        .with_manager(phoenix_portainer_stacks::Stacks)
        .with_manager(phoenix_vm::Vm)
        .with_manager(phoenix_net::Firewall)
        .with_feature(phoenix_base_setup::feature())
        .with_feature(phoenix_certificate::feature())
        .with_feature(phoenix_certificate::renewal::feature())
        .with_feature(phoenix_dnsmasq::feature())
        .with_feature(phoenix_docker::feature())
        .with_feature(phoenix_gpu::feature())
        .with_feature(phoenix_llama_cpp::feature())
        .with_feature(phoenix_nfs_mounts::feature())
        .with_feature(phoenix_nfs_server::feature())
        .with_feature(phoenix_nginx::feature())
        .with_feature(phoenix_ollama::feature())
        .with_feature(phoenix_portainer::feature())
        .with_feature(phoenix_portainer_stacks::feature())
        .with_feature(phoenix_python_api_service::feature())
        .with_feature(phoenix_qdrant::feature())
        .with_feature(phoenix_samba::feature())
        .with_feature(phoenix_step_ca::feature())
        .with_feature(phoenix_step_cli::feature())
        .with_feature(phoenix_traefik::feature())
        .with_feature(phoenix_trusted_ca::feature())
        .with_feature(phoenix_vllm::feature())
        .with_feature(phoenix_volume_directories::feature())
}
