//! How much of a volume a file system of type ext4 leaves for files: PVE shows this size of containers that run.

const BLOCK: u64 = 4096;
/// Blocks of one group.
const GROUP: u64 = 32_768;
/// Blocks that a group's inodes take: 8192 of them with 256 bytes each.
const INODES: u64 = 512;
/// Descriptors of groups that one block holds.
const DESCRIPTORS: u64 = 64;

/// Returns the bytes that a file system shows which was made with one size and has grown to another.
pub(crate) fn visible(made: u64, size: u64) -> u64 {
    let blocks = size / BLOCK;
    let (groups, first) = (groups_of(blocks), groups_of(made / BLOCK));
    // Room for descriptors is laid aside when it is made, so that it can grow a thousandfold.
    let descriptors = (first * 1024).div_ceil(DESCRIPTORS).min(1024 + first.div_ceil(DESCRIPTORS));
    let copies = (0..groups).filter(|group| has_copy(*group)).count() as u64;
    let overhead = copies * (1 + descriptors) + groups * (INODES + 2) + journal(made / BLOCK);
    blocks.saturating_sub(overhead) * BLOCK
}

fn groups_of(blocks: u64) -> u64 {
    blocks.div_ceil(GROUP)
}

/// Tells whether a group holds a copy of the head: the first two, and the powers of 3, 5 and 7.
fn has_copy(group: u64) -> bool {
    let is_power = |base: u64| {
        let mut power = base;
        while power < group {
            power *= base;
        }
        power == group
    };
    group <= 1 || is_power(3) || is_power(5) || is_power(7)
}

/// Returns the blocks of the journal.
fn journal(blocks: u64) -> u64 {
    const STEPS: &[(u64, u64)] = &[
        (2048, 0),
        (32 << 10, 1 << 10),
        (256 << 10, 4 << 10),
        (512 << 10, 8 << 10),
        (4 << 20, 16 << 10),
        (8 << 20, 32 << 10),
        (16 << 20, 64 << 10),
        (32 << 20, 128 << 10),
    ];
    STEPS.iter().find(|(below, _)| blocks < *below).map_or(256 << 10, |(_, journal)| *journal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_has_a_journal_and_five_copies_of_its_head() {
        assert_eq!(visible(1 << 30, 1 << 30), 1_020_702_720);
    }

    #[test]
    fn what_grows_keeps_the_journal_that_it_was_made_with() {
        assert_eq!(visible(1 << 30, 2 << 30), 2_077_073_408);
        assert!(visible(2 << 30, 2 << 30) < 2_077_073_408);
    }
}
