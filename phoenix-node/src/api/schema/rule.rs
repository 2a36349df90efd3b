//! Who may make a call: the expressions after `may` in the data.

use std::fmt;

/// Who may make a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Anybody, even without a ticket.
    World,
    /// Everybody who is let in; the call itself may ask for more.
    All,
    /// `root@pam` with a ticket only.
    Root,
    /// These privileges on a path; one of them is enough if `any`.
    Perm {
        /// The path, with variables of the call.
        path: String,
        /// The privileges.
        privs: Vec<String>,
        /// Whether one is enough.
        any: bool,
        /// The parameter without which this rule lets nobody through.
        needs: Option<String>,
    },
    /// To change permissions on the path that the parameter `path` names.
    Modify,
    /// It depends on the user whom the parameter `userid` names.
    UserParam(UserParam),
    /// All of these.
    And(Vec<Rule>),
    /// One of these.
    Or(Vec<Rule>),
}

/// What a call about a user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserParam {
    /// The caller is that user.
    Own,
    /// `Realm.AllocateUser` on the user's realm.
    Realm,
    /// One of these privileges on all groups, or on those that matter.
    Groups {
        /// The privileges.
        privs: Vec<String>,
        /// Which groups matter.
        of: Groups,
    },
}

/// Which groups matter to a call about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    /// One that the user is in.
    Present,
    /// All that the call names for a new user.
    Created,
    /// All that the call names, and one that the user is in.
    Updated,
}

impl Rule {
    /// Reads an expression: a word, or a list in parentheses.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = &words[..];
        let rule = Self::take(&mut rest)?;
        if rest.is_empty() { Ok(rule) } else { Err(format!("`{}` is too much", rest.join(" "))) }
    }

    fn take(rest: &mut &[&str]) -> Result<Self, String> {
        let (first, more) = rest.split_first().ok_or("an expression is missing")?;
        *rest = more;
        match *first {
            "world" => Ok(Self::World),
            "all" => Ok(Self::All),
            "root" => Ok(Self::Root),
            "(" => {
                let (head, more) = rest.split_first().ok_or("a word is missing")?;
                *rest = more;
                let rule = match *head {
                    "and" => Self::And(Self::several(rest)?),
                    "or" => Self::Or(Self::several(rest)?),
                    "perm" | "any" => {
                        let mut words = plain(rest).into_iter();
                        let path = words.next().ok_or("a path is missing")?;
                        let (needs, privs): (Vec<_>, Vec<_>) =
                            words.partition(|word| word.starts_with("if="));
                        let needs = needs.first().map(|word| word["if=".len()..].to_owned());
                        Self::Perm { path, privs, any: *head == "any", needs }
                    }
                    "perm-modify" => Self::Modify,
                    "own" => Self::UserParam(UserParam::Own),
                    "realm" => Self::UserParam(UserParam::Realm),
                    "groups" => Self::groups(rest, Groups::Present),
                    "create-groups" => Self::groups(rest, Groups::Created),
                    "update-groups" => Self::groups(rest, Groups::Updated),
                    other => return Err(format!("`{other}` is no rule")),
                };
                match rest.split_first() {
                    Some((&")", more)) => *rest = more,
                    _ => return Err("`)` is missing".to_owned()),
                }
                Ok(rule)
            }
            other => Err(format!("`{other}` is no rule")),
        }
    }

    fn groups(rest: &mut &[&str], of: Groups) -> Self {
        Self::UserParam(UserParam::Groups { privs: plain(rest), of })
    }

    fn several(rest: &mut &[&str]) -> Result<Vec<Self>, String> {
        let mut rules = Vec::new();
        while rest.first().is_some_and(|&word| word != ")") {
            rules.push(Self::take(rest)?);
        }
        Ok(rules)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |rules: &[Self]| rules.iter().map(Self::to_string).collect::<Vec<_>>().join(" ");
        match self {
            Self::World => f.write_str("world"),
            Self::All => f.write_str("all"),
            Self::Root => f.write_str("root"),
            Self::Perm { path, privs, any, needs } => {
                let needs = needs.as_ref().map_or_else(String::new, |name| format!(" if={name}"));
                write!(f, "({} {path} {}{needs})", if *any { "any" } else { "perm" }, privs.join(" "))
            }
            Self::Modify => f.write_str("(perm-modify)"),
            Self::UserParam(UserParam::Own) => f.write_str("(own)"),
            Self::UserParam(UserParam::Realm) => f.write_str("(realm)"),
            Self::UserParam(UserParam::Groups { privs, of }) => {
                let word = match of {
                    Groups::Present => "groups",
                    Groups::Created => "create-groups",
                    Groups::Updated => "update-groups",
                };
                write!(f, "({word} {})", privs.join(" "))
            }
            Self::And(rules) => write!(f, "(and {})", join(rules)),
            Self::Or(rules) => write!(f, "(or {})", join(rules)),
        }
    }
}

fn plain(rest: &mut &[&str]) -> Vec<String> {
    let count = rest.iter().take_while(|&&word| word != ")").count();
    let words = rest[..count].iter().map(|&word| word.to_owned()).collect();
    *rest = &rest[count..];
    words
}
