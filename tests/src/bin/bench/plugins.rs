//! Plugins: what one plan costs when the feature is linked, when it is a plugin in this process, and when it is one in a
//! process of its own. Each plans a guest that has nothing yet.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use phoenix_core::{Facts, Feature, GuestId, Site};
use phoenix_plugin::host::{Launcher, Library, Mode, Options, Plugin};
use serde_json::{Value, json};

use crate::planning::said;

/// How long each is measured.
const LONG: Duration = Duration::from_millis(500);

/// Measures a plugin against a linked feature and prints the figures, in microseconds a plan.
pub(crate) fn run(library: &str) -> Result<(), Box<dyn Error>> {
    let library = Library::read(Path::new(library), None)?;
    let config = library.manifest.features[0].examples.last().cloned().unwrap_or_else(|| json!({}));
    let phoenix = std::env::current_exe()?.with_file_name("phoenix");
    let linked = micros(&*phoenix_base_setup::feature(), &json!({}))?;
    let in_process = micros(&*feature(&library, Mode::InProcess), &config)?;
    let apart = feature(&library, Mode::Child(Launcher::new(phoenix, &["plugin", "serve"])));
    let begun = Instant::now();
    plan(&*apart, &config)?;
    let start = begun.elapsed().as_secs_f64() * 1e6;
    let apart = micros(&*apart, &config)?;
    println!("{}", json!({ "linked": linked, "in_process": in_process, "apart": apart, "start": start }));
    Ok(())
}

fn feature(library: &Library, mode: Mode) -> Box<dyn Feature> {
    let allowed = library.manifest.capabilities.clone();
    let options = Options { mode, timeout: Duration::from_secs(10), allowed };
    Plugin::new(library.clone(), options).features().remove(0)
}

fn plan(feature: &dyn Feature, config: &Value) -> Result<(), Box<dyn Error>> {
    let site = Site::Guest(GuestId::lxc(101));
    match feature.plan(&site, config, &Facts::new()).map_err(said)?.is_empty() {
        true => Err("the plan is empty".into()),
        false => Ok(()),
    }
}

fn micros(feature: &dyn Feature, config: &Value) -> Result<f64, Box<dyn Error>> {
    plan(feature, config)?;
    let begun = Instant::now();
    let mut plans = 0;
    while begun.elapsed() < LONG {
        plan(feature, config)?;
        plans += 1;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(plans))
}
