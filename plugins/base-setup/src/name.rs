//! Names that the configuration holds, each a type that is checked where it is read: they end up in paths, in files
//! that other programs parse, and in step ids.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident: $is_good:path, $wanted:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                if $is_good(&text) { Ok(Self(text)) } else { Err(format!(concat!("`{}` is not ", $wanted), text)) }
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

names! {
    /// A locale with its character set, for instance `en_US.UTF-8`.
    Locale: is_locale, "a locale with its character set, such as `en_US.UTF-8`";
    /// A time zone, for instance `Europe/Berlin`.
    Timezone: is_timezone, "a time zone, such as `Europe/Berlin`";
    /// A Debian package.
    Package: is_package, "the name of a Debian package: lower-case letters, digits, `+`, `-` and `.`";
    /// A login name or a group.
    Account: is_account, "a name of a user or group: lower-case letters, digits, `_` and `-`, a letter first";
    /// The path of a login shell.
    Shell: is_shell, "the absolute path of a shell, such as `/bin/bash`";
    /// The name of a source of packages.
    AptName: is_apt_name, "a name that apt takes: letters, digits, `-`, `_` and `.`, no dot first";
    /// The address of a source or a proxy.
    Address: is_address, "an address, such as `https://archive.example/debian` or `file:/srv/mirror`";
    /// A suite or a component of a source.
    AptWord: is_apt_word, "a suite or a component, such as `noble`, `main` or `./`";
    /// A line of an `authorized_keys` file.
    SshKey: is_ssh_key, "a public SSH key, such as `ssh-ed25519 AAAA… name`";
}

impl Locale {
    /// Tells whether it must be generated; the C locales are always there.
    pub fn is_generated(&self) -> bool {
        !self.0.starts_with("C.")
    }

    /// Returns its line in `/etc/locale.gen`.
    pub fn line(&self) -> String {
        let (_, charset) = self.split();
        format!("{} {charset}", self.0)
    }

    /// Returns it as `locale -a` prints it: the character set in lower case and without dashes.
    pub fn normal_form(&self) -> String {
        let (language, charset) = self.split();
        let modifier = self.0.split_once('@').map(|(_, modifier)| format!("@{modifier}")).unwrap_or_default();
        format!("{language}.{}{modifier}", charset.to_ascii_lowercase().replace('-', ""))
    }

    fn split(&self) -> (&str, &str) {
        let (language, rest) = self.0.split_once('.').unwrap_or((&self.0, ""));
        (language, rest.split('@').next().unwrap_or(""))
    }
}

fn is_locale(text: &str) -> bool {
    let Some((language, rest)) = text.split_once('.') else { return false };
    let (charset, modifier) = rest.split_once('@').unwrap_or((rest, "x"));
    let has = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    has(language, "_") && has(charset, "-") && has(modifier, "")
}

fn is_timezone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "_+-".contains(letter))
    };
    text.split('/').all(is_part)
}

fn is_package(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
        && text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "+-.".contains(letter))
}

fn is_account(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
        && text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter))
}

fn is_shell(text: &str) -> bool {
    text.starts_with('/') && !text.contains([':', '\n', ' '])
}

fn is_apt_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_known = match scheme {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty()),
        "file" | "copy" => rest.starts_with('/'),
        _ => false,
    };
    is_known && text.chars().all(|letter| letter.is_ascii_graphic() && !"\"\\".contains(letter))
}

fn is_apt_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./+~:$()".contains(letter))
}

fn is_ssh_key(text: &str) -> bool {
    let has_key = text.split_whitespace().any(|word| word.starts_with("AAAA") && word.len() >= 16);
    has_key && !text.contains(['\n', '\r']) && !text.starts_with('#') && text.trim() == text
}
