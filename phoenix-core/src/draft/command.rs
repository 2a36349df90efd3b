//! Commands of a draft, for what no action covers.

use crate::{condition::Condition, content::Content};

/// A command, and how it is known that it need not be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What it reads on its standard input.
    pub stdin: Option<Content>,
    /// What holds when it is done.
    pub proof: Condition,
    /// Why it is run if that does not hold.
    pub reason: String,
    /// It is also run if a step that it stands behind is in the plan: what the proof says now may be so no more then.
    pub again: bool,
}

impl Command {
    /// Returns a command that is run unless its proof holds.
    pub fn new<W: Into<String>>(
        argv: impl IntoIterator<Item = W>,
        proof: Condition,
        reason: impl Into<String>,
    ) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self { argv, stdin: None, proof, reason: reason.into(), again: false }
    }

    /// Gives it something to read.
    #[must_use]
    pub fn reading(mut self, stdin: Content) -> Self {
        self.stdin = Some(stdin);
        self
    }

    /// Has it run again behind every step that it stands behind.
    #[must_use]
    pub fn again(mut self) -> Self {
        self.again = true;
        self
    }
}
