//! The plugin's side: the macro that exports it, and how a call becomes an answer. A panic becomes a finding.

#![allow(unsafe_code, reason = "memory crosses the border between a host and a library")]

use std::{
    any::Any,
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use phoenix_core::{Diagnostic, Diagnostics, Feature};

use crate::{
    call::{Answer, Call, Question},
    manifest::MAGIC,
};

thread_local! {
    /// What the panic of this thread said, with its place.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}
static HOOK: Once = Once::new();

/// Exports a plugin: its manifest, a constant text of JSON, and its features.
///
/// ```ignore
/// phoenix_plugin::export! {
///     manifest: include_str!("../plugin.json"),
///     features: [motd::feature()],
/// }
/// ```
#[macro_export]
macro_rules! export {
    (manifest: $manifest:expr, features: [$($feature:expr),+ $(,)?] $(,)?) => {
        const _: () = {
            const TEXT: &str = $manifest;
            #[used]
            // SAFETY: nothing else stands in a section of this name, and nobody runs what stands there.
            #[unsafe(link_section = ".phoenix.plugin")]
            static SECTION: [u8; $crate::export::section_size(TEXT)] = $crate::export::section(TEXT);

            fn features() -> &'static [Box<dyn $crate::core::Feature>] {
                static FEATURES: ::std::sync::OnceLock<Vec<Box<dyn $crate::core::Feature>>> =
                    ::std::sync::OnceLock::new();
                FEATURES.get_or_init(|| vec![$($feature),+])
            }

            // SAFETY: whoever calls it keeps the contract of `Table::call`.
            unsafe extern "C" fn call(
                request: *const u8,
                request_size: usize,
                answer: *mut *mut u8,
                answer_size: *mut usize,
            ) -> i32 {
                // SAFETY: the host keeps the contract of `Table::call`, which is that of `call_through`.
                unsafe { $crate::export::call_through(request, request_size, answer, answer_size, features) }
            }

            // SAFETY: whoever calls it keeps the contract of `Table::free`.
            unsafe extern "C" fn free(answer: *mut u8, answer_size: usize) {
                // SAFETY: the host gives back what `call` gave it, once.
                unsafe { $crate::export::free(answer, answer_size) }
            }

            // SAFETY: a library has one plugin, so this name once.
            #[unsafe(export_name = "phoenix_plugin")]
            static TABLE: $crate::Table = $crate::Table::new(call, free);
        };
    };
}

/// Returns the size of the section that holds a manifest.
pub const fn section_size(manifest: &str) -> usize {
    MAGIC.len() + manifest.len()
}

/// Returns the content of the section that holds a manifest.
pub const fn section<const SIZE: usize>(manifest: &str) -> [u8; SIZE] {
    let (magic, text) = (MAGIC.as_bytes(), manifest.as_bytes());
    let mut section = [0; SIZE];
    let mut index = 0;
    while index < SIZE {
        section[index] = if index < magic.len() { magic[index] } else { text[index - magic.len()] };
        index += 1;
    }
    section
}

/// Answers the JSON of a call with JSON, whatever happens.
pub fn answer<'a>(request: &[u8], features: impl FnOnce() -> &'a [Box<dyn Feature>]) -> Vec<u8> {
    HOOK.call_once(|| {
        // It would print to a standard error that is not the plugin's.
        panic::set_hook(Box::new(|info| PANIC.set(Some(info.to_string()))));
    });
    let answered = panic::catch_unwind(AssertUnwindSafe(|| answered(request, features())));
    let answer = answered.unwrap_or_else(|payload| {
        let said = PANIC.take().unwrap_or_else(|| said(payload.as_ref()));
        let finding = Diagnostic::error("plugin-panic", format!("the plugin panicked: {}", one_line(&said)))
            .with_hint("this is a fault of the plugin: its author wants to know what it said and when");
        Answer::Findings(finding.into())
    });
    serde_json::to_vec(&answer).unwrap_or_else(|error| {
        let finding =
            Diagnostic::error("plugin-answer", format!("the plugin could not write its answer: {error}"));
        serde_json::to_vec(&Answer::Findings(finding.into())).expect("texts are JSON")
    })
}

fn answered(request: &[u8], features: &[Box<dyn Feature>]) -> Answer {
    let call: Call = match serde_json::from_slice(request) {
        Ok(call) => call,
        Err(error) => {
            let text = format!("the plugin does not understand what it is asked: {error}");
            let hint = "build it again with the `phoenix-plugin` of this Phoenix";
            return Answer::Findings(Diagnostic::error("plugin-answer", text).with_hint(hint).into());
        }
    };
    let Some(feature) = features.iter().find(|feature| feature.descriptor().name == call.feature) else {
        let text =
            format!("the plugin's manifest names the feature `{}`, which it does not have", call.feature);
        let hint = "this is a fault of the plugin: the manifest and the list in `export!` differ";
        return Answer::Findings(Diagnostic::error("plugin-answer", text).with_hint(hint).into());
    };
    let result: Result<Answer, Diagnostics> = match &call.question {
        Question::Claims => feature.claims(&call.config).map(Answer::Claims),
        Question::Probes { site, facts } => feature.probes(site, &call.config, facts).map(Answer::Probes),
        Question::Plan { site, facts } => feature.plan(site, &call.config, facts).map(Answer::Steps),
    };
    result.unwrap_or_else(Answer::Findings)
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "nothing".to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Is [`Table::call`](crate::Table::call) for the features that a macro lists.
///
/// # Safety
/// `request` points to `request_size` bytes; `answer` and `answer_size` may be written.
// SAFETY: as above.
pub unsafe fn call_through(
    request: *const u8,
    request_size: usize,
    answer: *mut *mut u8,
    answer_size: *mut usize,
    features: fn() -> &'static [Box<dyn Feature>],
) -> i32 {
    // SAFETY: promised by the caller.
    let request = unsafe { std::slice::from_raw_parts(request, request_size) };
    let bytes = self::answer(request, features).into_boxed_slice();
    let size = bytes.len();
    let start = Box::into_raw(bytes).cast::<u8>();
    // SAFETY: promised by the caller.
    unsafe {
        answer.write(start);
        answer_size.write(size);
    }
    0
}

/// Is [`Table::free`](crate::Table::free).
///
/// # Safety
/// Both come from [`call_through`], and are given back once.
// SAFETY: as above.
pub unsafe fn free(answer: *mut u8, answer_size: usize) {
    // SAFETY: promised by the caller; it was a boxed slice of this size.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(answer, answer_size)) });
}
