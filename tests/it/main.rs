//! End-to-end scenarios and laws, in one binary.

mod laws;
