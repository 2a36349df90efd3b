//! Paths of a site, as features are told them.

/// Tells whether a path is absolute, and means the same to every program and every file that it stands in: parts of plain letters,
/// none of them empty, `.` or `..`.
pub fn is_plain(path: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+@".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_part))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_plain_path_has_one_meaning() {
        assert!(["/a", "/srv/a-b_c.d+e@f", "/a/..b"].into_iter().all(is_plain));
        let odd = ["", "/", "a", "/a/", "//a", "/a/../b", "/./a", "/a b", "/a\n", "/a:b", "/ä"];
        assert!(!odd.into_iter().any(is_plain));
    }
}
