//! Purity: the same questions to two processes, at another time, in another environment and in another order, have the
//! same answers, byte for byte.

use std::{ffi::OsString, time::Duration};

use phoenix_core::Facts;
use phoenix_plugin::{
    Call, Question,
    host::{Library, Plugin, PluginError},
};

use super::{
    Checked,
    check::{cases, start},
    sample::Sampler,
};
use crate::plugins;

/// How many configurations from the schema are asked about beside the examples.
const SAMPLES: usize = 10;
/// How much later the second process is asked: a clock that counts seconds has moved.
const LATER: Duration = Duration::from_millis(1100);
/// What the second process has in its environment.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("TZ", "Pacific/Kiritimati"),
    ("LANG", "tr_TR.UTF-8"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("HOME", "/nonexistent"),
    ("USER", "somebody"),
    ("SOURCE_DATE_EPOCH", "1"),
];

type Answers = Vec<Result<Vec<u8>, PluginError>>;

/// Asks two processes.
pub(super) async fn check(library: &Library) -> Checked {
    let calls = calls(library);
    let first = ask(&start(library, plugins::launcher()), calls.iter());
    tokio::time::sleep(LATER).await;
    let mut launcher = plugins::launcher();
    launcher.environment =
        ENVIRONMENT.map(|(name, value)| (OsString::from(name), OsString::from(value))).to_vec();
    let second = start(library, launcher);
    let mut backwards = ask(&second, calls.iter().rev());
    backwards.reverse();
    let again = ask(&second, calls.iter());
    let mut faults = Vec::new();
    for (what, others) in
        [("another process, later and elsewhere", &backwards), ("the same process asked again", &again)]
    {
        let differing = first.iter().zip(others).position(|(one, other)| !is_same(one, other));
        if let Some(index) = differing {
            let call = &calls[index];
            faults.push(format!("{what} answers differently to {call}"));
        }
    }
    let what =
        format!("{} calls to two processes, at two times, in two environments and orders", calls.len());
    Checked::new("purity", what, faults)
}

/// Returns the calls as their JSON.
fn calls(library: &Library) -> Vec<String> {
    let mut calls = Vec::new();
    let mut add = |feature: &str, site: &phoenix_core::Site, config: &serde_json::Value| {
        let (site, facts) = (site.clone(), Facts::new());
        for question in [
            Question::Claims,
            Question::Probes { site: site.clone(), facts: facts.clone() },
            Question::Plan { site, facts },
        ] {
            let call = Call { feature: feature.to_owned(), config: config.clone(), question };
            calls.push(serde_json::to_string(&call).expect("a call has only text keys"));
        }
    };
    for (feature, site, example) in cases(&library.manifest) {
        add(&feature.name, &site, &example);
    }
    for feature in &library.manifest.features {
        let mut sampler = Sampler::new(&feature.config_schema, 2);
        let site = phoenix_core::Site::Guest(phoenix_core::GuestId::lxc(101));
        for _ in 0..SAMPLES {
            add(&feature.name, &site, &sampler.fitting());
        }
    }
    calls
}

fn ask<'a>(plugin: &Plugin, calls: impl Iterator<Item = &'a String>) -> Answers {
    calls.map(|call| plugin.raw_call(call.as_bytes())).collect()
}

fn is_same(one: &Result<Vec<u8>, PluginError>, other: &Result<Vec<u8>, PluginError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        // One that fails is the other checks' to tell.
        (Err(_), Err(_)) => true,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}
