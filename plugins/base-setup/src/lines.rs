//! Editing of texts line by line, so that what others wrote in a shared file stays as it is.

const OPEN: &str = "# BEGIN phoenix base-setup";
const CLOSE: &str = "# END phoenix base-setup";

/// Returns the text with `line` in place of the first line that `is_it` holds for, or else at the end; further such
/// lines are taken out.
pub(crate) fn with_line(text: &str, line: &str, is_it: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut is_placed = false;
    for old in text.lines() {
        match (is_it(old), is_placed) {
            (false, _) => lines.push(old),
            (true, false) => {
                lines.push(line);
                is_placed = true;
            }
            (true, true) => {}
        }
    }
    if !is_placed {
        lines.push(line);
    }
    ended(&lines)
}

/// Returns the text with these lines as Phoenix's block, or without a block if there are none. A block that lost its
/// end is taken to be its first line alone, so that nothing of others is lost.
pub(crate) fn with_block(text: &str, block: &[&str]) -> String {
    let old: Vec<&str> = text.lines().collect();
    let mut lines = Vec::new();
    let mut index = 0;
    while index < old.len() {
        let rest = &old[index..];
        let length = match rest[0].trim() {
            OPEN => rest.iter().position(|line| line.trim() == CLOSE).map_or(1, |end| end + 1),
            CLOSE => 1,
            _ => {
                lines.push(rest[0]);
                1
            }
        };
        index += length;
    }
    if !block.is_empty() {
        lines.push(OPEN);
        lines.extend(block);
        lines.push(CLOSE);
    }
    ended(&lines)
}

fn ended(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_replaced_where_it_stands_and_others_stay() {
        let text = with_line("A=1\nLANG=C\nB=2\nLANG=D\n", "LANG=E", |line| line.starts_with("LANG="));
        assert_eq!(text, "A=1\nLANG=E\nB=2\n");
        assert_eq!(with_line("A=1", "LANG=E", |line| line.starts_with("LANG=")), "A=1\nLANG=E\n");
    }

    #[test]
    fn a_block_is_replaced_and_foreign_lines_stay() {
        let once = with_block("theirs\n", &["mine"]);
        assert_eq!(once, format!("theirs\n{OPEN}\nmine\n{CLOSE}\n"));
        assert_eq!(
            with_block(&format!("{once}later\n"), &["new"]),
            format!("theirs\nlater\n{OPEN}\nnew\n{CLOSE}\n")
        );
        assert_eq!(with_block(&once, &[]), "theirs\n");
    }

    #[test]
    fn a_block_without_an_end_takes_nothing_with_it() {
        assert_eq!(with_block(&format!("{OPEN}\ntheirs\n"), &[]), "theirs\n");
    }
}
