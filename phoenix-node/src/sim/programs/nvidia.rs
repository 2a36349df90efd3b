//! NVIDIA's programs: `nvidia-smi`, which asks the driver, `nvidia-ctk`, which describes the cards to containers, and
//! `modprobe`, which loads the driver that is on the disk.

use crate::{
    gpus::Gpu,
    sim::{
        gpu,
        programs::{Ran, Run},
        world::World,
    },
};

/// The container toolkit's own file, and what it says of control groups.
const SETTINGS: &str = "/etc/nvidia-container-runtime/config.toml";
const NO_CGROUPS: &str = "no-cgroups = ";
/// Where the toolkit and Docker look for descriptions of devices.
const DESCRIPTION: &str = "/etc/cdi/nvidia.yaml";

pub(super) fn smi(run: Run<'_>) -> Ran {
    if run.world.follow(gpu::SMI).is_none() {
        return Ran::failed(127, "nvidia-smi: command not found");
    }
    let said = |status: i32, text: &str| Ran { status, stdout: format!("{text}\n"), ..Ran::default() };
    let Some(library) = gpu::library(run.world) else {
        return said(
            12,
            "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the NVIDIA Display Driver is properly installed and present in your system.",
        );
    };
    let driver = run.world.gpus().driver.clone();
    if driver.is_empty() || run.world.file(gpu::CONTROL).is_none() {
        return said(
            9,
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
        );
    }
    if library != driver {
        let short: Vec<&str> = library.split('.').take(2).collect();
        let text = "Failed to initialize NVML: Driver/library version mismatch";
        return said(18, &format!("{text}\nNVML library version: {}", short.join(".")));
    }
    let cards = gpu::usable(run.world);
    if cards.is_empty() {
        return said(6, "No devices were found");
    }
    let words = run.words();
    let query = words.iter().find_map(|word| word.strip_prefix("--query-gpu="));
    match (query, &words[..]) {
        (Some(fields), _) => query_cards(&cards, fields, &driver, &words),
        (None, ["-L" | "--list-gpus"]) => Ran::said(
            (0..)
                .zip(&cards)
                .map(|(at, card): (u32, _)| format!("GPU {at}: {} (UUID: {})\n", card.name, card.uuid))
                .collect::<String>(),
        ),
        (None, []) => {
            let rows = (0..).zip(&cards).map(|(at, card): (u32, _)| {
                format!("| {at:>3}  {:<30} {} | {:>6}MiB |\n", card.name, card.address, card.memory_mib)
            });
            Ran::said(format!(
                "| NVIDIA-SMI {driver}    Driver Version: {driver} |\n{}",
                rows.collect::<String>()
            ))
        }
        (None, _) => {
            Ran::failed(2, "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.")
        }
    }
}

fn query_cards(cards: &[Gpu], fields: &str, driver: &str, words: &[&str]) -> Ran {
    let format = words.iter().find_map(|word| word.strip_prefix("--format=")).unwrap_or_default();
    let options: Vec<&str> = format.split(',').collect();
    if options.first() != Some(&"csv") {
        return Ran::failed(2, "\"--format=\" switch is missing. It is mandatory.");
    }
    let unit = if options.contains(&"nounits") { "" } else { " MiB" };
    let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
    let value = |at: usize, card: &Gpu, field: &str| {
        Some(match field {
            "index" => at.to_string(),
            "name" | "gpu_name" => card.name.clone(),
            "uuid" | "gpu_uuid" => card.uuid.clone(),
            "memory.total" | "memory.free" => format!("{}{unit}", card.memory_mib),
            "memory.used" => format!("0{unit}"),
            "driver_version" => driver.to_owned(),
            "pci.bus_id" | "gpu_bus_id" => format!("0000{}", card.address.to_uppercase()),
            "count" => cards.len().to_string(),
            _ => return None,
        })
    };
    let mut text = String::new();
    if !options.contains(&"noheader") {
        text.push_str(&format!("{}\n", fields.join(", ")));
    }
    for (at, card) in cards.iter().enumerate() {
        let row: Option<Vec<String>> = fields.iter().map(|field| value(at, card, field)).collect();
        match row {
            Some(row) => text.push_str(&format!("{}\n", row.join(", "))),
            None => {
                return Ran::failed(
                    2,
                    format!("Field \"{}\" is not a valid field to query.", fields.join(",")),
                );
            }
        }
    }
    Ran::said(text)
}

pub(super) fn ctk(run: Run<'_>) -> Ran {
    if run.world.package("nvidia-container-toolkit").is_none() {
        return Ran::failed(127, "nvidia-ctk: command not found");
    }
    match run.words()[..] {
        ["config"] => Ran::said(settings(run.world)),
        ["config", "--set", setting, "--in-place"] => {
            let Some(value) = setting.strip_prefix("nvidia-container-cli.no-cgroups=") else {
                return Ran::failed(1, format!("nvidia-ctk: `{setting}` is not simulated"));
            };
            let text: String = settings(run.world)
                .lines()
                .map(|line| {
                    if line.starts_with(NO_CGROUPS) {
                        format!("{NO_CGROUPS}{value}\n")
                    } else {
                        format!("{line}\n")
                    }
                })
                .collect();
            run.world.write(SETTINGS, text);
            Ran::default()
        }
        ["cdi", "list"] => {
            let text = run.world.text(DESCRIPTION).unwrap_or_default();
            let names = text.lines().filter_map(|line| line.trim().strip_prefix("- name: "));
            Ran::said(
                names.map(|name| format!("nvidia.com/gpu={}\n", name.trim_matches('"'))).collect::<String>(),
            )
        }
        ["cdi", "generate", output] => match output.strip_prefix("--output=") {
            Some(path) => describe(run.world, path),
            None => Ran::failed(1, "nvidia-ctk: only `cdi generate --output=FILE` is simulated"),
        },
        _ => Ran::failed(1, "nvidia-ctk: only `config` and `cdi` are simulated"),
    }
}

fn settings(world: &World) -> String {
    let packaged =
        format!("[nvidia-container-cli]\n{NO_CGROUPS}false\n\n[nvidia-container-runtime]\nmode = \"auto\"\n");
    world.text(SETTINGS).map_or(packaged, str::to_owned)
}

/// Writes what a container of Docker needs for a card: the libraries' files have the driver's version in their names.
fn describe(world: &mut World, path: &str) -> Ran {
    let cards: Vec<String> = gpu::usable(world)
        .iter()
        .enumerate()
        .map(|(at, card)| format!("{at}\n  - name: {}", card.uuid))
        .collect();
    let library = gpu::library(world).filter(|library| *library == world.gpus().driver);
    let (Some(version), false) = (library, cards.is_empty()) else {
        return Ran::failed(1, "failed to generate CDI spec: failed to initialize NVML");
    };
    let names = cards.into_iter().chain(["all".to_owned()]).map(|name| format!("  - name: {name}\n"));
    let text = format!(
        "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n{}containerEdits:\n  mounts:\n  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.{version}\n",
        names.collect::<String>()
    );
    world.write(path, text);
    Ran::default()
}

pub(super) fn modprobe(run: Run<'_>) -> Ran {
    let names: Vec<&str> = run.words().into_iter().filter(|word| !word.starts_with('-')).collect();
    match names[..] {
        ["nvidia"] if !gpu::load(run.world) => {
            Ran::failed(1, "modprobe: FATAL: Module nvidia not found, or there is no device for it")
        }
        _ => Ran::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{
        gpus::Gpus,
        sim::{gpu::show_container, programs::tests::say, world::World},
    };

    fn container(paths: &[&str]) -> World {
        let mut world = World::of_image("ubuntu-24.04");
        let let_in: BTreeSet<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let gpus = Gpus::new("580.76.05", [("NVIDIA A", 1000), ("NVIDIA B", 2000)]);
        show_container(&mut world, &gpus, &let_in);
        world
    }

    #[test]
    fn the_driver_answers_libraries_of_its_own_version_alone() {
        let mut world = container(&["/dev/nvidia1", "/dev/nvidiactl"]);
        assert_eq!(say(&mut world, "nvidia-smi -L").status, 127);
        say(&mut world, "apt-get -y install nvidia-utils-580");
        assert_eq!(say(&mut world, "nvidia-smi -L").status, 12);
        say(&mut world, "apt-get -y install libnvidia-compute-580");
        let found = say(&mut world, "nvidia-smi -L");
        assert_eq!((found.status, found.stdout.lines().nth(1)), (18, Some("NVML library version: 580.95")));
        say(
            &mut world,
            "apt-get -y --allow-downgrades install libnvidia-compute-580=580.76.05-0ubuntu0.24.04.1",
        );
        assert_eq!(
            say(&mut world, "nvidia-smi -L").stdout,
            "GPU 0: NVIDIA B (UUID: GPU-5f1c0f4a-0001-4a7e-8a11-000000000001)\n"
        );
        let query = "nvidia-smi --query-gpu=index,memory.total,driver_version --format=csv,noheader";
        assert_eq!(say(&mut world, query).stdout, "0, 2000 MiB, 580.76.05\n");
        assert_eq!(say(&mut world, &format!("{query},nounits")).stdout, "0, 2000, 580.76.05\n");
        assert_eq!(say(&mut world, "nvidia-smi --query-gpu=shoe_size --format=csv").status, 2);
    }

    #[test]
    fn the_toolkit_describes_the_cards_that_there_are() {
        let mut world = container(&["/dev/nvidia0", "/dev/nvidiactl"]);
        assert_eq!(say(&mut world, "nvidia-ctk config").status, 127);
        say(&mut world, "apt-get -y install nvidia-container-toolkit");
        assert_eq!(say(&mut world, "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml").status, 1);
        say(&mut world, "apt-get -y install libnvidia-compute-580=580.76.05-0ubuntu0.24.04.1");
        assert_eq!(say(&mut world, "nvidia-ctk cdi list").stdout, "");
        assert_eq!(say(&mut world, "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml").status, 0);
        let found = say(&mut world, "nvidia-ctk cdi list").stdout;
        assert!(
            found.lines().any(|line| line == "nvidia.com/gpu=all") && found.lines().count() == 3,
            "{found}"
        );
        assert!(say(&mut world, "nvidia-ctk config").stdout.contains("no-cgroups = false\n"));
        say(&mut world, "nvidia-ctk config --set nvidia-container-cli.no-cgroups=true --in-place");
        assert!(say(&mut world, "nvidia-ctk config").stdout.contains("no-cgroups = true\n"));
    }
}
