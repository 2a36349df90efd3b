//! What the configuration says arrives byte for byte: in files, in units, in arguments and in standard input of real
//! containers. A feature hands values of every sort to all of them at once, and the files that come of it are compared.

use std::collections::BTreeMap;

use phoenix_core::{
    Condition, Descriptor, Draft, Evidence, Expect, FeatureUse, GuestId, Probe, Reader, Recipe, Site,
    draft::{Command, File, Service},
    planner::Resolved,
    render::{is_variable, systemd, systemd_argument},
};
use phoenix_tests::{lab::Lab, laws};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config as Runs, TestRunner},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{homelab, on_the_real_way};

const UNIT: &str = "odd.service";
const UNIT_FILE: &str = "/etc/systemd/system/odd.service";
const FOLDER: &str = "/srv/odd";

/// Lists of values by name; the one list is `values`.
type Config = BTreeMap<String, Vec<String>>;

/// Puts each value into a file, and all of them into the arguments and the environment of a unit, the arguments of a
/// command and its standard input.
fn odd(draft: &mut Draft<'_>, config: &Config) {
    let values = &config["values"];
    let folder = draft.directory("make", FOLDER, (0o755, "root"), []);
    for (index, value) in values.iter().enumerate() {
        let path = format!("{FOLDER}/file-{index}");
        draft.write(&format!("write-{index}"), File::text(&path, value.clone()), [folder.clone()]);
    }
    let print =
        |to: &str| ["/bin/sh", "-c", &format!("printf '%s\\0' \"$@\" >{to}"), "sh"].map(str::to_owned);
    let proof = |draft: &Draft<'_>, path: &str, bytes: &[u8]| {
        Condition::new(Probe::file(draft.site(), path), Expect::Sha256 { sha256: sha256(bytes) })
    };

    let path = format!("{FOLDER}/run");
    let argv = print(&path).into_iter().chain(values.iter().cloned());
    let run = Command::new(argv, proof(draft, &path, &joined(values)), "not run");
    draft.run("run", run, [folder.clone()]);
    let path = format!("{FOLDER}/stdin");
    let whole = values.concat();
    let argv = ["/bin/sh".to_owned(), "-c".to_owned(), format!("cat >{path}")];
    let run = Command::new(argv, proof(draft, &path, whole.as_bytes()), "not run");
    draft.run("read", run.reading(phoenix_core::Content::Text(whole)), [folder.clone()]);

    let mut unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\n".to_owned();
    let mut names = String::new();
    for (index, value) in values.iter().enumerate().filter(|(_, value)| is_variable("V", value)) {
        unit.push_str(&format!("Environment={}\n", systemd(&format!("V{index}={value}"))));
        names.push_str(&format!(" \"$V{index}\""));
    }
    let echo = ["/bin/sh".to_owned(), "-c".to_owned(), format!("printf '%s\\0'{names} >{FOLDER}/variables")];
    for argv in [print(&format!("{FOLDER}/argv")).into_iter().chain(values.clone()).collect(), echo.to_vec()]
    {
        let words: Vec<String> = argv.iter().map(|word| systemd_argument(word)).collect();
        unit.push_str(&format!("ExecStart={}\n", words.join(" ")));
    }
    unit.push_str("[Install]\nWantedBy=multi-user.target\n");
    let unit = draft.write("write-unit", File::text(UNIT_FILE, unit), [folder]);
    draft.service(&Service::new(UNIT, [UNIT_FILE.to_owned()]), [unit]);
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn joined<'v>(values: impl IntoIterator<Item = &'v String>) -> Vec<u8> {
    values.into_iter().flat_map(|value| value.bytes().chain([0])).collect()
}

/// Returns values that are wrong wherever somebody forgets to quote, and made-up ones of the letters that matter.
fn values() -> Vec<String> {
    let fixed = [
        "",
        " ",
        "'",
        "\"",
        "\\",
        "$HOME ${HOME} $(id) `id` $$",
        "%n %% %h",
        "a\nb\n",
        "\n",
        "\r\n",
        "\t",
        "-n",
        "--",
        "*",
        "~",
        "#",
        ";",
        "a=b",
        "{{ x }}",
        "EOF\n.\n",
        "\u{1}\u{7f}\u{85}",
        "ü ß € 漢字 🦅 \u{202e}",
        "\\x41 \\n \\t",
        " leading and trailing ",
    ];
    let letter =
        prop::sample::select("'\"\\$`%(){}[]<>|&;#*?~!=,:@ \t\nabn0xüß€漢🦅".chars().collect::<Vec<_>>());
    let odd =
        prop::collection::vec(prop_oneof![4 => letter, 1 => any::<char>()], 0..60).prop_map(|letters| {
            // Nothing that a program is given can have a NUL in it.
            letters.into_iter().filter(|letter| *letter != '\0').collect::<String>()
        });
    let mut runner = TestRunner::new(Runs::default());
    let odd = (0..40).map(|_| odd.new_tree(&mut runner).expect("a value").current());
    let large = "0123 '\"$(id)\\\n é%n;".repeat(1 << 20).chars().take(60_000).collect::<String>();
    fixed.map(str::to_owned).into_iter().chain(odd.collect::<Vec<_>>()).chain([large]).collect()
}

#[test]
fn values_of_every_sort_arrive_in_files_units_arguments_and_standard_input() {
    on_the_real_way(async |way| {
        let descriptor = Descriptor::new("odd", "puts values everywhere", json!({"type": "object"}));
        let registry = Lab::new().registry.with_feature(Box::new(Recipe::new(descriptor, odd)));
        let mut loaded = homelab::load();
        let seed = homelab::seed(&loaded);
        loaded.desired.resources.retain(|id, _| id.as_str() == "lxc/900");
        let guest =
            loaded.desired.resources.get_mut(&"lxc/900".parse().expect("an id")).expect("it is there");
        guest.spec["guest"]["template"] = json!(false);
        let values = values();
        guest.features = vec![FeatureUse::new("odd", json!({ "values": values }))];
        let resolved = Resolved::new(&registry, &loaded.desired).unwrap_or_else(|found| panic!("{found}"));
        let world = way.seeded(seed).await;
        laws::settle(&resolved, world.backend.as_ref()).await;
        assert!(world.plan(&resolved).await.expect("a plan").is_empty());

        let site = Site::Guest(GuestId::lxc(900));
        let variables = values.iter().filter(|value| is_variable("V", value));
        let mut expected = vec![
            ("run".to_owned(), joined(&values)),
            ("argv".to_owned(), joined(&values)),
            ("variables".to_owned(), joined(variables)),
            ("stdin".to_owned(), values.concat().into_bytes()),
        ];
        let files = values.iter().enumerate();
        expected.extend(files.map(|(index, value)| (format!("file-{index}"), value.clone().into_bytes())));
        let probes: Vec<Probe> =
            expected.iter().map(|(name, _)| Probe::file(&site, format!("{FOLDER}/{name}"))).collect();
        let answers = world.backend.read(&probes).await;
        for ((name, bytes), answer) in expected.iter().zip(answers) {
            let Ok(Evidence::File(found)) = answer else { panic!("{name}: {answer:?}") };
            let what = String::from_utf8_lossy(bytes);
            assert_eq!(found.sha256, sha256(bytes), "{name}: {what:?} came as {:?}", found.text);
        }
    });
}
