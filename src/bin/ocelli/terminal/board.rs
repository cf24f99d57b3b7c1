//! What a person at a terminal sees of several live sources: a line for each, drawn over and
//! over.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Instant;

use console::{Term, measure_text_width, truncate_str};
use ocelli::Result;
use ocelli::pipeline::write::Inline;
use ocelli::session::{Ending, FrameEvent, LoopStats, Observer};

use super::block::{PERIOD, draw};

/// Columns for a source's name, and for its answer.
const COLUMNS: usize = 24;

/// The lines.
#[derive(Clone)]
pub(crate) struct Board(Rc<RefCell<Lines>>);

struct Lines {
    term: Term,
    rows: Vec<Row>,
    drawn: Option<Instant>,
}

#[derive(Default)]
struct Row {
    name: String,
    answer: String,
    age_ms: f64,
    stats: LoopStats,
}

/// Whoever keeps one line up to date.
struct BoardRow {
    board: Board,
    place: usize,
}

impl Board {
    /// A board without lines.
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(Lines {
            term: Term::stdout(),
            rows: Vec::new(),
            drawn: None,
        })))
    }

    /// Adds a line for the source `name`, for whoever is told of it.
    pub(crate) fn add(&self, name: &str) -> Box<dyn Observer> {
        let mut lines = self.0.borrow_mut();
        lines.rows.push(Row {
            name: Inline(name).to_string(),
            ..Row::default()
        });
        Box::new(BoardRow {
            place: lines.rows.len() - 1,
            board: self.clone(),
        })
    }
}

impl Observer for BoardRow {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        let (record, best) = (event.record, event.record.decision.best);
        let label = match (record.decision.unknown, event.context.independent) {
            (false, _) => Inline(&event.context.labels[best.index]).to_string(),
            (true, false) => "unknown".to_owned(),
            (true, true) => "none".to_owned(),
        };
        let row = &mut self.board.0.borrow_mut().rows[self.place];
        row.answer = format!("{} {:.2}", column(&label, COLUMNS), best.score);
        row.age_ms = record.frame_age.unwrap_or_default().as_secs_f64() * 1e3;
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        let mut lines = self.board.0.borrow_mut();
        lines.rows[self.place].stats = *stats;
        if lines.drawn.is_some_and(|drawn| drawn.elapsed() < PERIOD) {
            return Ok(());
        }
        lines.drawn = Some(Instant::now());
        let mut block = String::new();
        for row in &lines.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(block, "{}", row.line());
        }
        draw(&lines.term, &block)
    }
}

impl Row {
    fn line(&self) -> String {
        let stats = &self.stats;
        let name = column(&self.name, COLUMNS);
        let state = match (stats.ending, stats.lost) {
            (Some(Ending::Broken), _) => return format!("{name} cannot be used"),
            (Some(Ending::Over), _) => "over".to_owned(),
            (None, Some(lost)) => format!("lost for {:.1} s", lost.elapsed().as_secs_f64()),
            (None, None) => {
                let fps = stats.fps.unwrap_or_default();
                format!("{fps:.1} per second, age {:.1} ms", self.age_ms)
            }
        };
        let (answer, classified) = (&self.answer, stats.classified);
        format!(
            "{name} {answer}  {state}; {classified} frames, dropped {}",
            stats.drops
        )
    }
}

/// `text` in so many columns.
fn column(text: &str, columns: usize) -> String {
    let text = truncate_str(text, columns, "…");
    let pad = " ".repeat(columns.saturating_sub(measure_text_width(&text)));
    format!("{text}{pad}")
}
