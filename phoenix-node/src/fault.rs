//! Faults as data: what shall go wrong, where and how often. Beside them the counter of calls.

use std::time::Duration;

use phoenix_pve::transport::Method;

/// Something that shall go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The method; any if not given.
    pub method: Option<Method>,
    /// The path must contain this, `*` standing for any text; empty is every path. For a task it is held against
    /// `<type>:<id>`, for instance `vzclone:900`.
    pub path: String,
    /// How many matching calls go through before it strikes.
    pub skip: u32,
    /// How often it strikes.
    pub times: u32,
    /// What happens.
    pub effect: Effect,
}

/// What happens when a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call is answered so, and does nothing.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The call never arrives.
    LoseRequest,
    /// The call is carried out, and its answer is lost.
    LoseReply,
    /// The call is carried out later.
    Delay(Duration),
    /// The task of that type and id fails at its end with this text.
    FailTask(String),
}

/// What went over the transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many calls.
    pub count: u64,
    /// Bytes of paths, parameters and bodies, both ways.
    pub bytes: u64,
}

/// The faults that wait to strike.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    /// Returns what strikes this call, and counts it.
    pub(crate) fn on_call(&mut self, method: Method, path: &str) -> Option<Effect> {
        self.strike(|fault| {
            !matches!(fault.effect, Effect::FailTask(_))
                && fault.method.is_none_or(|wanted| wanted == method)
                && matches(&fault.path, path)
        })
    }

    /// Returns the text with which this task fails, and counts it.
    pub(crate) fn on_task(&mut self, kind: &str, id: &str) -> Option<String> {
        let name = format!("{kind}:{id}");
        let effect =
            self.strike(|fault| matches!(fault.effect, Effect::FailTask(_)) && matches(&fault.path, &name));
        match effect? {
            Effect::FailTask(text) => Some(text),
            Effect::Answer { .. } | Effect::LoseRequest | Effect::LoseReply | Effect::Delay(_) => None,
        }
    }

    fn strike(&mut self, is_meant: impl Fn(&Fault) -> bool) -> Option<Effect> {
        let at = self.0.iter().position(is_meant)?;
        let fault = &mut self.0[at];
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let effect = fault.effect.clone();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.0.remove(at);
        }
        Some(effect)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_its_parts_in_order() {
        assert!(matches("/lxc/*/clone", "/nodes/phoenix/lxc/900/clone"));
        assert!(!matches("/clone*/lxc", "/nodes/phoenix/lxc/900/clone"));
        assert!(matches("", "/version"));
    }
}
