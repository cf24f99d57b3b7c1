//! A block of lines that is drawn over and over, and makes way for messages.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use console::{Term, truncate_str};
use ocelli::{Error, Result};
use parking_lot::Mutex;

/// Time between drawings: faster is not read, and costs.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// Lines of the block on the screen, shared with whoever writes messages between.
static SHOWN: Mutex<usize> = Mutex::new(0);

/// Takes the block off the screen, so that a message can be written in its place. It
/// comes back with its next drawing.
pub(crate) fn make_way() {
    let mut shown = SHOWN.lock();
    // Where the terminal is gone, nothing is in the way.
    let _ = Term::stdout().clear_last_lines(std::mem::take(&mut *shown));
}

/// Draws `block` over what was drawn before, each line cut to the terminal's width.
///
/// # Errors
/// The terminal is gone.
pub(super) fn draw(mut term: &Term, block: &str) -> Result<()> {
    let width = usize::from(term.size().1).max(20) - 1;
    let mut lines = 0;
    let mut out = String::new();
    for line in block.lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", truncate_str(line, width, "…"));
        lines += 1;
    }
    let mut shown = SHOWN.lock();
    let drawn = term
        .clear_last_lines(*shown)
        .and_then(|()| term.write_all(out.as_bytes()))
        .and_then(|()| term.flush());
    *shown = lines;
    drawn.map_err(|e| Error::output("terminal", "cannot be written").caused_by(e))
}
