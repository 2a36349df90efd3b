//! JSON with comments and trailing commas, by `jsonc-parser`, with the range of every key and value.

use std::{collections::BTreeMap, sync::Arc};

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{ObjectPropName, Value as Node},
    common::Ranged,
    errors::{ParseError, ParseErrorKind},
    parse_to_ast,
};
use phoenix_core::{Diagnostic, Diagnostics, Place};
use serde_json::{Map, Value};

use super::{Entry, Parsed, Span, escape, line_column};

/// Parses a text.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Parsed {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let mut builder = Builder { file, text, entries: BTreeMap::new(), findings: Diagnostics::new() };
    let value = match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => match parsed.value {
            Some(root) => builder.build(&root, String::new(), None),
            None => {
                let place = Place { file: Arc::clone(file), path: String::new(), line: 1, column: 1 };
                builder.findings.push(
                    Diagnostic::error("malformed-json", format!("`{file}` is empty"))
                        .with_hint("write at least `{}`")
                        .at(place),
                );
                Value::Null
            }
        },
        Err(error) => {
            builder.findings.push(describe(file, text, &error));
            Value::Null
        }
    };
    Parsed { value, entries: builder.entries, findings: builder.findings }
}

struct Builder<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    entries: BTreeMap<String, Entry>,
    findings: Diagnostics,
}

impl Builder<'_> {
    fn build(&mut self, node: &Node<'_>, pointer: String, key: Option<Span>) -> Value {
        let range = node.range();
        let span = Span { start: range.start, end: range.end };
        let is_scalar = !matches!(node, Node::Object(_) | Node::Array(_));
        self.entries.insert(pointer.clone(), Entry { key, value: span, is_scalar });
        match node {
            Node::StringLit(text) => Value::String(text.value.to_string()),
            Node::NumberLit(number) => self.number(number.value, pointer, span),
            Node::BooleanLit(boolean) => Value::Bool(boolean.value),
            Node::NullKeyword(_) => Value::Null,
            Node::Array(array) => array
                .elements
                .iter()
                .enumerate()
                .map(|(index, element)| self.build(element, format!("{pointer}/{index}"), None))
                .collect(),
            Node::Object(object) => {
                let mut map = Map::new();
                for property in &object.properties {
                    let name = property.name.as_str();
                    let range = match &property.name {
                        ObjectPropName::String(literal) => literal.range,
                        ObjectPropName::Word(word) => word.range,
                    };
                    let key = Span { start: range.start, end: range.end };
                    let child = format!("{pointer}/{}", escape(name));
                    if map.contains_key(name) {
                        self.repeated(name, &child, key);
                    }
                    let value = self.build(&property.value, child, Some(key));
                    map.insert(name.to_owned(), value);
                }
                Value::Object(map)
            }
        }
    }

    fn number(&mut self, text: &str, pointer: String, span: Span) -> Value {
        if let Ok(number) = text.parse::<serde_json::Number>() {
            return Value::Number(number);
        }
        let (line, column) = line_column(self.text, span.start);
        let place = Place { file: Arc::clone(self.file), path: pointer, line, column };
        self.findings
            .push(Diagnostic::error("malformed-json", format!("`{text}` is not a number")).at(place));
        Value::Null
    }

    fn repeated(&mut self, name: &str, pointer: &str, key: Span) {
        let (line, column) = line_column(self.text, key.start);
        let first = self.entries.get(pointer).and_then(|entry| entry.key).unwrap_or(key);
        let (first_line, _) = line_column(self.text, first.start);
        let place = Place { file: Arc::clone(self.file), path: pointer.to_owned(), line, column };
        self.findings.push(
            Diagnostic::error("duplicate-key", format!("`{name}` is given twice"))
                .with_hint(format!("remove it here or in line {first_line}, where it is given first"))
                .at(place),
        );
    }
}

fn describe(file: &Arc<str>, text: &str, error: &ParseError) -> Diagnostic {
    let (what, hint) = explain(error.kind());
    let (line, column) = line_column(text, error.range().start);
    Diagnostic::error("malformed-json", format!("`{file}` is not JSON: {what}")).with_hint(hint).at(Place {
        file: Arc::clone(file),
        path: String::new(),
        line,
        column,
    })
}

/// Returns what is wrong and what to do, in our own words.
fn explain(kind: &ParseErrorKind) -> (String, &'static str) {
    let (what, hint) = match kind {
        ParseErrorKind::ExpectedColonAfterObjectKey => {
            ("expected `:` after the key", "write `\"key\": value`")
        }
        ParseErrorKind::ExpectedObjectValue => ("expected a value after `:`", "write `\"key\": value`"),
        ParseErrorKind::ExpectedStringObjectProperty => {
            ("expected a key in double quotes", "write `\"key\": value`")
        }
        ParseErrorKind::ExpectedComma => ("expected `,` or the closing bracket", "separate values with `,`"),
        ParseErrorKind::ExpectedDigit
        | ParseErrorKind::ExpectedDigitFollowingNegativeSign
        | ParseErrorKind::ExpectedPlusMinusOrDigitInNumberLiteral => {
            ("expected a digit", "complete the number")
        }
        ParseErrorKind::BareDecimalPointNumbersNotAllowed => {
            ("expected digits on both sides of the decimal point", "write `0.5`, not `.5`")
        }
        ParseErrorKind::HexadecimalNumbersNotAllowed
        | ParseErrorKind::NonFiniteNumbersNotAllowed
        | ParseErrorKind::UnaryPlusNumbersNotAllowed => {
            ("expected a decimal number", "write it like `42` or `-0.5`")
        }
        ParseErrorKind::SingleQuotedStringsNotAllowed => ("expected double quotes", "write `\"text\"`"),
        ParseErrorKind::MultipleRootJsonValues => {
            ("expected the end of the file", "remove what follows the closing bracket")
        }
        ParseErrorKind::UnexpectedCloseBrace => {
            ("unexpected `}`", "remove it, or add the `{` that it closes")
        }
        ParseErrorKind::UnexpectedCloseBracket => {
            ("unexpected `]`", "remove it, or add the `[` that it closes")
        }
        ParseErrorKind::UnexpectedColon => ("unexpected `:`", "a key in double quotes belongs before it"),
        ParseErrorKind::UnexpectedComma => ("unexpected `,`", "a value belongs before it"),
        ParseErrorKind::UnexpectedToken | ParseErrorKind::UnexpectedTokenInObject => {
            ("expected a key or a value", "quote texts with `\"`")
        }
        ParseErrorKind::UnexpectedWord => (
            "expected a value",
            "quote texts with `\"`; without quotes only `true`, `false` and `null` are values",
        ),
        ParseErrorKind::UnterminatedArray => ("expected `]` before the end of the file", "close the array"),
        ParseErrorKind::UnterminatedObject => ("expected `}` before the end of the file", "close the object"),
        ParseErrorKind::UnterminatedCommentBlock => {
            ("expected `*/` before the end of the file", "close the comment")
        }
        ParseErrorKind::NestingDepthExceeded => {
            ("it is nested too deeply", "no Phoenix file needs this depth")
        }
        ParseErrorKind::CommentsNotAllowed | ParseErrorKind::TrailingCommasNotAllowed => {
            ("expected a value", "remove the comment or comma")
        }
        ParseErrorKind::String(kind) => {
            return (
                lower_first(&kind.to_string()),
                "close the text with `\"` and write a backslash as `\\\\`",
            );
        }
    };
    (what.to_owned(), hint)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
