//! What is known of a host: that it is there, since it was asked. All else about it are its features' questions.

/// A host that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed;
