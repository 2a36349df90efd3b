//! The driver's libraries: exactly of the driver's version, or the guest does without.

use phoenix_core::{
    Condition, Diagnostic, Draft, Evidence, Expect, GuestKind, Place, Probe, StepId,
    draft::{Command, File},
};

use crate::config::{Config, Libraries};

const HOLD: &str = "/etc/apt/preferences.d/phoenix-gpu";

/// Adds what brings the libraries, and returns the steps.
pub(super) fn draft(draft: &mut Draft<'_>, config: &Config, driver: Option<&str>) -> Vec<StepId> {
    match config.libraries {
        Libraries::Packages => packages(draft, config, driver),
        Libraries::Runfile => runfile(draft, config, driver),
        Libraries::None => draft.packages(toolkit(config), []).into_iter().collect(),
    }
}

fn packages(draft: &mut Draft<'_>, config: &Config, driver: Option<&str>) -> Vec<StepId> {
    let is_machine = draft.site().guest().is_some_and(|guest| guest.kind == GuestKind::Vm);
    let names = match (&config.packages, driver) {
        (given, _) if !given.is_empty() => given.clone(),
        (_, Some(driver)) => defaults(driver, is_machine),
        (_, None) => Vec::new(),
    };
    // A branch alone (`580`) leaves the choice to the distribution.
    let exact = driver.filter(|driver| driver.contains('.'));
    let held: Vec<&String> = names.iter().filter(|name| is_of_driver(name)).collect();
    let mut steps = Vec::new();
    if let Some(version) = exact.filter(|_| !held.is_empty()) {
        offered(draft, &held, version);
        let all: Vec<&str> = held.iter().map(|name| name.as_str()).collect();
        let all = all.join(" ");
        // The first record that fits a version decides: what does not match is never taken.
        let text = format!(
            "Package: {all}\nPin: version {version}-*\nPin-Priority: 1001\n\n\
             Package: {all}\nPin: version *\nPin-Priority: -1\n"
        );
        steps.extend(draft.write("hold-version", File::text(HOLD, text), []));
    }
    let hold: Option<StepId> = steps.last().cloned();
    steps.extend(draft.packages(names.iter().map(String::as_str).chain(toolkit(config)), [hold]));
    let installed = steps.last().cloned();
    for name in held {
        let Some(version) = exact else { break };
        let other = match draft.ask(Probe::package(draft.site(), name)) {
            Some(Evidence::Package { version: found }) if !is_version(found, version) => found,
            _ => continue,
        };
        let reason = format!("`{name}` is {other}, and the driver is {version}");
        let argv = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"];
        let options =
            ["-o", "DPkg::Lock::Timeout=300", "--allow-downgrades", "--no-install-recommends", "install"];
        let query = ["dpkg-query", "-W", "-f=${source:Upstream-Version}\\n", name];
        let is_so = Expect::SaysLine { line: version.to_owned() };
        let proof = Condition::new(Probe::command(draft.site(), query), is_so);
        let command = Command::new(argv.into_iter().chain(options).chain([name.as_str()]), proof, reason);
        // One package after the other: each takes the lock.
        let after = steps.last().cloned().or_else(|| installed.clone());
        steps.extend(draft.run(&format!("match-{name}"), command, [after]));
    }
    if is_machine {
        let loaded = Condition::new(Probe::file(draft.site(), super::host::KERNEL), Expect::Present);
        let load = Command::new(["modprobe", "nvidia"], loaded, "the driver is not loaded");
        steps.extend(draft.run("load-driver", load, [installed]));
    }
    steps
}

/// Returns Ubuntu's names for what a guest needs: libraries and tools, and for a machine the kernel module.
fn defaults(driver: &str, is_machine: bool) -> Vec<String> {
    let branch = driver.split('.').next().unwrap_or(driver);
    let mut names = vec![format!("libnvidia-compute-{branch}"), format!("nvidia-utils-{branch}")];
    if is_machine {
        names.push(format!("linux-modules-nvidia-{branch}-open-generic"));
        names.push(format!("nvidia-headless-no-dkms-{branch}-open"));
    }
    names
}

/// Tells whether a package has the driver's version; those with modules for kernels have the kernel's.
fn is_of_driver(name: &str) -> bool {
    !name.starts_with("linux-")
}

fn is_version(found: &str, wanted: &str) -> bool {
    found.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '~', '+']))
}

/// Refuses if the guest's sources are known and none of them has the driver's version.
fn offered(draft: &mut Draft<'_>, names: &[&String], version: &str) {
    for name in names {
        let is_right = match draft.ask(Probe::package(draft.site(), *name)) {
            Some(Evidence::Package { version: found }) => is_version(found, version),
            _ => false,
        };
        if is_right {
            continue;
        }
        let Some(listing) = draft.output(["apt-cache", "madison", name]) else { continue };
        let offers: Vec<&str> =
            listing.lines().filter_map(|line| Some(line.split('|').nth(1)?.trim())).collect();
        // Before its lists are read for the first time, a guest has no offer at all.
        if offers.is_empty() || offers.iter().any(|offer| is_version(offer, version)) {
            continue;
        }
        let message =
            format!("the driver is {version}, and the guest can have `{name}` only as {}", offers.join(", "));
        let hint = "add a source that has it (`base-setup`: `apt_sources`), or use `libraries: runfile`";
        let place = Place { path: "/libraries".to_owned(), ..Place::default() };
        draft.find(Diagnostic::error("gpu-skew", message).with_hint(hint).at(place));
    }
}

/// Returns what else is installed, in the same step.
fn toolkit(config: &Config) -> Option<&'static str> {
    config.docker.then_some("nvidia-container-toolkit")
}

fn runfile(draft: &mut Draft<'_>, config: &Config, driver: Option<&str>) -> Vec<StepId> {
    let Some(runfile) = &config.runfile else {
        let hint = "give its name, version, source and SHA-256 in `runfile`";
        draft.refuse("/runfile", "`libraries: runfile` needs NVIDIA's installer", hint);
        return Vec::new();
    };
    if let Some(driver) = driver.filter(|driver| *driver != runfile.version) {
        let message = format!("the installer is of version {}, and the driver is {driver}", runfile.version);
        let place = Place { path: "/runfile/version".to_owned(), ..Place::default() };
        let hint = format!("name the installer of {driver}");
        draft.find(Diagnostic::error("gpu-skew", message).with_hint(hint).at(place));
        return Vec::new();
    }
    let path = format!("/opt/phoenix/{}.run", runfile.name);
    let fetched = draft.artifact(runfile, &path, 0o755, []);
    let needed = draft.packages(["kmod"].into_iter().chain(toolkit(config)), []);
    // Fails where the library does not match the driver.
    let told =
        Probe::command(draft.site(), ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]);
    let proof = Condition::new(told, Expect::SaysLine { line: runfile.version.clone() });
    let options = ["--silent", "--no-questions", "--ui=none", "--no-kernel-module", "--no-x-check"];
    let argv = [path.as_str()].into_iter().chain(options);
    let reason = format!("the libraries are not those of {}", runfile.version);
    let command = Command::new(argv, proof, reason).again();
    let install = draft.run("install-libraries", command, [fetched.clone(), needed.clone()]);
    [fetched, needed, install].into_iter().flatten().collect()
}
