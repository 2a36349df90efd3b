//! Colours: they repeat what the words say. Where they are not wanted they are taken out on the way to the screen.

use anstyle::{AnsiColor, Color, Style};

/// What went wrong.
pub(crate) const ERROR: Style = colour(AnsiColor::Red).bold();
/// What may be wrong.
pub(crate) const WARNING: Style = colour(AnsiColor::Yellow).bold();
/// What to do.
pub(crate) const HINT: Style = colour(AnsiColor::Cyan);
/// What comes.
pub(crate) const CREATE: Style = colour(AnsiColor::Green);
/// What changes.
pub(crate) const CHANGE: Style = colour(AnsiColor::Yellow);
/// What goes.
pub(crate) const DELETE: Style = colour(AnsiColor::Red);
/// What is less important.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Returns a text in a style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}
