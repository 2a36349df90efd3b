//! Reads the notation of the data files.

use phoenix_pve::transport::Method;

use super::{Entry, Kind, Param, Rule, Schema, Segment, pattern::Pattern};

/// What a line with an indent belongs to.
enum Open {
    Nothing,
    Set(String),
    Dict(String),
    /// So many calls: one, or one for each kind of guest.
    Calls(usize),
}

/// Adds a file to the schema.
pub(super) fn read(schema: &mut Schema, file: &str, text: &str) -> Result<(), String> {
    let mut open = Open::Nothing;
    for (number, line) in text.lines().enumerate() {
        let fail = |message: String| format!("{file}:{}: {message}", number + 1);
        let code = if line.trim_start().starts_with('#') { "" } else { line.trim_end() };
        if code.is_empty() {
            continue;
        }
        match (code.strip_prefix("  "), &open) {
            (None, _) => open = head(schema, code).map_err(fail)?,
            (Some(_), Open::Nothing) => return Err(fail("this line belongs to nothing".to_owned())),
            (Some(line), Open::Set(name)) => {
                let params = body(schema, line).map_err(fail)?;
                schema.sets.entry(name.clone()).or_default().extend(params);
            }
            (Some(line), Open::Dict(name)) => {
                let params = body(schema, line).map_err(fail)?;
                schema.dicts.entry(name.clone()).or_default().extend(params);
            }
            (Some(line), Open::Calls(count)) => {
                let rule = line.strip_prefix("may ").map(Rule::parse).transpose().map_err(fail)?;
                let params = if rule.is_some() { Vec::new() } else { body(schema, line).map_err(fail)? };
                for entry in schema.entries.iter_mut().rev().take(*count) {
                    entry.params.extend(params.iter().cloned());
                    if let Some(rule) = &rule {
                        entry.rule = rule.clone();
                    }
                }
            }
        }
    }
    Ok(())
}

fn head(schema: &mut Schema, line: &str) -> Result<Open, String> {
    let (word, name) = line.split_once(' ').ok_or_else(|| format!("`{line}` has no name"))?;
    let name = name.trim();
    let method = match word {
        "set" => {
            schema.sets.insert(name.to_owned(), Vec::new());
            return Ok(Open::Set(name.to_owned()));
        }
        "dict" => {
            schema.dicts.insert(name.to_owned(), Vec::new());
            return Ok(Open::Dict(name.to_owned()));
        }
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => return Err(format!("`{other}` is neither a method nor `set` nor `dict`")),
    };
    let kinds: &[&str] = if name.contains("{kind}") { &["lxc", "qemu"] } else { &[""] };
    for kind in kinds {
        let path = name.replace("{kind}", kind);
        let segments: Vec<Segment> = path.split('/').filter(|part| !part.is_empty()).map(segment).collect();
        schema.index.entry((method, segments.len())).or_default().push(schema.entries.len());
        let key = line.replace('*', "").replace("{kind}", kind);
        schema.entries.push(Entry { key, rule: Rule::Root, segments, params: Vec::new() });
    }
    Ok(Open::Calls(kinds.len()))
}

fn segment(part: &str) -> Segment {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('*') {
            Some(name) => Segment::Rest(name.to_owned()),
            None => Segment::Variable(name.to_owned()),
        },
        None => Segment::Word(part.to_owned()),
    }
}

/// Reads a parameter, or the name of a set of them.
fn body(schema: &Schema, line: &str) -> Result<Vec<Param>, String> {
    let (name, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    if name == "with" {
        let mut words = rest.split_whitespace();
        let set = words.next().ok_or("`with` wants a set")?;
        let left_out: Vec<&str> = words.skip_while(|&word| word != "without").skip(1).collect();
        let params = schema.sets.get(set).ok_or_else(|| format!("there is no set `{set}` above"))?;
        let params = params.iter().filter(|param| !left_out.contains(&param.name.as_str()));
        return Ok(params.cloned().collect());
    }
    Ok(vec![param(name, rest)?])
}

fn param(name: &str, rest: &str) -> Result<Param, String> {
    let mut param = Param::default();
    let mut name = name;
    if let Some(plain) = name.strip_prefix('*') {
        (param.is_default, name) = (true, plain);
    }
    if let Some(plain) = name.strip_suffix('!') {
        (param.required, name) = (true, plain);
    }
    if let Some((stem, range)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        let (first, last) = range.split_once("..").ok_or("an index is written `[0..31]`")?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{text}` is no index"));
        (param.index, name) = (Some((number(first)?, number(last)?)), stem);
    }
    param.name = name.to_owned();
    // A pattern may hold blanks, so it comes last.
    let (words, pattern) = match rest.split_once("match=") {
        Some((words, pattern)) => (words, Some(pattern.trim())),
        None => (rest, None),
    };
    for word in words.split_whitespace() {
        attribute(&mut param, word)?;
    }
    if let Some(pattern) = pattern {
        param.pattern = Some(Pattern::new(pattern));
    }
    Ok(param)
}

fn attribute(param: &mut Param, word: &str) -> Result<(), String> {
    match (word, word.split_once('=')) {
        ("array", _) => param.is_array = true,
        ("bool", _) => param.kind = Kind::Bool,
        ("int", _) => param.kind = Kind::Int,
        ("num", _) => param.kind = Kind::Num,
        ("text", _) => param.kind = Kind::Text,
        (_, Some(("enum", words))) => param.words = words.split('|').flat_map(spread).collect(),
        (_, Some(("format", name))) => param.format = Some(name.to_owned()),
        (_, Some(("requires", name))) => param.requires = Some(name.to_owned()),
        (_, Some(("dict", name))) => param.dict = Some(name.to_owned()),
        (_, Some(("alias", names))) => {
            let (of, value) = names.split_once(':').map_or((names, None), |(of, value)| (of, Some(value)));
            param.alias = Some((of.to_owned(), value.map(str::to_owned)));
        }
        (range, None) if range.contains("..") => {
            let (min, max) = range.split_once("..").ok_or("a range has two ends")?;
            let number = |text: &str| match text {
                "" => Ok(None),
                text => text.parse::<f64>().map(Some).map_err(|_| format!("`{text}` is no number")),
            };
            (param.min, param.max) = (number(min)?, number(max)?);
        }
        (other, _) => return Err(format!("`{other}` says nothing about a parameter")),
    }
    Ok(())
}

/// Returns the words that `mp{0..255}` stands for; any other word stands for itself.
fn spread(word: &str) -> Vec<String> {
    let range = word.strip_suffix('}').and_then(|word| word.split_once('{'));
    let numbers = range.and_then(|(stem, range)| {
        let (first, last) = range.split_once("..")?;
        Some((stem, first.parse::<u32>().ok()?, last.parse::<u32>().ok()?))
    });
    match numbers {
        Some((stem, first, last)) => (first..=last).map(|number| format!("{stem}{number}")).collect(),
        None => vec![word.to_owned()],
    }
}
