//! The `phoenix` program: reads the command line, assembles managers, features and a host, and runs one verb.
//! What is decided stands in the other crates; what is shown stands in [`ui`].

mod args;
mod codes;
mod config;
mod context;
mod error;
mod host;
mod plugins;
mod program;
mod runner;
mod signals;
mod targets;
mod ui;
mod verbs;

use std::process::ExitCode;

use context::Context;
use error::Exit;
use ui::Ui;

fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(error) => return ui::usage(&error),
    };
    let ui = Ui::new(cli.global.json, cli.global.verbose);
    let context = Context::new(cli.global, ui);
    if context.global.insecure {
        context.ui.say("warning: `--insecure` believes any certificate; `--fingerprint` believes one");
    }
    let exit = match cli.verb.run(&context) {
        Ok(exit) => exit,
        Err(error) => {
            context.ui.error(&error);
            Exit::Failed
        }
    };
    // What was asked for was not delivered if it could not be written, whatever else went well.
    if let Err(error) = context.ui.finish() {
        context.ui.error(&error);
        return Exit::Failed.into();
    }
    exit.into()
}
