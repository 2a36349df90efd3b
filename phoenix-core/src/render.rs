//! Texts of configuration files from templates. A name that the template has and the values have not is an error, never
//! an empty place; filters write a value in the way of the file's format, so that none can end its line or its quotes.

use minijinja::{Environment, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use crate::diagnostic::Diagnostic;

/// Returns a template's text with these values. `name` is the file's, for the message of a failure.
pub fn render<V: Serialize>(name: &str, template: &str, values: V) -> Result<String, Diagnostic> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.build().expect("only what stands between the marks is changed"));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("systemd", systemd);
    environment.add_filter("nginx", nginx);
    environment.add_filter("json", json);
    let rendered = environment.render_named_str(name, template, Value::from(Serde(&values)));
    rendered.map_err(|error| {
        Diagnostic::error("template", format!("`{name}` cannot be written: {error:#}"))
            .with_hint("this is a fault of the feature that writes it")
    })
}

/// Returns a value as one word of a line of a systemd unit: quoted, without specifiers and variables.
pub fn systemd(value: &str) -> String {
    let mut word = String::with_capacity(value.len() + 2);
    word.push('"');
    for letter in value.chars() {
        match letter {
            '"' => word.push_str("\\\""),
            '\\' => word.push_str("\\\\"),
            '%' => word.push_str("%%"),
            '\n' => word.push_str("\\n"),
            '\t' => word.push_str("\\t"),
            '\r' => word.push_str("\\r"),
            control if control.is_ascii_control() => word.push_str(&format!("\\x{:02x}", u32::from(control))),
            other => word.push(other),
        }
    }
    word.push('"');
    word
}

/// Tells whether a unit can have a variable of this name and value: systemd passes one over whose value has another
/// control character than tab and newline, and says so in its log alone.
pub fn is_variable(name: &str, value: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !value.contains(|letter: char| letter.is_control() && !"\n\t".contains(letter))
}

/// Returns a value as one word of a command line of a systemd unit, where `$` would begin a variable.
pub fn systemd_argument(value: &str) -> String {
    systemd(value).replace('$', "$$")
}

/// Returns a value as one word of an nginx configuration. A `$` would begin a variable and cannot be escaped, so callers
/// let none in.
fn nginx(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns a value as JSON, which is YAML as well.
fn json(value: Value) -> Result<String, minijinja::Error> {
    serde_json::to_string(&value).map_err(|error| {
        minijinja::Error::new(minijinja::ErrorKind::BadSerialization, "no JSON").with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_values_lack_is_an_error_that_names_it() {
        let error = render("app.conf", "a\nport {{ port }}\n", json!({})).unwrap_err();
        assert!(
            error.message.contains("app.conf") && error.message.contains("undefined"),
            "{}",
            error.message
        );
        assert_eq!(render("app.conf", "port {{ port }}\n", json!({"port": 80})).unwrap(), "port 80\n");
    }

    #[test]
    fn a_value_stays_one_word() {
        let values = json!({"odd": "a \"b\" $(c) %n\n\\ü\u{1}"});
        let text =
            render("unit", "X={{ odd | systemd }}\nY={{ odd | json }}\nZ={{ 'a;\"}' | nginx }}\n", values);
        assert_eq!(
            text.unwrap(),
            "X=\"a \\\"b\\\" $(c) %%n\\n\\\\ü\\x01\"\nY=\"a \\\"b\\\" $(c) %n\\n\\\\ü\\u0001\"\nZ=\"a;\\\"}\"\n"
        );
        assert_eq!(systemd_argument("$HOME"), "\"$$HOME\"");
    }
}
