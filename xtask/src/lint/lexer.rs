//! A lexer that knows just enough of Rust to tell code from comments and from what is in quotes.

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Quoted,
}

/// Returns the code and the comments of a text, each with blanks for all the rest; lines stay where they are.
pub(super) fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut parts = vec![Part::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (part, end) = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => (Part::Comment, line_end(&chars, at)),
            '/' if chars.get(at + 1) == Some(&'*') => (Part::Comment, block_end(&chars, at)),
            '"' => (Part::Quoted, string_end(&chars, at)),
            'r' if !is_word_before(&chars, at) => match raw_end(&chars, at) {
                Some(end) => (Part::Quoted, end),
                None => (Part::Code, at + 1),
            },
            'b' if !is_word_before(&chars, at) && chars.get(at + 1) == Some(&'r') => {
                match raw_end(&chars, at + 1) {
                    Some(end) => (Part::Quoted, end),
                    None => (Part::Code, at + 1),
                }
            }
            '\'' => match char_end(&chars, at) {
                Some(end) => (Part::Quoted, end),
                None => (Part::Code, at + 1),
            },
            _ => (Part::Code, at + 1),
        };
        let end = end.min(chars.len());
        parts[at..end].fill(part);
        at = end;
    }
    let only = |wanted: Part| -> String {
        let keep = |(&c, &part): (&char, &Part)| if c == '\n' || part == wanted { c } else { ' ' };
        chars.iter().zip(&parts).map(keep).collect()
    };
    (only(Part::Code), only(Part::Comment))
}

fn is_word_before(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |length| at + length)
}

fn block_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < chars.len() {
        match chars[end] {
            '\\' => end += 2,
            '"' => return end + 1,
            _ => end += 1,
        }
    }
    chars.len()
}

/// Returns the end of a raw string whose `r` stands here; none if it is no raw string.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut end = at + 2 + hashes;
    while end < chars.len() {
        if chars[end] == '"' && chars[end + 1..].iter().take_while(|&&c| c == '#').count() >= hashes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(chars.len())
}

/// Returns the end of a character literal; none if the quote begins a lifetime.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at + 1) == Some(&'\\') {
        let rest = chars[at + 3..].iter().position(|&c| c == '\'')?;
        return Some(at + 4 + rest);
    }
    (chars.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        split(text).0
    }

    #[test]
    fn quoted_text_and_comments_are_not_code() {
        assert_eq!(code("a \"b // c\" d // e\nf").split_whitespace().collect::<Vec<_>>(), ["a", "d", "f"]);
        assert_eq!(code("x /* a /* b */ c */ y").split_whitespace().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(code(r##"r#"a " b"# z br"q" for"##).split_whitespace().collect::<Vec<_>>(), ["z", "for"]);
        assert_eq!(code(r#""\"" w"#).split_whitespace().collect::<Vec<_>>(), ["w"]);
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        assert_eq!(code("fn f<'a>(x: &'a str) { '\"'; '\\''; 'b' }").matches('\'').count(), 2);
        assert_eq!(code("('\"', a)").split_whitespace().collect::<Vec<_>>(), ["(", ",", "a)"]);
    }

    #[test]
    fn comments_come_alone_and_on_their_lines() {
        let (_, comments) = split("a // b\n\"// c\" // d\n");
        assert_eq!(comments.lines().map(str::trim).collect::<Vec<_>>(), ["// b", "// d"]);
    }
}
