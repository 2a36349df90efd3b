//! The firewall of real guests: what the API keeps of it, as rules that nftables holds traffic to. `scene` is what of the
//! state the rules follow from, `ruleset` the rules as one text, which is a pure function of it, and `apply` puts it into
//! force. Every value that stands in the text was parsed into an address, a number or a name before.

mod addresses;
mod apply;
mod macros;
mod ruleset;
mod scene;
mod sources;
#[cfg(test)]
mod tests;
mod traffic;
mod words;
mod write;

pub(crate) use apply::Enforcer;
