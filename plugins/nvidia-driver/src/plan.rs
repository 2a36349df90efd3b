//! The feature itself: headers, `nouveau` out of the way, the installer, and a reboot where another driver runs.

use phoenix_core::{
    Artifact, Condition, Descriptor, Diagnostic, Draft, Expect, Feature, Probe, Recipe, StepId,
    draft::{Command, File, Service},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::config::Config;

const NAME: &str = "nvidia-driver";
const OPTIONS: &str = "/etc/modprobe.d/phoenix-nvidia.conf";
const MODULES: &str = "/etc/modules-load.d/phoenix-nvidia.conf";
const UNIT: &str = "phoenix-nvidia.service";
const UNIT_FILE: &str = "/etc/systemd/system/phoenix-nvidia.service";
const RUNFILE: &str = "/var/lib/phoenix/nvidia/installer.run";
const RUNNING: &str = "/proc/driver/nvidia/version";
/// Packages of the distribution that bring a driver of their own.
const PACKAGED: [&str; 3] = ["nvidia-driver", "nvidia-kernel-dkms", "nvidia-open-kernel-dkms"];

const UNIT_TEXT: &str = "# Written by Phoenix (feature nvidia-driver).
[Unit]
Description=Device nodes of graphics cards, before guests want them
After=systemd-modules-load.service
Before=pve-guests.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/nvidia-modprobe -c 0 -u
ExecStart=/usr/bin/nvidia-smi -L

[Install]
WantedBy=multi-user.target
";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has NVIDIA's driver for the kernel of the host, in exactly one version";
    let descriptor =
        Descriptor::new(NAME, about, schema_for!(Config)).after(["host-base", "vfio"]).at([SiteKind::Host]);
    let runfile = |config: &Config| config.runfile.iter().cloned().collect();
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems).installing(runfile))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let (Some(runfile), Some(found)) = (&config.runfile, draft.pci()) else {
        // What lists the devices is missing; the next round knows.
        draft.packages(["pciutils"], []);
        return;
    };
    let is_ours = |function: &&phoenix_core::draft::PciFunction| {
        function.is_nvidia_card() && function.driver.as_deref() != Some("vfio-pci")
    };
    if !found.iter().any(|function| is_ours(&function)) {
        let message = "the host has no graphics card of NVIDIA that it drives itself: the driver is left out";
        let hint = "`lspci -nn` lists the cards; take `nvidia_driver` out where there are none";
        draft.find(Diagnostic::warning("nvidia-no-card", message).with_hint(hint));
        return;
    }
    if let Some(name) = PACKAGED.into_iter().find(|name| draft.has_package(name)) {
        let message =
            format!("the package `{name}` brings a driver of its own, which stands in the way of this one");
        draft.find(
            Diagnostic::error("nvidia-packaged", message)
                .with_hint(format!("remove it: `apt-get purge {name}`")),
        );
        return;
    }
    let Some(kernel) = draft.kernel() else { return };
    let headers = headers(&kernel);
    let tools = draft.packages([headers.as_str(), "dkms", "gcc", "make"], []);
    let options = draft.write("write-options", File::text(OPTIONS, options(config)), []);
    let modules = File::text(MODULES, "# Written by Phoenix (feature nvidia-driver).\nnvidia\nnvidia_uvm\n");
    let modules = draft.write("write-modules", modules, []);
    let unit = draft.write("write-unit", File::text(UNIT_FILE, UNIT_TEXT), []);
    let image = draft.initramfs([OPTIONS], [options.clone()]);
    let ready = install(draft, config, runfile, [tools, options, image]);
    let up = draft.service(&Service::new(UNIT, [UNIT_FILE]), [unit, modules, ready]);
    let asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"];
    let answers = Condition::new(
        Probe::command(draft.site(), asked),
        Expect::SaysLine { line: config.version.clone() },
    );
    draft.wait(
        "see-driver",
        answers,
        120,
        format!("`nvidia-smi` is answered by the driver {}", config.version),
        [up],
    );
}

/// Has the driver of the version on the disk and in the kernel; returns the last step.
fn install(
    draft: &mut Draft<'_>,
    config: &Config,
    runfile: &Artifact,
    before: [Option<StepId>; 3],
) -> Option<StepId> {
    let version = config.version.as_str();
    let asked = ["modinfo", "-F", "version", "nvidia"];
    let on_disk = draft.output(asked).map(|text| text.trim().to_owned());
    let running = running(draft);
    let mut after: Vec<Option<StepId>> = before.to_vec();
    let is_nouveau = running.is_none() && draft.file("/sys/module/nouveau").is_some();
    if is_nouveau {
        let reason = "`nouveau` drives the graphics cards until a boot without it";
        after.push(Some(draft.reboot(reason, after.clone())));
    }
    let kind = format!("--kernel-module-type={}", config.modules.word());
    let mut argv = vec!["sh", RUNFILE, "--silent", "--no-questions", "--dkms", "--no-x-check", &kind];
    // Without it the installer refuses where a driver is in use, be it one that it has loaded itself a moment ago.
    argv.push("--allow-installation-with-running-driver");
    if running.is_some() {
        // The new one is put beside the one that runs, and takes over at the next boot if it is another one.
        argv.push("--skip-module-load");
    }
    let proof =
        Condition::new(Probe::command(draft.site(), asked), Expect::SaysLine { line: version.to_owned() });
    let reason = match &on_disk {
        Some(other) => {
            format!("the driver for `{}`: {other} -> {version}", draft.kernel().unwrap_or_default())
        }
        None => format!("the driver {version} is missing for `{}`", draft.kernel().unwrap_or_default()),
    };
    let installed = match on_disk.as_deref() == Some(version) {
        // The installer is only had while there is something to install.
        true => None,
        false => {
            after.push(draft.artifact(runfile, RUNFILE, 0o755, []));
            draft.run("install-driver", Command::new(argv, proof, reason), after.clone())
        }
    };
    match running {
        Some(other) if other != version => {
            let reason = format!("the kernel runs the driver {other}, and {version} is on the disk");
            Some(draft.reboot(reason, [vec![installed], before.to_vec()].concat()))
        }
        Some(_) => installed,
        // It is on the disk, and nobody has loaded it.
        None if on_disk.as_deref() == Some(version) && !is_nouveau => {
            let loaded = draft.succeeds(["test", "-e", RUNNING]);
            let load =
                Command::new(["modprobe", "nvidia"], loaded, "the driver is on the disk and not loaded");
            draft.run("load-driver", load, before)
        }
        None => installed.or(after.pop().flatten()),
    }
}

/// Returns the version of the driver that the kernel runs.
fn running(draft: &Draft<'_>) -> Option<String> {
    let text = draft.output(["cat", RUNNING])?;
    let is_version = |word: &&str| {
        word.split('.').count() >= 2 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

fn options(config: &Config) -> String {
    let mut text =
        "# Written by Phoenix (feature nvidia-driver).\nblacklist nouveau\noptions nouveau modeset=0\n"
            .to_owned();
    if !config.options.is_empty() {
        text.push_str(&format!("options nvidia {}\n", config.options.join(" ")));
    }
    text
}

/// Returns the package with what modules for a kernel are built against.
fn headers(kernel: &str) -> String {
    let mut numbers = kernel.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match kernel.ends_with("-pve") {
        true if version >= (6, 5) => format!("proxmox-headers-{kernel}"),
        true => format!("pve-headers-{kernel}"),
        false => format!("linux-headers-{kernel}"),
    }
}

#[cfg(test)]
mod tests {
    use super::headers;

    #[test]
    fn headers_have_the_name_that_their_kernel_has() {
        assert_eq!(headers("6.14.8-2-pve"), "proxmox-headers-6.14.8-2-pve");
        assert_eq!(headers("6.2.16-20-pve"), "pve-headers-6.2.16-20-pve");
        assert_eq!(headers("6.1.0-37-amd64"), "linux-headers-6.1.0-37-amd64");
    }
}
