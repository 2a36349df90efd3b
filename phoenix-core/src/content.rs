//! Content: what a file shall hold. A block is for files that others write to as well: only what stands between
//! Phoenix's own two lines is Phoenix's.

use serde::{Deserialize, Serialize};

use crate::{id::Site, secret::SecretRef};

/// What a file shall hold, or a program shall read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// This text and nothing else.
    Text(String),
    /// These lines between two lines of Phoenix's own, the rest of the file as it is. Without lines, the block is
    /// taken out. The file's comments begin with `#`.
    Block {
        /// Whose block it is: a feature's name.
        owner: String,
        /// The lines.
        lines: Vec<String>,
    },
    /// A secret, resolved by the backend and by nobody else.
    Secret(SecretRef),
    /// What a file at another site holds when this is written; text of at most 64 KiB, and never a secret.
    Copy {
        /// Where the file is.
        site: Site,
        /// Its absolute path.
        path: String,
    },
    /// What a command says on its standard output when this is written; text of at most 64 KiB, and never a secret. So a
    /// certificate comes to be: the answer of the authority to the answer of the site that has the key. The command may be
    /// at another site than the step; then it leaves nothing behind that a plan of that site could see.
    Answer {
        /// Where it runs.
        site: Site,
        /// Program and arguments; never shell text, never a secret.
        argv: Vec<String>,
        /// What it reads on its standard input; no secret either.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<Box<Content>>,
    },
}

impl Content {
    /// Returns the text that a file shall hold which holds `old` now; none if only the backend can know.
    pub fn over(&self, old: &str) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Block { owner, lines } => Some(with_block(old, owner, lines)),
            Self::Secret(_) | Self::Copy { .. } | Self::Answer { .. } => None,
        }
    }

    /// Returns what a command at a site answers.
    pub fn answer<W: Into<String>>(site: &Site, argv: impl IntoIterator<Item = W>) -> Self {
        Self::Answer { site: site.clone(), argv: argv.into_iter().map(Into::into).collect(), stdin: None }
    }

    /// Has the command of an answer read this.
    #[must_use]
    pub fn to(self, input: Self) -> Self {
        match self {
            Self::Answer { site, argv, .. } => Self::Answer { site, argv, stdin: Some(Box::new(input)) },
            other @ (Self::Text(_) | Self::Block { .. } | Self::Secret(_) | Self::Copy { .. }) => other,
        }
    }

    /// Returns the secret, if it is one.
    pub fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Text(_) | Self::Block { .. } | Self::Copy { .. } | Self::Answer { .. } => None,
        }
    }

    /// Returns the secret that a command is given to answer it, which none may be.
    pub(crate) fn secret_told(&self) -> Option<&SecretRef> {
        match self {
            Self::Answer { stdin: Some(input), .. } => input.secret().or_else(|| input.secret_told()),
            Self::Text(_)
            | Self::Block { .. }
            | Self::Secret(_)
            | Self::Copy { .. }
            | Self::Answer { stdin: None, .. } => None,
        }
    }
}

/// Replaces the owner's block, in its place; a new one goes to the end. A block that lost its end is taken to be its
/// first line alone, so that nothing of others is lost.
fn with_block(text: &str, owner: &str, block: &[String]) -> String {
    let open = format!("# BEGIN phoenix {owner}");
    let close = format!("# END phoenix {owner}");
    let old: Vec<&str> = text.lines().collect();
    let mut lines: Vec<&str> = Vec::with_capacity(old.len() + block.len() + 2);
    let mut is_placed = block.is_empty();
    let mut place = |lines: &mut Vec<_>| {
        if !is_placed {
            lines.push(NEW);
            is_placed = true;
        }
    };
    let mut index = 0;
    while index < old.len() {
        let rest = &old[index..];
        let line = rest[0].trim();
        index += if line == open {
            place(&mut lines);
            rest.iter().position(|line| line.trim() == close).map_or(1, |end| end + 1)
        } else {
            if line != close {
                lines.push(rest[0]);
            }
            1
        };
    }
    place(&mut lines);
    let mut merged = String::with_capacity(text.len());
    for line in lines {
        if line == NEW {
            for own in [&open].into_iter().chain(block).chain([&close]) {
                merged.push_str(own);
                merged.push('\n');
            }
        } else {
            merged.push_str(line);
            merged.push('\n');
        }
    }
    merged
}

/// Stands for the block until the text is put together; no line of a text has a line end in it.
const NEW: &str = "\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &[&str]) -> Content {
        Content::Block { owner: "x".into(), lines: lines.iter().map(|&line| line.to_owned()).collect() }
    }

    fn over(lines: &[&str], old: &str) -> String {
        block(lines).over(old).expect("no secret")
    }

    #[test]
    fn a_block_is_replaced_in_its_place_and_foreign_lines_stay() {
        let once = over(&["mine"], "theirs");
        assert_eq!(once, "theirs\n# BEGIN phoenix x\nmine\n# END phoenix x\n");
        let later = format!("{once}later\n");
        assert_eq!(over(&["new"], &later), "theirs\n# BEGIN phoenix x\nnew\n# END phoenix x\nlater\n");
        assert_eq!(over(&["mine"], &once), once);
        assert_eq!(over(&[], &later), "theirs\nlater\n");
        assert_eq!(over(&[], ""), "");
    }

    #[test]
    fn a_block_of_another_owner_stays() {
        let other = "# BEGIN phoenix y\ntheirs\n# END phoenix y\n";
        assert!(over(&["mine"], other).starts_with(other));
    }

    #[test]
    fn a_block_without_an_end_takes_nothing_with_it() {
        assert_eq!(over(&[], "# BEGIN phoenix x\ntheirs\n"), "theirs\n");
        assert_eq!(
            over(&["m"], "theirs\n# END phoenix x\n"),
            "theirs\n# BEGIN phoenix x\nm\n# END phoenix x\n"
        );
    }

    #[test]
    fn a_text_is_all_and_a_secret_is_not_told() {
        assert_eq!(Content::Text("a".into()).over("b"), Some("a".to_owned()));
        let secret = Content::Secret(SecretRef::Env("A".into()));
        assert_eq!((secret.over("b"), secret.secret()), (None, Some(&SecretRef::Env("A".into()))));
    }
}
