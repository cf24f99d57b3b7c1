//! Newest wins: a thread captures into one slot, and whoever asks gets the newest frame,
//! never an old one. A frame that nobody took before the next one came is dropped, and
//! counted. A replay loses nothing instead: there the thread waits for its turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{DropCounters, Frame, Pull, Source};
use crate::error::Error;

/// What happens to a frame that is not taken before the next one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is dropped.
    Newest,
    /// The next one waits.
    Lossless,
}

#[derive(Default)]
struct Slot {
    frame: Frame,
    fresh: bool,
    /// Frames that the source gave so far.
    captured: u64,
    /// What the source itself left out, and what was left out here.
    source_tally: DropCounters,
    drops: DropCounters,
    /// Both together when the fresh frame came: what is counted later is not its story.
    seen: DropCounters,
    /// Whether the source was lost after the fresh frame came.
    lost_later: bool,
    /// The first fault that nobody has heard of yet; further ones are only counted.
    failed: Option<Error>,
    lost: Option<Error>,
    broken: Option<Error>,
    ended: bool,
    /// Whoever took frames is gone.
    closed: bool,
}

impl Slot {
    fn has_news(&self) -> bool {
        self.fresh
            || self.failed.is_some()
            || self.lost.is_some()
            || self.broken.is_some()
            || self.ended
    }

    /// Enters what the source gave; of its frames only one in `every`.
    fn enter(&mut self, pull: Pull, frame: &mut Frame, every: u64) {
        match pull {
            Pull::Frame => {
                self.source_tally = frame.drops;
                self.captured += 1;
                if !(self.captured - 1).is_multiple_of(every) {
                    self.drops.paced += 1;
                    return;
                }
                self.drops.newer += u64::from(self.fresh);
                std::mem::swap(&mut self.frame, frame);
                self.fresh = true;
                self.lost_later = false;
                self.seen = self.source_tally + self.drops;
            }
            Pull::Failed(error) => {
                self.drops.damaged += 1;
                self.failed.get_or_insert(error);
            }
            Pull::Lost(error) => {
                self.drops.outages += 1;
                self.lost = Some(error);
                self.lost_later = self.fresh;
            }
            Pull::Broken(error) => {
                self.broken = Some(error);
                self.ended = true;
            }
            Pull::End => self.ended = true,
        }
    }
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

/// A source on a thread of its own. The thread is not joined: it may be in a system call
/// that never returns.
pub(crate) struct Newest {
    shared: Arc<Shared>,
}

impl Newest {
    /// Starts capturing from `source`; one frame in `every` counts. Three frames circulate:
    /// the one being captured, the newest, and the one being classified.
    pub(crate) fn start(mut source: Box<dyn Source>, policy: Policy, every: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let capture = shared.clone();
        thread::spawn(move || {
            let mut frame = Frame::default();
            loop {
                // Frames go round: what was reported with the last one is not its own.
                frame.drops = DropCounters::default();
                let pull = catch_unwind(AssertUnwindSafe(|| source.next(&mut frame)))
                    .unwrap_or_else(|_| Pull::Broken(died()));
                let mut slot = capture.slot.lock();
                if policy == Policy::Lossless {
                    capture
                        .changed
                        .wait_while(&mut slot, |slot| slot.fresh && !slot.closed);
                }
                slot.enter(pull, &mut frame, every);
                let over = slot.ended || slot.closed;
                drop(slot);
                capture.changed.notify_all();
                if over {
                    return;
                }
            }
        });
        Self { shared }
    }

    /// Waits for the newest frame, at most for `patience`; `None` if nothing came in time.
    /// Faults come before the frames that were captured after them.
    pub(crate) fn take(&self, frame: &mut Frame, patience: Duration) -> Option<Pull> {
        let mut slot = self.shared.slot.lock();
        self.shared
            .changed
            .wait_while_for(&mut slot, |slot| !slot.has_news(), patience);
        if let Some(error) = slot.failed.take() {
            return Some(Pull::Failed(error));
        }
        if !(slot.fresh && slot.lost_later)
            && let Some(error) = slot.lost.take()
        {
            return Some(Pull::Lost(error));
        }
        if slot.fresh {
            std::mem::swap(&mut slot.frame, frame);
            slot.fresh = false;
            frame.drops = slot.seen;
            frame.live = true;
            drop(slot);
            self.shared.changed.notify_all();
            return Some(Pull::Frame);
        }
        match (slot.broken.take(), slot.ended) {
            (Some(error), _) => Some(Pull::Broken(error)),
            (None, true) => Some(Pull::End),
            (None, false) => None,
        }
    }

    /// Lets frames go by until `until`; they count as left out on purpose.
    pub(crate) fn let_pass(&self, until: Instant) {
        let before = self.shared.slot.lock().drops.newer;
        thread::sleep(until.saturating_duration_since(Instant::now()));
        let mut slot = self.shared.slot.lock();
        let passed = slot.drops.newer - before;
        let Slot { drops, seen, .. } = &mut *slot;
        // A frame passes when the next one comes: the one that is there has seen them all.
        for drops in [drops, seen] {
            drops.paced += passed;
            drops.newer = drops.newer.saturating_sub(passed);
        }
    }

    /// What was not classified so far, as far as capturing knows.
    pub(crate) fn drops(&self) -> DropCounters {
        let slot = self.shared.slot.lock();
        slot.source_tally + slot.drops
    }
}

impl Drop for Newest {
    fn drop(&mut self) {
        self.shared.slot.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

fn died() -> Error {
    Error::input("capture", "the capturing thread died")
        .with_remedy("this is a fault of the program: report it with the message above")
}

#[cfg(test)]
mod tests {
    use super::Newest;
    use crate::error::Error;
    use crate::pipeline::capture::{Frame, Pull};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// What is taken, in order, with what the frames say of damage and outages.
    fn story(newest: &Newest) -> Vec<String> {
        let mut frame = Frame::default();
        let mut story = Vec::new();
        loop {
            story.push(match newest.take(&mut frame, Duration::ZERO) {
                Some(Pull::Frame) => format!("frame, {}", frame.drops),
                Some(Pull::Failed(_)) => "failed".to_owned(),
                Some(Pull::Lost(_)) => "lost".to_owned(),
                _ => return story,
            });
        }
    }

    fn newest(pulls: Vec<Pull>) -> Newest {
        let shared = Arc::default();
        let newest = Newest { shared };
        for pull in pulls {
            let mut slot = newest.shared.slot.lock();
            slot.enter(pull, &mut Frame::default(), 1);
        }
        newest
    }

    fn fault() -> Error {
        Error::input("camera:0", "a fault")
    }

    #[test]
    fn a_frame_that_waits_while_the_source_is_lost_comes_first_and_knows_nothing_of_it() {
        let lost = newest(vec![Pull::Frame, Pull::Lost(fault())]);
        assert_eq!(story(&lost), ["frame, 0", "lost"]);
        assert_eq!(lost.drops().outages, 1);
        let back = newest(vec![Pull::Frame, Pull::Lost(fault()), Pull::Frame]);
        assert_eq!(story(&back), ["lost", "frame, 1 (newer 1), outages 1"]);
        let damaged = newest(vec![Pull::Frame, Pull::Failed(fault())]);
        assert_eq!(story(&damaged), ["failed", "frame, 0"]);
        assert_eq!(damaged.drops().damaged, 1);
    }

    #[test]
    fn what_passes_on_purpose_is_not_counted_as_late() {
        let newest = newest(vec![Pull::Frame, Pull::Frame]);
        std::thread::scope(|scope| {
            let entering = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                let mut slot = newest.shared.slot.lock();
                slot.enter(Pull::Frame, &mut Frame::default(), 1);
            });
            newest.let_pass(Instant::now() + Duration::from_millis(500));
            entering.join().unwrap();
        });
        assert_eq!(story(&newest), ["frame, 2 (newer 1, paced 1)"]);
    }
}
