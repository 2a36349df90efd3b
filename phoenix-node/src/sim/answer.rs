//! What commands of a simulated site answer. One that the simulation does not know answers with its own words and with
//! what it was told, so that who asks for something else gets something else.

use phoenix_core::{BackendError, ErrorKind};

use crate::sim::{
    programs::{self, Ran},
    proof,
    world::World,
};

/// Returns what a command says.
pub(crate) fn answer(
    world: &mut World,
    argv: &[String],
    stdin: Option<&[u8]>,
) -> Result<Vec<u8>, BackendError> {
    if proof::is_foreign(world, argv) {
        let told = String::from_utf8_lossy(stdin.unwrap_or_default());
        return Ok(format!("{}\n{told}", argv.join(" ")).into_bytes());
    }
    ended_well(argv, programs::run(world, argv, stdin)).map(|ran| ran.stdout.into_bytes())
}

/// Returns what a command said, or what it complained about.
pub(crate) fn ended_well(argv: &[String], ran: Ran) -> Result<Ran, BackendError> {
    if ran.status == 0 {
        return Ok(ran);
    }
    let program = argv.first().map_or("", String::as_str);
    let message = format!("`{program}` ended with status {}", ran.status);
    let mut error = BackendError::new(ErrorKind::Failed, message);
    error.log = ran.stderr.lines().chain(ran.stdout.lines()).map(str::to_owned).collect();
    Err(error)
}
