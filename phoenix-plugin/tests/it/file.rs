//! Files that are no plugins, or not the right ones: each is refused before anything of it is opened.

use std::fs;

use phoenix_plugin::host::{Library, PluginError};

use crate::kit::{Fixture, Where, has_compiler, one, plan};

fn said(error: &PluginError) -> (&'static str, String) {
    assert!(!error.hint().is_empty());
    (error.code(), error.to_string())
}

#[test]
fn a_good_library_tells_its_manifest_and_its_hash() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[]);
    let library = Library::read(&fixture.path(), None).expect("a plugin");
    assert_eq!((library.manifest.name.as_str(), library.sha256.len()), ("fixture", 64));
    Library::read(&fixture.path(), Some(&library.sha256.to_uppercase())).expect("the listed file");
}

#[test]
fn what_is_wrong_with_a_file_is_one_clear_error() {
    if !has_compiler() {
        return;
    }
    for (macros, code, text) in [
        (&["NO_SECTION"][..], "plugin-manifest", "no section `.phoenix.plugin`"),
        (&["MANIFEST=\"no JSON\""], "plugin-manifest", "cannot be used: expected"),
        (&["MANIFEST=\"{}\""], "plugin-manifest", "missing field `protocol`"),
        (&["FEATURE=\"Bad Name\""], "plugin-manifest", "`Bad Name` is no name"),
        (&["CAPABILITIES=\"{\\\"all\\\":1}\""], "plugin-manifest", "unknown field `all`"),
        (&["PROTOCOL=2"], "plugin-manifest", "version 2 of the contract"),
        (&["PHOENIX=\"^7\""], "plugin-version", "made for Phoenix `^7`"),
        (&["SIZE=8"], "plugin-contract", "says that it has 8 bytes"),
        (&["SIZE=0"], "plugin-contract", "says that it has 0 bytes"),
        (&["NO_TABLE"], "plugin-contract", "it exports no `phoenix_plugin`"),
    ] {
        let (found, message) = said(&Fixture::new(macros).refusal());
        assert!(found == code && message.contains(text), "{macros:?}: {found}: {message}");
    }
}

#[test]
fn a_table_of_another_protocol_than_the_manifest_is_found_in_the_file() {
    if !has_compiler() {
        return;
    }
    let manifest = "MANIFEST=\"{\\\"protocol\\\":1,\\\"name\\\":\\\"a\\\",\\\"version\\\":\\\"1.0.0\\\",\\\"phoenix\\\":\\\"*\\\",\
                    \\\"features\\\":[{\\\"name\\\":\\\"a\\\",\\\"summary\\\":\\\"s\\\",\\\"sites\\\":[\\\"lxc\\\"],\\\"config_schema\\\":{}}]}\"";
    let (code, message) = said(&Fixture::new(&[manifest, "PROTOCOL=3"]).refusal());
    assert!(code == "plugin-contract" && message.contains("of version 3"), "{message}");
}

#[test]
fn what_is_no_library_is_told_apart_from_what_is_not_there() {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let refusal = |name: &str| said(&Library::read(&dir.path().join(name), None).expect_err("refused"));
    fs::write(dir.path().join("text"), "text").expect("the directory is ours");
    fs::write(dir.path().join("empty"), "").expect("the directory is ours");
    fs::write(dir.path().join("head"), b"\x7fELF\x02\x01\x01").expect("the directory is ours");
    fs::copy(env!("CARGO_BIN_EXE_phoenix-plugin-serve"), dir.path().join("program")).expect("a program");
    for name in ["text", "empty", "head", "."] {
        let (code, message) = refusal(name);
        assert!(code == "plugin-library" && message.contains("is no shared library"), "{name}: {message}");
    }
    // A program that can be loaded anywhere looks like a library, and has no manifest.
    let (code, message) = refusal("program");
    assert!(["plugin-library", "plugin-manifest"].contains(&code), "{message}");
    assert_eq!(refusal("missing").0, "plugin-file");
}

#[test]
fn a_library_that_is_cut_off_anywhere_is_refused_without_a_crash() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[]);
    let whole = fs::read(fixture.path()).expect("the fixture");
    for part in 0..64 {
        fs::write(fixture.path(), &whole[..whole.len() * part / 64]).expect("the directory is ours");
        fixture.refusal();
    }
}

#[test]
fn another_file_under_the_listed_path_is_refused_with_its_hash() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[]);
    let listed = Library::read(&fixture.path(), None).expect("a plugin").sha256;
    fs::write(fixture.path(), fs::read(Fixture::new(&["NAME=\"other\""]).path()).expect("another"))
        .expect("the directory is ours");
    let error = Library::read(&fixture.path(), Some(&listed)).expect_err("another file");
    let found = Library::read(&fixture.path(), None).expect("a plugin").sha256;
    assert!(error.code() == "plugin-hash" && error.hint().contains(&found), "{error}");
}

#[test]
fn a_file_that_changes_after_the_check_is_not_what_runs() {
    if !has_compiler() {
        return;
    }
    for place in [Where::Child, Where::InProcess] {
        let fixture = Fixture::new(&[]);
        let plugin = fixture.plugin(place);
        fs::write(fixture.path(), "something else").expect("the directory is ours");
        assert_eq!(plan(&plugin, "good").expect("what was read is what runs").len(), 1);
    }
}

#[test]
fn what_the_linker_or_the_table_shows_only_when_opened_is_one_error_too() {
    if !has_compiler() {
        return;
    }
    for place in [Where::Child, Where::InProcess] {
        for (macros, text) in [("MISSING", "nobody_has_this"), ("NO_CALL", "is missing")] {
            let plugin = Fixture::new(&[macros]).plugin(place);
            let (code, message, _) = one(plan(&plugin, "good"));
            assert!(code == "plugin-contract" && message.contains(text), "{place:?} {macros}: {message}");
        }
    }
}
