//! What both kinds of benchmark need: frames in memory, and what their times come to.

use std::time::Duration;

use ocelli::pipeline::capture::{self, Frame, Pull, SourceOptions};
use ocelli::{Error, Result};
use serde::Serialize;

use crate::cli::BenchArgs;
use crate::flags::Line;

/// Most frames that are held in memory.
const MAX_FRAMES: usize = 64;
/// The frames that the command line names, read once.
pub(crate) fn frames(args: &BenchArgs) -> Result<Vec<Frame>> {
    let options = SourceOptions {
        max_bytes: args.decode.max_bytes(),
        ..SourceOptions::default()
    };
    let mut source = capture::open(&args.sources, &options)?.source;
    let mut frames = Vec::new();
    while frames.len() < MAX_FRAMES {
        let mut frame = Frame::default();
        match source.next(&mut frame) {
            Pull::Frame => frames.push(frame),
            Pull::Failed(error) | Pull::Lost(error) => log::error!("{}", Line(&error)),
            Pull::Broken(error) => return Err(error),
            Pull::End => break,
        }
    }
    if frames.is_empty() {
        Err(Error::usage("sources", "they give no frame"))
    } else {
        Ok(frames)
    }
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
}

impl Percentiles {
    /// Of these times, at least one.
    pub(crate) fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.collect();
        sorted.sort_unstable();
        let at = |share: f64| {
            sorted[((sorted.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3
        };
        Self {
            min: at(0.0),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
        }
    }
}
