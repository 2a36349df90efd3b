//! A program that serves a plugin and nothing else, for whoever embeds Phoenix and would rather not start itself anew.

use std::{env, process::ExitCode, time::Duration};

fn main() -> ExitCode {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let [name, seconds] = &words[..] else { return ExitCode::FAILURE };
    let (Some(name), Some(seconds)) = (name.to_str(), seconds.to_str().and_then(|text| text.parse().ok()))
    else {
        return ExitCode::FAILURE;
    };
    match phoenix_plugin::host::serve(name, Duration::from_secs(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
