//! SVG: draws a graph as a document that needs nothing else, the same for the same graph. Each box names its group in
//! words, so that nothing depends on colour.

use std::fmt::Write;

use super::{
    Graph, Stroke,
    layout::{Input, Way, layout},
};

const MARGIN: f64 = 24.0;
const GAP: f64 = 24.0;
const BOX: f64 = 46.0;
const LABEL: f64 = 18.0;
const BETWEEN: f64 = 22.0;
const TITLE: f64 = 40.0;
/// The fill of the boxes of each group; more groups begin anew.
const FILLS: [&str; 6] = ["#e8f0fe", "#e6f4ea", "#fef7e0", "#fce8e6", "#f3e8fd", "#e4f7fb"];

/// Returns the document.
pub(super) fn render(graph: &Graph) -> String {
    let places = graph.places();
    let edges: Vec<_> = graph
        .edges
        .iter()
        .filter_map(|edge| Some((edge, *places.get(edge.from.as_str())?, *places.get(edge.to.as_str())?)))
        .filter(|(_, from, to)| from != to)
        .collect();
    let widths: Vec<f64> = graph.nodes.iter().map(|node| box_width(graph, node)).collect();
    let input = Input {
        widths: widths.clone(),
        edges: edges.iter().map(|(edge, from, to)| (*from, *to, text_width(&edge.label, 11.0))).collect(),
        gap: GAP,
    };
    let layout = layout(&input);
    let width = (layout.width + 2.0 * MARGIN).max(text_width(&graph.title, 18.0) + 2.0 * MARGIN).ceil();
    let height = (top(layout.rows) - BETWEEN + MARGIN).max(TITLE + 2.0 * MARGIN).ceil();
    let mut out = String::new();
    let title = escape(&graph.title);
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{title}" font-family="DejaVu Sans, Verdana, sans-serif">"#
    );
    let _ = writeln!(out, "<title>{title}</title>");
    out.push_str(concat!(
        r##"<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" "##,
        r##"orient="auto"><path d="M0 0 10 5 0 10z" fill="#5f6368"/></marker></defs>"##,
        "\n"
    ));
    let _ = writeln!(out, r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##);
    let _ = writeln!(
        out,
        r##"<text x="{MARGIN}" y="{}" font-size="18" font-weight="bold" fill="#202124">{title}</text>"##,
        MARGIN + 14.0
    );
    for ((edge, ..), way) in edges.iter().zip(&layout.edges) {
        line(&mut out, way, edge.stroke);
    }
    for ((edge, ..), way) in edges.iter().zip(&layout.edges) {
        edge_label(&mut out, way, &edge.label);
    }
    for ((node, &(row, x)), &width) in graph.nodes.iter().zip(&layout.nodes).zip(&widths) {
        let (x, y) = (x + MARGIN, top(row));
        let fill = node.group.map_or("#f1f3f4", |group| FILLS[group % FILLS.len()]);
        let _ = writeln!(
            out,
            r##"<rect x="{:.1}" y="{y:.1}" width="{width:.1}" height="{BOX}" rx="6" fill="{fill}" stroke="#5f6368"/>"##,
            x - width / 2.0
        );
        let group = node.group.and_then(|group| graph.groups.get(group));
        let below = if group.is_some() { 20.0 } else { 27.5 };
        text(&mut out, x, y + below, 13, "#202124", &node.label);
        if let Some(group) = group {
            text(&mut out, x, y + 36.0, 10, "#5f6368", group);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Returns the upper edge of a row.
fn top(row: usize) -> f64 {
    let (boxes, labels) = (row.div_ceil(2) as f64, (row / 2) as f64);
    MARGIN + TITLE + boxes * (BOX + BETWEEN) + labels * (LABEL + BETWEEN)
}

fn row_height(row: usize) -> f64 {
    if row.is_multiple_of(2) { BOX } else { LABEL }
}

fn line(out: &mut String, way: &Way, stroke: Stroke) {
    let is_up = way.points.first().map(|point| point.0) > way.points.last().map(|point| point.0);
    let last = way.points.len() - 1;
    let mut path = String::new();
    for (index, &(row, x)) in way.points.iter().enumerate() {
        let (x, upper) = (x + MARGIN, top(row));
        let (enter, leave) =
            if is_up { (upper + row_height(row), upper) } else { (upper, upper + row_height(row)) };
        if index == 0 {
            let _ = write!(path, "M{x:.1} {leave:.1}");
            continue;
        }
        let (before_row, before) = way.points[index - 1];
        let before_upper = top(before_row);
        let left = if is_up { before_upper } else { before_upper + row_height(before_row) };
        let middle = f64::midpoint(left, enter);
        let _ = write!(path, " C{:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {enter:.1}", before + MARGIN);
        if index < last {
            let _ = write!(path, " L{x:.1} {leave:.1}");
        }
    }
    let dashes = match stroke {
        Stroke::Solid => "",
        Stroke::Dashed => r#" stroke-dasharray="6 4""#,
    };
    let _ = writeln!(
        out,
        r##"<path d="{path}" fill="none" stroke="#5f6368" stroke-width="1.2"{dashes} marker-end="url(#arrow)"/>"##
    );
}

fn edge_label(out: &mut String, way: &Way, label: &str) {
    if label.is_empty() {
        return;
    }
    let (row, x) = way.points[way.label];
    let (x, y, width) = (x + MARGIN, top(row), text_width(label, 11.0));
    let _ = writeln!(
        out,
        r##"<rect x="{:.1}" y="{y:.1}" width="{width:.1}" height="{LABEL}" fill="#ffffff"/>"##,
        x - width / 2.0
    );
    text(out, x, y + 13.0, 11, "#3c4043", label);
}

fn text(out: &mut String, x: f64, y: f64, size: u32, fill: &str, text: &str) {
    let _ = writeln!(
        out,
        r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="middle" fill="{fill}">{}</text>"#,
        escape(text)
    );
}

fn box_width(graph: &Graph, node: &super::Node) -> f64 {
    let group = node.group.and_then(|group| graph.groups.get(group)).map_or("", String::as_str);
    text_width(&node.label, 13.0).max(text_width(group, 10.0)).max(64.0) + 20.0
}

/// Returns how wide a text is at most. The wide sans-serif fonts of all systems need less than this on average; signs
/// beyond Latin get a full square.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if c.is_ascii() { 0.62 } else { 1.0 }).sum::<f64>() * size
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML has no way to write most of these.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
