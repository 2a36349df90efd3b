//! NVIDIA's container toolkit: Docker's containers get the cards through the Container Device Interface (CDI), so that
//! Docker's own configuration stays Docker's.

use phoenix_core::{Condition, Draft, Expect, GuestKind, Probe, StepId, draft::Command};

/// Where Docker looks for devices.
const DEVICES: &str = "/etc/cdi/nvidia.yaml";

pub(super) fn draft(draft: &mut Draft<'_>, guest: Option<GuestKind>, after: Vec<StepId>) {
    let site = draft.site();
    let configured = match guest {
        // Inside a container, control groups are the node's: the devices are let in already.
        Some(GuestKind::Lxc) => {
            let line = Expect::SaysLine { line: "no-cgroups = true".to_owned() };
            let proof = Condition::new(Probe::command(site, ["nvidia-ctk", "config"]), line);
            let set = ["nvidia-ctk", "config", "--set", "nvidia-container-cli.no-cgroups=true", "--in-place"];
            let command =
                Command::new(set, proof, "the toolkit would set control groups, which it cannot here");
            draft.run("configure-toolkit", command, after.iter().cloned().map(Some))
        }
        Some(GuestKind::Vm) | None => None,
    };
    let all = Expect::SaysLine { line: "nvidia.com/gpu=all".to_owned() };
    let proof = Condition::new(Probe::command(site, ["nvidia-ctk", "cdi", "list"]), all);
    let generate =
        ["nvidia-ctk".to_owned(), "cdi".to_owned(), "generate".to_owned(), format!("--output={DEVICES}")];
    // It names the libraries' files, whose names have the version in them.
    let command = Command::new(generate, proof, format!("`{DEVICES}` does not have the cards")).again();
    let before = after.into_iter().map(Some).chain([configured]);
    draft.run("describe-devices", command, before);
}
