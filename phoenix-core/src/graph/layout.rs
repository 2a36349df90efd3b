//! A layered layout: every node gets a row below those that lead to it, an order within its row that keeps edges short,
//! and a place. Labels of edges are members of rows of their own, so that no label covers another.

use std::collections::BTreeSet;

/// What is to be laid out.
pub(super) struct Input {
    /// The width of every node.
    pub(super) widths: Vec<f64>,
    /// The edges, as (from, to, width of the label).
    pub(super) edges: Vec<(usize, usize, f64)>,
    /// The free space between two members of a row.
    pub(super) gap: f64,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The rows; even ones hold nodes, odd ones labels of edges.
    pub(super) rows: usize,
    /// The row and the middle of every node.
    pub(super) nodes: Vec<(usize, f64)>,
    /// The way of every edge from its `from` to its `to`.
    pub(super) edges: Vec<Way>,
    /// The width of it all.
    pub(super) width: f64,
}

/// The way of an edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Way {
    /// The rows that it passes with the middles where it does, both ends included.
    pub(super) points: Vec<(usize, f64)>,
    /// Which of the points carries the label.
    pub(super) label: usize,
}

struct Member {
    row: usize,
    width: f64,
    up: Vec<usize>,
    down: Vec<usize>,
    x: f64,
}

/// How often the rows are gone through, down and up again. More changes pictures of a few dozen nodes no further.
const SWEEPS: usize = 12;

/// Lays out.
pub(super) fn layout(input: &Input) -> Layout {
    let count = input.widths.len();
    let reversed = reversed(count, &input.edges);
    let ranks = ranks(count, &input.edges, &reversed);
    let mut members: Vec<Member> =
        input.widths.iter().zip(&ranks).map(|(&width, &rank)| Member::new(rank * 2, width)).collect();
    let mut chains = Vec::with_capacity(input.edges.len());
    for (index, &(from, to, label)) in input.edges.iter().enumerate() {
        chains.push(chain(&mut members, from, to, label, reversed.contains(&index)));
    }
    let mut rows: Vec<Vec<usize>> =
        vec![Vec::new(); members.iter().map(|member| member.row + 1).max().unwrap_or(0)];
    for (index, member) in members.iter().enumerate() {
        rows[member.row].push(index);
    }
    arrange(&mut members, &mut rows, input.gap);
    let left = members.iter().map(|member| member.x - member.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = members.iter().map(|member| member.x + member.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let place = |index: usize| (members[index].row, members[index].x - left);
    let way =
        |(chain, label): (Vec<usize>, usize)| Way { points: chain.into_iter().map(place).collect(), label };
    Layout {
        rows: rows.len(),
        nodes: (0..count).map(place).collect(),
        edges: chains.into_iter().map(way).collect(),
        width: if members.is_empty() { 0.0 } else { right - left },
    }
}

impl Member {
    fn new(row: usize, width: f64) -> Self {
        Self { row, width, up: Vec::new(), down: Vec::new(), x: 0.0 }
    }
}

/// Returns the edges that lead back to where the walk came from; turned round, they leave no cycle. The walk keeps its
/// own stack: a chain of thousands of clones must not end that of the program.
fn reversed(count: usize, edges: &[(usize, usize, f64)]) -> BTreeSet<usize> {
    let mut leaving: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, &(from, ..)) in edges.iter().enumerate() {
        leaving[from].push(index);
    }
    let mut is_open = vec![false; count];
    let mut is_seen = vec![false; count];
    let mut back = BTreeSet::new();
    for start in 0..count {
        if is_seen[start] {
            continue;
        }
        let mut stack = vec![(start, 0)];
        (is_seen[start], is_open[start]) = (true, true);
        while let Some((node, next)) = stack.last_mut() {
            let Some(&edge) = leaving[*node].get(*next) else {
                is_open[*node] = false;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = edges[edge].1;
            if is_open[to] {
                back.insert(edge);
            } else if !is_seen[to] {
                (is_seen[to], is_open[to]) = (true, true);
                stack.push((to, 0));
            }
        }
    }
    back
}

/// Returns the rank of every node: one more than the highest of those that lead to it.
fn ranks(count: usize, edges: &[(usize, usize, f64)], reversed: &BTreeSet<usize>) -> Vec<usize> {
    let mut waiting = vec![0_usize; count];
    let mut down: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, &(from, to, _)) in edges.iter().enumerate().filter(|(_, (from, to, _))| from != to) {
        let (upper, lower) = if reversed.contains(&index) { (to, from) } else { (from, to) };
        down[upper].push(lower);
        waiting[lower] += 1;
    }
    let mut ranks = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|&node| waiting[node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &lower in &down[node] {
            ranks[lower] = ranks[lower].max(ranks[node] + 1);
            waiting[lower] -= 1;
            if waiting[lower] == 0 {
                ready.push(lower);
            }
        }
    }
    ranks
}

/// Adds the members that an edge needs in the rows between its ends. Returns its members from end to end, and which of
/// them is the label.
fn chain(
    members: &mut Vec<Member>,
    from: usize,
    to: usize,
    label: f64,
    is_reversed: bool,
) -> (Vec<usize>, usize) {
    let (upper, lower) = if is_reversed { (to, from) } else { (from, to) };
    let mut chain = vec![upper];
    let (top, bottom) = (members[upper].row, members[lower].row);
    // The row above the lower end: a fan of edges then has its labels side by side, each above what it is about.
    let labelled = bottom.saturating_sub(1);
    for row in top + 1..bottom {
        members.push(Member::new(row, if row == labelled { label } else { 0.0 }));
        chain.push(members.len() - 1);
    }
    chain.push(lower);
    for pair in chain.windows(2) {
        members[pair[0]].down.push(pair[1]);
        members[pair[1]].up.push(pair[0]);
    }
    let mut place = chain.len().saturating_sub(2);
    if is_reversed {
        chain.reverse();
        place = chain.len() - 1 - place;
    }
    (chain, place)
}

/// Orders every row and gives its members their places.
fn arrange(members: &mut [Member], rows: &mut [Vec<usize>], gap: f64) {
    for row in rows.iter() {
        spread(members, row, &vec![0.0; row.len()], gap);
    }
    for sweep in 0..SWEEPS {
        let is_down = sweep % 2 == 0;
        let order: Vec<usize> =
            if is_down { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        // The last sweeps leave the order alone and only straighten the edges.
        let may_swap = sweep < SWEEPS - 4;
        for index in order {
            let row = &mut rows[index];
            let mut wished: Vec<(f64, usize)> =
                row.iter().map(|&member| (wish(members, member, is_down, may_swap), member)).collect();
            if may_swap {
                wished.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
            *row = wished.iter().map(|&(_, member)| member).collect();
            let wishes: Vec<f64> = wished.into_iter().map(|(x, _)| x).collect();
            spread(members, row, &wishes, gap);
        }
    }
}

/// Returns where a member would like to be: in the middle of its neighbours.
fn wish(members: &[Member], member: usize, is_down: bool, one_side: bool) -> f64 {
    let Member { up, down, x, .. } = &members[member];
    let (first, second) = if is_down { (up, down) } else { (down, up) };
    let mean = |side: &[usize]| {
        (!side.is_empty())
            .then(|| side.iter().map(|&other| members[other].x).sum::<f64>() / side.len() as f64)
    };
    match (mean(first), mean(second)) {
        (Some(near), Some(far)) if !one_side => f64::midpoint(near, far),
        (Some(near), _) => near,
        (None, _) if one_side => *x,
        (None, Some(far)) => far,
        (None, None) => *x,
    }
}

/// Puts the members of a row as near to their wishes as they can be without touching: least squares under the order,
/// by pooling neighbours that would violate it.
fn spread(members: &mut [Member], row: &[usize], wishes: &[f64], gap: f64) {
    let mut offset = 0.0;
    let mut blocks: Vec<(f64, usize)> = Vec::with_capacity(row.len());
    let mut offsets = Vec::with_capacity(row.len());
    for (index, &member) in row.iter().enumerate() {
        if index > 0 {
            offset += (members[row[index - 1]].width + members[member].width) / 2.0 + gap;
        }
        offsets.push(offset);
        let mut block = (wishes[index] - offset, 1);
        while let Some(&(mean, size)) = blocks.last() {
            if mean <= block.0 {
                break;
            }
            blocks.pop();
            let total = size + block.1;
            block = ((mean * size as f64 + block.0 * block.1 as f64) / total as f64, total);
        }
        blocks.push(block);
    }
    let places = blocks.into_iter().flat_map(|(mean, size)| std::iter::repeat_n(mean, size));
    for ((&member, place), offset) in row.iter().zip(places).zip(offsets) {
        members[member].x = place + offset;
    }
}
