//! What the node says of its cards and their driver, and whether a container can have what it shall.

use std::{collections::BTreeMap, sync::Arc};

use phoenix_core::{Diagnostic, Draft, Evidence, Place, Probe, Site};

use crate::config::{Config, Libraries, Passthrough};

/// The question for cards; a line each, fields between `, `.
const CARDS: [&str; 3] = [
    "nvidia-smi",
    "--query-gpu=index,name,uuid,memory.total,driver_version",
    "--format=csv,noheader,nounits",
];
/// Where the kernel says which driver it has; containers see it too.
pub(super) const KERNEL: &str = "/proc/driver/nvidia/version";

/// What is known of the driver that the guest works with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Driver {
    /// Its version.
    pub(super) version: Option<String>,
    /// The UUIDs of the cards that the guest shall have, by number.
    pub(super) cards: BTreeMap<u32, String>,
}

/// Asks the node, refuses what it cannot give, and returns the driver that the libraries must match. Where the node
/// cannot be asked, what the configuration says counts, and then what the container sees of the node's kernel.
pub(super) fn check(draft: &mut Draft<'_>, config: &Config) -> Driver {
    let unasked = |draft: &Draft<'_>| {
        let seen = || draft.file(KERNEL)?.text.as_deref().and_then(kernel_version).map(str::to_owned);
        Driver { version: config.driver_version.clone().or_else(seen), cards: BTreeMap::new() }
    };
    let Some(node) = node(draft, config) else {
        majors(draft, config, None);
        return unasked(draft);
    };
    let host = Site::Host(Arc::clone(&node));
    let kernel = match draft.ask(Probe::file(&host, KERNEL)) {
        Some(Evidence::File(found)) => found.text.as_deref().and_then(kernel_version),
        _ => None,
    };
    let listed = match draft.ask(Probe::command(&host, CARDS)) {
        Some(Evidence::Output { status: 0, stdout, .. }) => cards(stdout),
        Some(Evidence::Output { status, stdout, stderr }) => {
            let said = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
            let message = format!("`nvidia-smi` of the node `{node}` ended with status {status}: {said}");
            let hint = match said.contains("Driver/library version mismatch") {
                true => {
                    "its disk has another version than its kernel runs, until it is rebooted: `phoenix setup --reboot`"
                }
                false => "the driver must be installed and loaded there before a container can have a card",
            };
            refuse(draft, "gpu-driver", "", message, hint);
            return unasked(draft);
        }
        // Nobody to ask: a plan from what is written.
        _ => {
            majors(draft, config, None);
            return unasked(draft);
        }
    };
    let version =
        kernel.map(str::to_owned).or_else(|| listed.values().next().map(|card| card.driver.clone()));
    if let (Some(wanted), Some(found)) = (&config.driver_version, &version)
        && wanted != found
    {
        let message = format!("the driver of the node `{node}` is {found}, and {wanted} is named");
        let hint = "containers share the node's driver: take `driver_version` out, or change the node's";
        refuse(draft, "gpu-driver", "/driver_version", message, hint);
    }
    let mut driver = Driver { version, cards: BTreeMap::new() };
    for (index, number) in config.devices.iter().enumerate() {
        match listed.get(number) {
            Some(card) => drop(driver.cards.insert(*number, card.uuid.clone())),
            None => {
                let has: Vec<String> =
                    listed.iter().map(|(number, card)| format!("{number} ({})", card.name)).collect();
                let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
                let message = format!("the node `{node}` has no GPU {number}");
                refuse(draft, "gpu-missing", &format!("/devices/{index}"), message, format!("it has: {has}"));
            }
        }
    }
    for path in config.nodes() {
        let number = path.strip_prefix("/dev/nvidia").and_then(|rest| rest.parse::<u32>().ok());
        let is_said = number.is_some_and(|number| !listed.contains_key(&number));
        if !is_said && matches!(draft.ask(Probe::file(&host, &path)), Some(Evidence::Absent)) {
            let hint =
                "`nvidia-modprobe -u -c=0` on the node makes it; `nvidia-persistenced` does so at boot";
            let message = format!("the node `{node}` has no `{path}`");
            refuse(draft, "gpu-device", "/devices", message, hint);
        }
    }
    majors(draft, config, Some(&host));
    skew(draft, config, driver.version.as_deref());
    driver
}

/// Refuses libraries that come from elsewhere and are of another version: nothing here would mend them.
fn skew(draft: &mut Draft<'_>, config: &Config, version: Option<&str>) {
    let (Libraries::None, Some(version)) = (config.libraries, version) else { return };
    // A library that does not match says so, and says its own version.
    if let Some(Evidence::Output { status, stdout, stderr }) =
        draft.ask(Probe::command(draft.site(), ["nvidia-smi", "-L"]))
        && *status != 0
        && (stdout.contains("version mismatch") || stderr.contains("version mismatch"))
    {
        let said: Vec<&str> = stdout.lines().chain(stderr.lines()).map(str::trim).collect();
        let message = format!("the guest's libraries do not match the driver {version}: {}", said.join(" "));
        let hint = "use `libraries: packages` or `runfile`, or make the layer below anew";
        refuse(draft, "gpu-skew", "/libraries", message, hint);
    }
}

/// Checks the device numbers for raw keys against those that the node has.
fn majors(draft: &mut Draft<'_>, config: &Config, host: Option<&Site>) {
    if config.passthrough != Passthrough::RawKeys {
        return;
    }
    let found = match host.and_then(|host| draft.ask(Probe::file(host, "/proc/devices"))) {
        Some(Evidence::File(file)) => file.text.as_deref().map(device_numbers).unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    for driver in config.drivers() {
        let (message, hint) = match (config.majors.get(driver), found.get(driver)) {
            (Some(given), Some(found)) if given != found => (
                format!("`{driver}` has the device number {found} on the node, and {given} is written"),
                format!("write `\"{driver}\": {found}`; `passthrough: devices` needs no numbers"),
            ),
            (None, Some(found)) => (
                format!("raw keys need the device number of `{driver}`"),
                format!("write `\"{driver}\": {found}`; `passthrough: devices` needs no numbers"),
            ),
            (None, None) => (
                format!("raw keys need the device number of `{driver}`"),
                "`/proc/devices` of the node has it; `passthrough: devices` needs no numbers".to_owned(),
            ),
            (Some(_), Some(_) | None) => continue,
        };
        draft.refuse("/majors", message, hint);
    }
}

/// Returns the node to ask: the one named, the one that the guest is on, or the only one.
fn node(draft: &Draft<'_>, config: &Config) -> Option<Arc<str>> {
    if let Some(node) = &config.node {
        return Some(node.as_str().into());
    }
    let vmid = draft.site().guest()?.vmid;
    match draft.ask(Probe::Guests) {
        Some(Evidence::Guests { rows }) if rows.contains_key(&vmid) => Some(rows[&vmid].node.as_str().into()),
        _ => match draft.ask(Probe::Nodes) {
            Some(Evidence::Nodes { rows }) => match rows.as_slice() {
                [only] => Some(only.name.as_str().into()),
                _ => None,
            },
            _ => None,
        },
    }
}

struct Card {
    name: String,
    uuid: String,
    driver: String,
}

fn cards(text: &str) -> BTreeMap<u32, Card> {
    let card = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [number, name, uuid, _, driver] = fields[..] else { return None };
        let card = Card { name: name.to_owned(), uuid: uuid.to_owned(), driver: driver.to_owned() };
        Some((number.parse().ok()?, card))
    };
    text.lines().filter_map(card).collect()
}

/// Returns the first word that is a version; the words before it differ between the open driver and the other.
fn kernel_version(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.contains("Kernel Module"))?;
    line.split_whitespace().find(|word| {
        word.contains('.')
            && word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn device_numbers(text: &str) -> BTreeMap<&str, u32> {
    let devices = text.lines().skip_while(|line| !line.starts_with("Character devices")).skip(1);
    let number = |line: &'_ str| -> Option<u32> { line.split_whitespace().next()?.parse().ok() };
    devices
        .take_while(|line| !line.starts_with("Block devices"))
        .filter_map(|line| Some((line.split_whitespace().nth(1)?, number(line)?)))
        .collect()
}

fn refuse(draft: &mut Draft<'_>, code: &str, pointer: &str, message: String, hint: impl Into<String>) {
    let place = Place { path: pointer.to_owned(), ..Place::default() };
    draft.find(Diagnostic::error(code, message).with_hint(hint).at(place));
}
