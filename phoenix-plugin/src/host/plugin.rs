//! A plugin in use: opened at its first call, in a process of its own or in this one, asked by one thread at a time.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use phoenix_core::{Capabilities, Feature};

use super::{
    child::{Child, Failure, Launcher},
    error::PluginError,
    feature::PluginFeature,
    frame,
    grant::Grant,
    library::Library,
    open::{LARGEST_ANSWER, Open, Ready},
};
use crate::call::{Answer, Call};

/// How often a plugin may fail in one run before it is left alone.
const MOST_FAILURES: u32 = 3;
/// How long a process may take to open its library, beside the time of a call: the machine may be busy.
const STARTING: Duration = Duration::from_secs(20);

/// Where a plugin runs.
#[derive(Clone, Debug)]
pub enum Mode {
    /// In a process of its own, with limits. Whatever it does there, it is one finding.
    Child(Launcher),
    /// In this process. It is faster, and it can do all that this process can: one that ends the process, hangs or writes
    /// where it should not takes Phoenix with it. A panic, a wrong table and a wrong answer are findings here too.
    InProcess,
}

/// How a plugin is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it runs.
    pub mode: Mode,
    /// How long a call may take in a process of its own.
    pub timeout: Duration,
    /// What the user allows.
    pub allowed: Capabilities,
}

/// A plugin in use.
pub struct Plugin {
    library: Library,
    grant: Grant,
    mode: Mode,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    failures: u32,
}

enum Running {
    Child(Box<Child>),
    Open(Open),
}

impl Plugin {
    /// Returns a plugin that is not opened yet.
    pub fn new(library: Library, options: Options) -> Arc<Self> {
        let grant = Grant {
            plugin: library.manifest.name.clone(),
            declared: library.manifest.capabilities.clone(),
            allowed: options.allowed,
        };
        let state = Mutex::new(State::default());
        Arc::new(Self { library, grant, mode: options.mode, timeout: options.timeout, state })
    }

    /// Returns its file.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Returns what it may do.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Returns its features for a registry.
    pub fn features(self: &Arc<Self>) -> Vec<Box<dyn Feature>> {
        let manifest = &self.library.manifest;
        let features = manifest.features.iter().map(|feature| manifest.describe(feature));
        features.map(|descriptor| Box::new(PluginFeature::new(Arc::clone(self), descriptor)) as _).collect()
    }

    /// Calls it. What it answers is not yet held against the grant.
    pub fn call(&self, call: &Call) -> Result<Answer, PluginError> {
        let request = serde_json::to_vec(call).expect("a call has only text keys");
        let bytes = self.raw_call(&request)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| self.improper(format!("it is not the JSON of an answer: {error}")))
    }

    /// Calls it with bytes, and returns the bytes that it answers.
    pub fn raw_call(&self, request: &[u8]) -> Result<Vec<u8>, PluginError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.running(self)? {
            Running::Open(open) => open.call(request),
            Running::Child(child) => match child.exchange(request, self.timeout) {
                Ok(frame) => self.body(frame),
                Err(failure) => Err(state.fail(self, &failure)),
            },
        }
    }

    /// Takes an answer out of its frame.
    fn body(&self, mut frame: Vec<u8>) -> Result<Vec<u8>, PluginError> {
        let name = || self.library.manifest.name.clone();
        let why = || String::from_utf8_lossy(frame.get(1..).unwrap_or_default()).into_owned();
        match frame.first() {
            Some(&frame::ANSWER) => {
                frame.remove(0);
                Ok(frame)
            }
            Some(&frame::FAULT) => Err(self.improper(why())),
            Some(&frame::NOT_OPEN) => Err(PluginError::Open { name: name(), why: why() }),
            Some(&frame::NO_TABLE) => Err(PluginError::Table { name: name(), why: why() }),
            Some(_) | None => Err(self.improper("its process wrote to where answers go".to_owned())),
        }
    }

    fn improper(&self, why: String) -> PluginError {
        PluginError::Answer { name: self.library.manifest.name.clone(), why }
    }

    fn start(&self, launcher: &Launcher) -> Result<Child, PluginError> {
        let name = || self.library.manifest.name.clone();
        let started = launcher.start(&self.library.manifest.name, self.timeout);
        let mut child = started.map_err(|source| PluginError::Start { name: name(), source })?;
        match child.exchange(&self.library.bytes, self.timeout + STARTING) {
            Ok(frame) => self.body(frame).map(|_| child),
            Err(failure) => Err(self.failed(child, &failure)),
        }
    }

    fn failed(&self, child: Child, failure: &Failure) -> PluginError {
        let name = self.library.manifest.name.clone();
        let (status, said) = child.end();
        match failure {
            Failure::Died => PluginError::Died { name, status, said },
            Failure::Slow => {
                let seconds = u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX);
                PluginError::Slow { name, seconds, said }
            }
            Failure::Large => self.improper(format!("it is larger than {} MiB", LARGEST_ANSWER >> 20)),
        }
    }
}

impl State {
    /// Returns the plugin opened.
    fn running(&mut self, plugin: &Plugin) -> Result<&mut Running, PluginError> {
        if self.running.is_none() {
            if self.failures >= MOST_FAILURES {
                let name = plugin.library.manifest.name.clone();
                return Err(PluginError::GivenUp { name, times: self.failures });
            }
            let opened = match &plugin.mode {
                Mode::Child(launcher) => plugin.start(launcher).map(|child| Running::Child(Box::new(child))),
                Mode::InProcess => Ready::new(&plugin.library.manifest.name, &plugin.library.bytes)
                    .and_then(Ready::open)
                    .map(Running::Open),
            };
            self.failures += u32::from(opened.is_err());
            self.running = Some(opened?);
        }
        Ok(self.running.as_mut().expect("it was opened just now"))
    }

    /// Ends the process of a plugin that failed.
    fn fail(&mut self, plugin: &Plugin, failure: &Failure) -> PluginError {
        self.failures += 1;
        match self.running.take() {
            Some(Running::Child(child)) => plugin.failed(*child, failure),
            Some(Running::Open(_)) | None => plugin.improper("it is not there any more".to_owned()),
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("library", &self.library.path)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
