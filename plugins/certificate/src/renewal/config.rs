//! What the user writes for `cert-renewal`.

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of `cert-renewal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The absolute path of the program `phoenix` on the host.
    pub program: String,
    /// The directory of the configuration on the host.
    pub config_dir: String,
    /// How often certificates are looked at, in hours.
    #[schemars(range(min = 1, max = 168))]
    pub interval_h: u32,
    /// By how many minutes it may be later each time, so that not all hosts of an authority come at once.
    #[schemars(range(max = 1440))]
    pub spread_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "/usr/local/bin/phoenix".to_owned(),
            config_dir: "/etc".to_owned(),
            interval_h: 6,
            spread_min: 30,
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let is_plain = |path: &str| {
            path.starts_with('/')
                && path.chars().all(|letter| letter.is_ascii_alphanumeric() || "/-_.+".contains(letter))
        };
        for (key, path) in [("program", &self.program), ("config_dir", &self.config_dir)] {
            if !is_plain(path) {
                problems.add(
                    format!("/{key}"),
                    format!("`{path}` is no absolute path of letters, digits, `-`, `_`, `.` and `+`"),
                );
            }
        }
        if !(1..=168).contains(&self.interval_h) {
            problems.add("/interval_h", format!("every {} hours is no interval", self.interval_h));
        }
        if self.spread_min > 1440 {
            problems.add("/spread_min", format!("{} minutes are more than a day", self.spread_min));
        }
        problems
    }
}
