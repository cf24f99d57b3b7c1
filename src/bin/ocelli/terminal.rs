//! What a person at a terminal sees of a live source: one block that is drawn over and
//! over, instead of lines that run away.

mod block;
mod board;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use console::{Term, measure_text_width, style, truncate_str};

use ocelli::Result;
use ocelli::pipeline::UnknownReason;
use ocelli::pipeline::record::{Context, Record};
use ocelli::pipeline::write::Inline;
use ocelli::session::LoopStats;

pub(crate) use block::make_way;
use block::{PERIOD, draw};
pub(crate) use board::Board;

/// Columns of the longest bar.
const BAR: usize = 30;
/// Columns for a label.
const LABEL: usize = 24;

/// The block.
pub(crate) struct TerminalView {
    term: Term,
    context: Context,
    source: String,
    drawn: Option<Instant>,
    bars: String,
    stages: String,
}

impl TerminalView {
    /// A block on standard output.
    pub(crate) fn new(context: Context) -> Self {
        Self {
            term: Term::stdout(),
            context,
            source: String::new(),
            drawn: None,
            bars: String::new(),
            stages: String::new(),
        }
    }

    /// The records are another model's from now on.
    pub(crate) fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    /// Takes a record in; it is shown with the next drawing.
    pub(crate) fn enter(&mut self, record: &Record) {
        self.source.clone_from(&record.source);
        self.bars.clear();
        let unknown = record.decision.unknown;
        for candidate in &record.top {
            let name = Inline(&self.context.labels[candidate.index]).to_string();
            let name = truncate_str(&name, LABEL, "…").into_owned();
            let pad = " ".repeat(LABEL.saturating_sub(measure_text_width(&name)));
            let filled = ((candidate.score * BAR as f32).round() as usize).min(BAR);
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
            let decided = record.shows(candidate.index, &self.context);
            let name = if decided {
                style(name).bold()
            } else {
                style(name)
            };
            // Writing to a String cannot fail.
            let _ = writeln!(self.bars, "{name}{pad} {bar} {:.2}", candidate.score);
        }
        if unknown {
            self.bars.push_str(match record.decision.unknown_reason {
                _ if self.context.independent => "no label is there\n",
                Some(UnknownReason::Distance) => "the answer is unknown by distance\n",
                Some(UnknownReason::Both) => "the answer is unknown by score and distance\n",
                _ => "the answer is unknown\n",
            });
        }
        let ms = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1e3);
        let timing = record.timing;
        self.stages = format!(
            "age {} ms: capture {}, decode {}, preprocess {}, inference {}",
            record.frame_age.map_or_else(|| "?".into(), ms),
            ms(timing.capture),
            ms(timing.decode),
            ms(timing.preprocess),
            ms(timing.inference),
        );
    }

    /// Draws the block, if it is time to.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn draw(&mut self, stats: &LoopStats) -> Result<()> {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < PERIOD) {
            return Ok(());
        }
        self.drawn = Some(Instant::now());
        draw(&self.term, &self.block(stats))
    }

    fn block(&self, stats: &LoopStats) -> String {
        let LoopStats {
            classified,
            drops,
            lost,
            fps,
            ..
        } = stats;
        let fps = fps.unwrap_or_default();
        let identity = &self.context.identity;
        let mut block = format!("{}{}\n", self.bars, self.stages);
        let _ = writeln!(
            block,
            "{} on {} ({}), {}: {classified} frames, {fps:.1} per second",
            self.context.model,
            identity.engine,
            identity.provider,
            Inline(&self.source),
        );
        let _ = writeln!(block, "dropped {drops}");
        if let Some(lost) = lost {
            let seconds = lost.elapsed().as_secs_f64();
            let _ = writeln!(block, "the source is lost for {seconds:.1} s");
        }
        block
    }
}
