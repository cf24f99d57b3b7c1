//! Newest wins: a thread captures into one slot, and whoever asks gets the newest frame.
//! A frame that nobody took before the next one came is dropped, and counted.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Frame, Pull, Source};
use crate::error::Error;

#[derive(Default)]
struct Slot {
    frame: Frame,
    fresh: bool,
    dropped: u64,
    failures: Vec<Error>,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        // The slot is whole at every point at which a holder could have panicked.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live source on a thread of its own.
pub struct Live {
    shared: Arc<Shared>,
}

impl Live {
    /// Starts capturing from `source`. Three frames circulate: the one being captured, the
    /// newest, and the one being classified.
    pub fn start(mut source: Box<dyn Source>) -> Self {
        let shared = Arc::new(Shared::default());
        let capture = shared.clone();
        thread::spawn(move || {
            let mut frame = Frame::default();
            loop {
                let pull = source.next(&mut frame);
                let mut slot = capture.lock();
                match pull {
                    Pull::Frame => {
                        slot.dropped += u64::from(slot.fresh);
                        std::mem::swap(&mut slot.frame, &mut frame);
                        slot.fresh = true;
                    }
                    Pull::Failed(error) => slot.failures.push(error),
                    Pull::End => slot.ended = true,
                }
                let ended = slot.ended;
                drop(slot);
                capture.changed.notify_one();
                if ended {
                    return;
                }
            }
        });
        Self { shared }
    }
}

impl Source for Live {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let waiting = |slot: &mut Slot| !slot.fresh && slot.failures.is_empty() && !slot.ended;
        let slot = self.shared.lock();
        let mut slot = self
            .shared
            .changed
            .wait_while(slot, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        if !slot.failures.is_empty() {
            return Pull::Failed(slot.failures.remove(0));
        }
        if !slot.fresh {
            return Pull::End;
        }
        std::mem::swap(&mut slot.frame, frame);
        slot.fresh = false;
        frame.dropped = slot.dropped;
        frame.live = true;
        Pull::Frame
    }
}
