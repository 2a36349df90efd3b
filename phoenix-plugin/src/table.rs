//! The table: the one symbol that a plugin exports. Its size stands first, so that a later version can grow.

/// The version of this contract. A host takes only plugins of its own.
pub const PROTOCOL: u32 = 1;

/// The name of the symbol.
pub const TABLE: &str = "phoenix_plugin";

/// What a plugin exports under the name [`TABLE`]: a constant that needs nothing to be run before it is right.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Table {
    /// The size of the whole in bytes.
    pub size: u32,
    /// The version of the contract that it was made for.
    pub protocol: u32,
    /// Answers a call: reads JSON at `request`, and lets `answer` point to JSON of its own. Returns 0 if it did.
    ///
    /// It is called by one thread at a time, not always the same. What it answers depends on the request alone.
    pub call: Option<CallFn>,
    /// Takes an answer back.
    pub free: Option<FreeFn>,
}

/// The function behind [`Table::call`].
// SAFETY: whoever calls it keeps the contract of `Table::call`.
pub type CallFn = unsafe extern "C" fn(
    request: *const u8,
    request_size: usize,
    answer: *mut *mut u8,
    answer_size: *mut usize,
) -> i32;

/// The function behind [`Table::free`].
// SAFETY: whoever calls it keeps the contract of `Table::free`.
pub type FreeFn = unsafe extern "C" fn(answer: *mut u8, answer_size: usize);

impl Table {
    /// Returns a table of this version.
    pub const fn new(call: CallFn, free: FreeFn) -> Self {
        Self { size: size_of::<Self>() as u32, protocol: PROTOCOL, call: Some(call), free: Some(free) }
    }
}
