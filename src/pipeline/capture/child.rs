//! Frames from another program: FFmpeg for network streams and videos, the board's own
//! camera program for cameras behind a ribbon cable. It is watched: one that ends or falls
//! silent is ended and started again, and none outlives us.

mod process;
mod programs;

use std::time::{Duration, Instant};

use super::outage::Outage;
use super::stream::Stream;
use super::{DropCounters, Frame, Pull, Source};
use crate::error::{Error, Result};
pub(crate) use process::ChildHandle;
use process::Process;
pub(crate) use programs::{Program, csi, is_video, network, video, without_password};

/// A program that gave frames and gives none for so long has stalled.
pub(super) const STALL: Duration = Duration::from_secs(5);
/// The first frame may take its time: connecting, waiting for a key frame.
pub(super) const FIRST: Duration = Duration::from_secs(20);

/// A program's frames.
pub(super) struct Child {
    program: Program,
    max_bytes: usize,
    handle: ChildHandle,
    running: Option<Running>,
    outage: Outage,
    /// Whether it was said what is run.
    said: bool,
    /// Whether a frame ever came: until then, a fault is a fault of the command.
    proved: bool,
    /// Whether a finite program has given all it has.
    done: bool,
    drops: DropCounters,
}

struct Running {
    process: Process,
    stream: Stream,
}

impl Child {
    /// The frames of `program`, which is started when the first one is asked for. Encoded
    /// frames have at most `max_bytes`.
    /// Whoever has the `handle` can end it.
    pub(super) fn new(program: Program, max_bytes: usize, handle: ChildHandle) -> Self {
        Self {
            program,
            max_bytes,
            handle,
            running: None,
            outage: Outage::default(),
            said: false,
            proved: false,
            done: false,
            drops: DropCounters::default(),
        }
    }

    fn start(&mut self) -> Result<()> {
        let patience = if self.proved { STALL } else { FIRST };
        let (process, output) = self.handle.start(&self.program, patience)?;
        if !self.said {
            self.said = true;
            log::info!("{}: {}", self.program.source, self.program.said());
        }
        let name = self.program.source.clone();
        let stream = Stream::new(Box::new(output), name, self.program.raw, self.max_bytes);
        self.running = Some(Running { process, stream });
        Ok(())
    }

    fn revive(&mut self, running: &Running) {
        self.proved = true;
        running.process.be_patient_for(STALL);
        if let Some(lost) = self.outage.end() {
            let seconds = lost.as_secs_f64();
            log::info!("{} is back after {seconds:.1} s", self.program.source);
        }
    }

    /// The program gives nothing more: `None` if it is started again without a word. What it
    /// left unfinished (`rest`) is part of the outage of a live source.
    fn over(&mut self, running: Running, stalled: bool, rest: Option<Error>) -> Option<Pull> {
        let silence = running.process.patience();
        let ending = running.process.end();
        if self.handle.is_closed() {
            return Some(Pull::End);
        }
        let name = &self.program.source;
        let error = if stalled {
            let seconds = silence.as_secs();
            Error::input(name, format!("no frame came for {seconds} s"))
        } else {
            Error::input(name, format!("{} {ending}", self.program.name()))
        };
        match (self.program.live, self.proved) {
            (true, true) => self.outage.begin(error),
            (true, false) => Some(Pull::Broken(error)),
            (false, _) => {
                self.done = true;
                Some(match rest {
                    _ if !ending.is_good() => Pull::Failed(error),
                    Some(rest) => Pull::Failed(rest),
                    None => Pull::End,
                })
            }
        }
    }
}

impl Source for Child {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        loop {
            if self.done {
                return Pull::End;
            }
            let Some(mut running) = self.running.take() else {
                self.outage.pause();
                if let Err(error) = self.start() {
                    return Pull::Broken(error);
                }
                continue;
            };
            let asked = Instant::now();
            let over = match running.stream.next(frame) {
                Pull::Frame => {
                    self.revive(&running);
                    frame.drops = self.drops;
                    frame.capture = asked.elapsed();
                    self.running = Some(running);
                    return Pull::Frame;
                }
                Pull::Failed(error) if error.is_io() => self.over(running, true, None),
                Pull::Failed(error) if running.stream.is_over() => {
                    self.over(running, false, Some(error))
                }
                Pull::End => self.over(running, false, None),
                other => {
                    self.running = Some(running);
                    return other;
                }
            };
            if let Some(pull) = over {
                return pull;
            }
        }
    }
}
