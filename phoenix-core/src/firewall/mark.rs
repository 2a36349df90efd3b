//! The mark: the end of a comment by which Phoenix knows what it has made, ` [phoenix:KEY]` of a rule and ` [phoenix]` of a
//! name. Everything without one belongs to others and is left alone.

use super::Rule;

/// The key of the rule that says that a change waits to be confirmed.
pub const GUARD: &str = "guard";
/// The mark of names.
const PLAIN: &str = "[phoenix]";
const BEGIN: &str = "[phoenix:";

/// Returns the key of one of Phoenix's rules.
pub fn key(rule: &Rule) -> Option<&str> {
    let marked = rule.get("comment")?.trim_end().strip_suffix(']')?;
    let (_, key) = marked.rsplit_once(BEGIN)?;
    is_key(key).then_some(key)
}

/// Tells whether a text can be a key: it stands in step ids and comments.
pub fn is_key(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// Returns a comment with the mark of a rule.
pub fn with_key(comment: &str, key: &str) -> String {
    format!("{comment} {BEGIN}{key}]").trim_start().to_owned()
}

/// Returns a comment with the mark of a name.
pub fn plain(comment: &str) -> String {
    format!("{comment} {PLAIN}").trim_start().to_owned()
}

/// Tells whether a comment has the mark of a name.
pub fn is_plain(comment: &str) -> bool {
    comment.trim_end().ends_with(PLAIN)
}

/// Returns a comment without its mark.
pub fn without(comment: &str) -> &str {
    let comment = comment.trim_end();
    let marked = comment.strip_suffix(']').and_then(|rest| rest.rsplit_once(BEGIN));
    let said = marked.filter(|(_, key)| is_key(key)).map(|(said, _)| said);
    said.or_else(|| comment.strip_suffix(PLAIN)).unwrap_or(comment).trim_end()
}

/// Returns the rule that says that a change waits to be confirmed. It is off, so that no packet meets it.
pub fn guard() -> Rule {
    let comment = with_key("put back as it was, unless this is confirmed", GUARD);
    let texts = [("type", "in"), ("action", "ACCEPT"), ("enable", "0"), ("comment", &comment)];
    texts.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_known_by_the_end_of_its_comment() {
        let rule = |comment: &str| Rule::from([("comment".to_owned(), comment.to_owned())]);
        for said in ["", "web", "a [phoenix:b] c", "ends in ]"] {
            let comment = with_key(said, "web-1");
            assert_eq!(key(&rule(&comment)), Some("web-1"), "{comment}");
            assert_eq!(without(&comment), said);
            assert_eq!((without(&plain(said)), is_plain(&plain(said))), (said, true));
        }
        for foreign in ["", "web", "[phoenix]", "[phoenix:a] b", "[phoenix:A]", "[phoenix:]"] {
            assert_eq!(key(&rule(foreign)), None, "{foreign}");
        }
        assert_eq!(key(&Rule::new()), None);
        assert_eq!(key(&guard()), Some(GUARD));
    }
}
