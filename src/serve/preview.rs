//! Pictures for viewers: what the model looks at, as a small JPEG. Made only while somebody
//! watches, on one thread for all sources: however many are watched, viewers then cost one
//! core at most, and there is one decoder in memory. A camera's own JPEGs that are small
//! enough are passed on as they are.

mod encoder;

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::pipeline::capture::Frame;
use crate::pipeline::preprocess::Framing;
use crate::priority::lower_priority;
use crate::throttle::ThrottledLog;
use encoder::Encoder;

/// What viewers get.
#[derive(Clone, Copy, Debug)]
pub struct PreviewOptions {
    /// Pictures per second of a source at most.
    pub fps: f64,
    /// Pixels of the longer side at most.
    pub side: usize,
    /// Larger pictures are refused.
    pub max_pixels: usize,
}

/// A picture for viewers.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    /// Whose answer goes with it: its own frame's, or that which still stood then.
    pub(crate) frame: u64,
    pub(crate) jpeg: Bytes,
}

/// Frames to encode next.
struct Waiting {
    /// The newest of each source, until it is taken.
    frames: Vec<Option<Frame>>,
    /// Buffers for more of them: of all sources, as many as ever waited at a time.
    spare: Vec<Frame>,
    /// The source whose turn it was last.
    last: usize,
    closed: bool,
}

impl Waiting {
    /// The source whose turn it is, and its frame.
    fn take(&mut self) -> Option<(usize, Frame)> {
        let count = self.frames.len();
        let mut in_turn = (1..=count).map(|step| (self.last + step) % count);
        let source = in_turn.find(|source| self.frames[*source].is_some())?;
        self.last = source;
        Some((source, self.frames[source].take()?))
    }
}

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Shared {
    /// Waits for the next frame, for which `before` is given back; nothing when there will be
    /// none.
    fn next(&self, before: Option<Frame>) -> Option<(usize, Frame)> {
        let mut waiting = self.waiting.lock();
        waiting.spare.extend(before);
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(next) = waiting.take() {
                return Some(next);
            }
            self.changed.wait(&mut waiting);
        }
    }
}

/// The way to the thread.
pub(crate) struct PreviewEncoder {
    shared: Arc<Shared>,
}

impl PreviewEncoder {
    /// Starts the thread, which passes pictures, JPEGs, of the sources that are looked at
    /// through `framings` to `show`.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn start(
        options: &PreviewOptions,
        framings: &[Framing],
        show: impl Fn(usize, Shown) + Send + 'static,
    ) -> Result<Self> {
        let waiting = Waiting {
            frames: framings.iter().map(|_| None).collect(),
            spare: Vec::new(),
            last: 0,
            closed: false,
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting),
            changed: Condvar::new(),
        });
        let mut encoder = Encoder::new(options, framings)?;
        let mut failures: Vec<_> = framings.iter().map(|_| ThrottledLog::default()).collect();
        let theirs = shared.clone();
        thread::Builder::new()
            .name("preview".into())
            .spawn(move || {
                lower_priority();
                let mut before = None;
                while let Some((source, frame)) = theirs.next(before.take()) {
                    match encoder.encode(source, &frame) {
                        Ok(jpeg) => show(
                            source,
                            Shown {
                                frame: frame.number,
                                jpeg,
                            },
                        ),
                        Err(error) => {
                            failures[source].warn(format_args!("no picture for viewers: {error:#}"))
                        }
                    }
                    before = Some(frame);
                }
            })
            .map_err(|e| Error::engine("viewers", "their thread cannot be started").caused_by(e))?;
        Ok(Self { shared })
    }

    /// Has a copy of a frame of this source encoded, unless a newer one comes before its turn.
    /// The picture goes with the record of frame `number`.
    pub(crate) fn submit(&self, source: usize, frame: &Frame, number: u64) {
        let mut waiting = self.shared.waiting.lock();
        let spare = waiting.frames[source]
            .take()
            .or_else(|| waiting.spare.pop());
        let mut copy = spare.unwrap_or_default();
        copy.number = number;
        copy.bytes.clone_from(&frame.bytes);
        copy.encoding = frame.encoding;
        copy.source.clone_from(&frame.source);
        waiting.frames[source] = Some(copy);
        drop(waiting);
        self.shared.changed.notify_one();
    }
}

impl Drop for PreviewEncoder {
    fn drop(&mut self) {
        self.shared.waiting.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Waiting};

    #[test]
    fn sources_take_turns_and_one_that_always_waits_starves_nobody() {
        let mut waiting = Waiting {
            frames: vec![None, Some(Frame::default()), Some(Frame::default())],
            spare: Vec::new(),
            last: 0,
            closed: false,
        };
        let mut turns = Vec::new();
        while let Some((source, _)) = waiting.take() {
            turns.push(source);
            if turns.len() < 4 {
                waiting.frames[1] = Some(Frame::default());
            }
        }
        assert_eq!(turns, [1, 2, 1, 1]);
    }
}
