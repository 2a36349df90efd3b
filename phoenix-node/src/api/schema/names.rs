//! Formats of the names of users, groups, roles, realms and pools: what PVE says when one is wrong.

use crate::state::roles;

/// Says what is wrong with a name; nothing of a format that is about no such name.
pub(super) fn complaint(format: &str, value: &str) -> Option<String> {
    let (is_right, text) = match format {
        "pve-userid" => return user(value),
        "pve-tokenid" => (
            value.split_once('!').is_some_and(|(name, token)| user(name).is_none() && is_word(token)),
            format!("value '{value}' does not look like a valid token ID"),
        ),
        "pve-groupid" => (is_plain(value), format!("group name '{value}' contains invalid characters")),
        "pve-roleid" => (is_plain(value), format!("role name '{value}' contains invalid characters")),
        "pve-realm" => (is_word(value), "value does not look like a valid realm".to_owned()),
        "pve-priv" => (roles::PRIVILEGES.contains(&value), format!("invalid privilege '{value}'")),
        "pve-poolid" => {
            if value.split('/').count() > 3 {
                let text = format!("pool name '{value}' nested too deeply (max levels = 3)");
                return Some(text);
            }
            (value.split('/').all(is_plain), format!("pool name '{value}' contains invalid characters"))
        }
        _ => return None,
    };
    (!is_right).then_some(text)
}

fn user(value: &str) -> Option<String> {
    if value.len() < 3 {
        return Some(format!("user name '{value}' is too short"));
    }
    if value.len() > 64 {
        return Some(format!("user name '{value}' is too long ({} > 64)", value.len()));
    }
    let is_right = value.rsplit_once('@').is_some_and(|(name, realm)| {
        !name.is_empty()
            && !name.contains(|c: char| c.is_whitespace() || c == ':' || c == '/')
            && is_word(realm)
    });
    (!is_right).then(|| format!("value '{value}' does not look like a valid user name"))
}

/// Tells whether a text is one that realms and tokens are named with.
fn is_word(value: &str) -> bool {
    value.len() >= 2 && value.starts_with(|c: char| c.is_ascii_alphabetic()) && is_plain(value)
}

fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_only_looks_like_them() {
        for (format, good) in [
            ("pve-userid", "al@pve"),
            ("pve-userid", "a@b@pve"),
            ("pve-tokenid", "al@pve!t1"),
            ("pve-poolid", "a/b/c"),
            ("pve-priv", "VM.Audit"),
        ] {
            assert_eq!(complaint(format, good), None, "{format} {good}");
        }
        for (format, bad) in [
            ("pve-userid", "al"),
            ("pve-userid", "a l@pve"),
            ("pve-tokenid", "al@pve"),
            ("pve-poolid", "a/b/c/d"),
            ("pve-poolid", "a//b"),
            ("pve-groupid", "g 1"),
        ] {
            assert!(complaint(format, bad).is_some(), "{format} {bad}");
        }
    }
}
