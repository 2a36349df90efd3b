//! Problems: what is wrong with a feature's configuration as a whole, found before anything is asked.

/// What is wrong with a configuration, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// Something that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The JSON pointer of its place.
    pub pointer: String,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// What to write; where the keys are explained, if not given.
    pub hint: Option<String>,
}

impl Problems {
    /// Adds one that the explanation of the keys helps with.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { pointer: pointer.into(), message: message.into(), hint: None });
    }

    /// Adds one with what to write instead.
    pub fn refuse(
        &mut self,
        pointer: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (pointer, message, hint) = (pointer.into(), message.into(), Some(hint.into()));
        self.0.push(Problem { pointer, message, hint });
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
