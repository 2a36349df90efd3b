//! Holds the data against the schema of a real Proxmox VE 9.2, where that lies beside the project: every call that the
//! node has takes the same parameters, with the same types, bounds, words and formats, from the same people.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use super::super::{Kind, Param, SCHEMA, rule::Rule};

const SCHEMA_FILE: &str = "../../shared/data/pve-schema/apidump-9.2.11.json";

/// Returns the calls of the real schema by their keys; nothing where it is absent.
fn real() -> Option<BTreeMap<String, Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA_FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no `{}`", path.display());
        return None;
    };
    let tree: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let mut calls = BTreeMap::new();
    collect(&tree, &mut calls);
    Some(calls)
}

fn collect(node: &Value, calls: &mut BTreeMap<String, Value>) {
    for child in node.as_array().into_iter().flatten() {
        for (method, info) in child["info"].as_object().into_iter().flatten() {
            let path = child["path"].as_str().expect("every node has a path");
            calls.insert(format!("{method} {path}"), info.clone());
        }
        collect(&child["children"], calls);
    }
}

/// Returns what parameters there are, those of all variants together.
fn properties(parameters: &Value) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> =
        parameters["properties"].as_object().cloned().unwrap_or_default().into_iter().collect();
    for part in parameters["allOf"].as_array().into_iter().flatten() {
        all.extend(properties(part));
    }
    let variants: Vec<BTreeMap<String, Value>> =
        parameters["oneOf"].as_array().into_iter().flatten().map(properties).collect();
    for (name, property) in variants.iter().flatten() {
        let everywhere =
            variants.iter().all(|own| own.get(name).is_some_and(|own| !is_true(&own["optional"])));
        let mut property = property.clone();
        property["optional"] = u8::from(!everywhere).into();
        all.insert(name.clone(), property);
    }
    if let Some(name) = parameters["type-property"].as_str() {
        let words: Vec<&Value> =
            parameters["oneOf"].as_array().into_iter().flatten().map(|part| &part["instance-type"]).collect();
        all.insert(name.to_owned(), serde_json::json!({ "type": "string", "enum": words }));
    }
    all
}

#[test]
fn every_call_takes_what_the_real_one_takes() {
    let Some(real) = real() else { return };
    let mut wrong: Vec<String> = Vec::new();
    // The schema begins below the index of the top.
    for entry in SCHEMA.entries.iter().filter(|entry| entry.key != "GET /") {
        let Some(info) = real.get(&entry.key) else {
            wrong.push(format!("{}: there is no such call", entry.key));
            continue;
        };
        let theirs = properties(&info["parameters"]);
        compare(&entry.key, &entry.params, &theirs, &mut wrong);
        // Calls that answer by conditions of their own say so in words.
        let rule = match (&info["permissions"]["check"], info["permissions"]["user"].as_str()) {
            (Value::Null, Some("world")) => "World".to_owned(),
            (Value::Null, Some(_)) => "All".to_owned(),
            (Value::Null, None) => "Root".to_owned(),
            (check, _) => normal_rule(check),
        };
        let ours = shown(&entry.rule);
        if ours != rule {
            wrong.push(format!("{}: may {ours}, really {rule}", entry.key));
        }
    }
    let known: BTreeSet<&str> = SCHEMA.entries.iter().map(|entry| entry.key.as_str()).collect();
    let missing: Vec<&String> = real.keys().filter(|key| !known.contains(key.as_str())).collect();
    println!("{} of {} calls are in the data; those that are not answer 501", known.len(), real.len());
    println!("without: {}", missing.len());
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn compare(place: &str, ours: &[Param], theirs: &BTreeMap<String, Value>, wrong: &mut Vec<String>) {
    let name = |param: &Param| match param.index {
        Some(_) => format!("{}[n]", param.name),
        None => param.name.clone(),
    };
    let own: BTreeMap<String, &Param> = ours.iter().map(|param| (name(param), param)).collect();
    if own.len() != ours.len() {
        wrong.push(format!("{place}: a parameter stands there twice"));
    }
    for key in theirs.keys().filter(|key| !own.contains_key(*key)) {
        wrong.push(format!("{place}: `{key}` is missing"));
    }
    for (key, param) in own {
        match theirs.get(&key) {
            Some(real) => difference(&format!("{place}: `{key}`"), param, real, wrong),
            None => wrong.push(format!("{place}: `{key}` is too much")),
        }
    }
}

fn difference(place: &str, param: &Param, real: &Value, wrong: &mut Vec<String>) {
    let mut differ = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{place}: {what} is {ours}, really {theirs}"));
        }
    };
    let is_array = real["type"] == "array";
    if let Some(alias) = real["alias"].as_str() {
        differ(
            "the alias",
            format!("{:?}", param.alias.as_ref().map(|(of, _)| of)),
            format!("{:?}", Some(alias)),
        );
        return;
    }
    differ("optional", (!param.required).to_string(), is_true(&real["optional"]).to_string());
    differ("array", param.is_array.to_string(), is_array.to_string());
    let real = if is_array { &real["items"] } else { real };
    let kind = match real["type"].as_str() {
        Some("boolean") => Kind::Bool,
        Some("integer") => Kind::Int,
        Some("number") => Kind::Num,
        _ => Kind::Text,
    };
    differ("the type", format!("{:?}", param.kind), format!("{kind:?}"));
    let (min, max) = match kind {
        Kind::Int | Kind::Num => ("minimum", "maximum"),
        Kind::Text | Kind::Bool => ("minLength", "maxLength"),
    };
    differ("the lower bound", format!("{:?}", param.min), format!("{:?}", number(&real[min])));
    differ("the upper bound", format!("{:?}", param.max), format!("{:?}", number(&real[max])));
    let words: Vec<String> = real["enum"].as_array().into_iter().flatten().map(plain).collect();
    differ("the enumeration", format!("{:?}", param.words), format!("{words:?}"));
    // A named form that we have spelled out is one of ours.
    if param.dict.is_none() {
        differ(
            "the format",
            format!("{:?}", param.format.as_deref()),
            format!("{:?}", real["format"].as_str()),
        );
    }
    differ(
        "what it requires",
        format!("{:?}", param.requires.as_deref()),
        format!("{:?}", real["requires"].as_str()),
    );
    let pattern = real["pattern"].as_str().map(normal_pattern);
    differ(
        "the pattern",
        format!("{:?}", param.pattern.as_ref().map(|pattern| normal_pattern(pattern.as_str()))),
        format!("{pattern:?}"),
    );
    match (&param.dict, real["format"].as_object()) {
        (Some(dict), Some(form)) => {
            let params = SCHEMA.dicts.get(dict).map_or(&[][..], Vec::as_slice);
            compare(place, params, &form.clone().into_iter().collect(), wrong);
        }
        (Some(_), None) if real["format"].is_string() => {}
        (None, None) => {}
        (ours, theirs) => wrong.push(format!("{place}: form {ours:?}, really {}", theirs.is_some())),
    }
}

fn is_true(value: &Value) -> bool {
    matches!(plain(value).as_str(), "1" | "true")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Perl writes some things in ways that other programs do not read.
fn normal_pattern(pattern: &str) -> String {
    pattern
        .replace("(?^:", "(?:")
        .replace("(?^u:", "(?:")
        .replace("(?^i:", "(?i:")
        .replace("{,", "{0,")
        .replace("\\0", "\\x00")
        .replace("\\x000", "\\x00")
}

fn shown(rule: &Rule) -> String {
    match rule {
        Rule::World => "World".to_owned(),
        Rule::All => "All".to_owned(),
        Rule::Root => "Root".to_owned(),
        other => other.to_string(),
    }
}

/// Returns a rule of the real schema as ours are written.
fn normal_rule(check: &Value) -> String {
    let list: Vec<&Value> = check.as_array().into_iter().flatten().collect();
    let words =
        |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().map(plain).collect() };
    let options: BTreeMap<String, String> = match list.first().and_then(|head| head.as_str()) {
        Some("perm") => pairs(&list[3..]),
        Some("userid-group") => pairs(&list[2..]),
        _ => BTreeMap::new(),
    };
    match list.first().and_then(|head| head.as_str()).unwrap_or_default() {
        head @ ("and" | "or") => {
            let parts: Vec<String> = list[1..].iter().map(|part| normal_rule(part)).collect();
            format!("({head} {})", parts.join(" "))
        }
        "perm" => {
            let head = if options.get("any").is_some_and(|any| any == "1") { "any" } else { "perm" };
            let mut text = format!("({head} {} {}", plain(list[1]), words(list[2]).join(" "));
            if let Some(param) = options.get("require_param") {
                text.push_str(&format!(" if={param}"));
            }
            text + ")"
        }
        "userid-param" => if plain(list[1]) == "self" { "(own)" } else { "(realm)" }.to_owned(),
        "userid-group" => {
            let head = options.get("groups_param").map_or_else(String::new, |word| format!("{word}-"));
            format!("({head}groups {})", words(list[1]).join(" "))
        }
        "perm-modify" => "(perm-modify)".to_owned(),
        other => format!("?{other}"),
    }
}

fn pairs(list: &[&Value]) -> BTreeMap<String, String> {
    list.chunks(2).filter_map(|pair| Some((plain(pair.first()?), plain(pair.get(1)?)))).collect()
}
