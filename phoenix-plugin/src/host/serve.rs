//! The child's side: a process that opens one plugin and answers calls on its standard input until that ends.

use std::{
    fs::File,
    io::{self, BufWriter},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Signal, getpid, kill_process},
    stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout},
};

use super::{
    error::PluginError,
    frame::{self, ANSWER, FAULT, NO_TABLE, NOT_OPEN},
    limits,
    open::{Open, Ready},
};

/// Serves a plugin, whose library comes first on standard input. A call may take `timeout` of the processor's time.
///
/// It takes over standard input and output, lowers the limits of this process for good, and returns when its input
/// ends: a program calls it from its `main`, before it has done anything else, and ends with it.
///
/// It fails only where there is nobody to be told of it: the other end of its streams is gone.
pub fn serve(name: &str, timeout: Duration) -> io::Result<()> {
    let (mut requests, answers) = take_streams()?;
    let mut answers = BufWriter::new(answers);
    let Some(library) = frame::read(&mut requests)? else { return Ok(()) };
    let opened = Ready::new(name, &library).and_then(|ready| {
        drop(library);
        limits::set();
        limits::allow_cpu(timeout);
        ready.open()
    });
    let plugin = match opened {
        Ok(plugin) => plugin,
        Err(error) => return refuse(&error, &mut answers),
    };
    frame::write(&mut answers, &[&[ANSWER]])?;
    end_with(requests.try_clone()?);
    while let Some(request) = frame::read(&mut requests)? {
        limits::allow_cpu(timeout);
        answer(&plugin, &request, &mut answers)?;
    }
    Ok(())
}

fn answer(plugin: &Open, request: &[u8], answers: &mut BufWriter<File>) -> io::Result<()> {
    match plugin.call(request) {
        Ok(answer) => frame::write(answers, &[&[ANSWER], &answer]),
        Err(error) => refuse(&error, answers),
    }
}

fn refuse(error: &PluginError, answers: &mut BufWriter<File>) -> io::Result<()> {
    let text = error.to_string();
    let (sort, why) = match error {
        PluginError::Table { why, .. } => (NO_TABLE, why),
        PluginError::Open { why, .. } => (NOT_OPEN, why),
        PluginError::Answer { why, .. } => (FAULT, why),
        PluginError::Read { .. }
        | PluginError::Large { .. }
        | PluginError::Hash { .. }
        | PluginError::NotALibrary { .. }
        | PluginError::NoManifest { .. }
        | PluginError::Manifest { .. }
        | PluginError::Version { .. }
        | PluginError::Start { .. }
        | PluginError::Died { .. }
        | PluginError::Slow { .. }
        | PluginError::GivenUp { .. } => (FAULT, &text),
    };
    frame::write(answers, &[&[sort], why.as_bytes()])
}

/// Takes the two streams that the host reads and writes, so that a plugin that prints does not disturb their talk.
fn take_streams() -> io::Result<(File, File)> {
    let requests: OwnedFd = rustix::io::fcntl_dupfd_cloexec(stdin(), 3)?;
    let answers: OwnedFd = rustix::io::fcntl_dupfd_cloexec(stdout(), 3)?;
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(stderr())?;
    Ok((requests.into(), answers.into()))
}

/// Ends this process when nobody is there any more to ask it, also in the middle of a call.
fn end_with(requests: File) {
    thread::spawn(move || {
        loop {
            // No event is asked for: it returns when the other end is closed.
            let mut ends = [PollFd::new(&requests, PollFlags::empty())];
            if poll(&mut ends, None).is_ok() && ends[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
            {
                // Not `exit`: that would run what the plugin left behind for the end of the process.
                let _ = kill_process(getpid(), Signal::KILL);
            }
        }
    });
}
