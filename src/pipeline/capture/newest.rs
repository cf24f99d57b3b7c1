//! Newest wins: a thread captures into one slot, and whoever asks gets the newest frame,
//! never an old one. A frame that nobody took before the next one came is dropped, and
//! counted. A replay loses nothing instead: there the thread waits for its turn.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::bell::Bell;
use super::persistent::Persistent;
use super::{DropCounters, Frame, Pull};
use crate::error::Error;

/// What happens to a frame that is not taken before the next one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is dropped.
    Newest,
    /// The next one waits.
    Lossless,
}

/// What there is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Nothing yet.
    Nothing,
    /// A frame.
    Frame,
    /// A fault, or the end.
    News,
}

#[derive(Default)]
struct Slot {
    frame: Frame,
    fresh: bool,
    /// No frame is wanted before then: those that come and go meanwhile are left out on
    /// purpose.
    rest: Option<Instant>,
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
    /// Whether it broke after the fresh frame came.
    broken_later: bool,
    ended: bool,
    /// Whoever took frames is gone.
    closed: bool,
}

impl Slot {
    fn waiting(&self) -> Waiting {
        if self.failed.is_some() || self.lost_is_next() || self.broken_is_next() {
            Waiting::News
        } else if self.fresh {
            Waiting::Frame
        } else if self.ended {
            Waiting::News
        } else {
            Waiting::Nothing
        }
    }

    /// A frame that was captured before the source was lost comes first.
    fn lost_is_next(&self) -> bool {
        self.lost.is_some() && !(self.fresh && self.lost_later)
    }

    /// The same for a source that cannot be used.
    fn broken_is_next(&self) -> bool {
        self.broken.is_some() && !(self.fresh && self.broken_later)
    }

    /// What is told of a fault, or of the end, next.
    fn take_news(&mut self) -> Pull {
        let (is_lost, is_broken) = (self.lost_is_next(), self.broken_is_next());
        if let Some(error) = self.failed.take() {
            Pull::Failed(error)
        } else if let Some(error) = self.lost.take_if(|_| is_lost) {
            Pull::Lost(error)
        } else if let Some(error) = self.broken.take_if(|_| is_broken) {
            Pull::Broken(error)
        } else {
            Pull::End
        }
    }

    /// Whether something came that is wanted.
    fn is_wanted(&self) -> bool {
        match self.waiting() {
            Waiting::Nothing => false,
            Waiting::Frame => self.rest.is_none_or(|until| Instant::now() >= until),
            Waiting::News => true,
        }
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
                if self.fresh {
                    match self.rest {
                        Some(_) => self.drops.paced += 1,
                        None => self.drops.newer += 1,
                    }
                }
                std::mem::swap(&mut self.frame, frame);
                self.fresh = true;
                (self.lost_later, self.broken_later) = (false, false);
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
                self.broken_later = self.fresh;
            }
            Pull::End => self.ended = true,
        }
    }
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    /// The slot is empty again, or nobody takes from it any more.
    emptied: Condvar,
}

impl Shared {
    /// Waits for so long, unless nobody takes from it any more; whether somebody does.
    fn pause(&self, wait: Duration) -> bool {
        let mut slot = self.slot.lock();
        self.emptied
            .wait_while_for(&mut slot, |slot| !slot.closed, wait);
        !slot.closed
    }
}

/// A source on a thread of its own. The thread is not joined: it may be in a system call
/// that never returns.
pub(crate) struct Newest {
    shared: Arc<Shared>,
}

impl Newest {
    /// Starts capturing from `source`; one frame in `every` counts, and what comes rings the
    /// `bell`. Three frames circulate: the one being captured, the newest, and the one being
    /// classified, which sources that are taken from in turn share.
    pub(crate) fn start(
        mut source: Persistent,
        policy: Policy,
        every: u64,
        bell: Arc<Bell>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let capture = shared.clone();
        thread::spawn(move || {
            let mut frame = Frame::default();
            loop {
                let pull = source.next(&mut frame, |wait| capture.pause(wait));
                let is_final = matches!(pull, Pull::Broken(_)) && !source.goes_on();
                let mut slot = capture.slot.lock();
                if policy == Policy::Lossless {
                    capture
                        .emptied
                        .wait_while(&mut slot, |slot| slot.fresh && !slot.closed);
                }
                slot.enter(pull, &mut frame, every);
                slot.ended |= is_final;
                let (over, wanted) = (slot.ended || slot.closed, slot.is_wanted());
                drop(slot);
                if wanted {
                    bell.ring();
                }
                if over {
                    return;
                }
            }
        });
        Self { shared }
    }

    /// What [`take`](Self::take) would give.
    pub(crate) fn waiting(&self) -> Waiting {
        self.shared.slot.lock().waiting()
    }

    /// Takes what there is: the newest frame, a fault, the end. Faults come before the frames
    /// that were captured after them.
    pub(crate) fn take(&self, frame: &mut Frame) -> Option<Pull> {
        let mut slot = self.shared.slot.lock();
        match slot.waiting() {
            Waiting::Nothing => None,
            Waiting::News => Some(slot.take_news()),
            Waiting::Frame => {
                std::mem::swap(&mut slot.frame, frame);
                slot.fresh = false;
                frame.drops = slot.seen;
                frame.live = true;
                drop(slot);
                self.shared.emptied.notify_all();
                Some(Pull::Frame)
            }
        }
    }

    /// Whether nothing more comes.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.slot.lock().ended
    }

    /// No frame is wanted before `until`. Those that are replaced before
    /// [`end_rest`](Self::end_rest) count as left out on purpose.
    pub(crate) fn rest(&self, until: Instant) {
        self.shared.slot.lock().rest = Some(until);
    }

    /// Frames are wanted again.
    pub(crate) fn end_rest(&self) {
        self.shared.slot.lock().rest = None;
    }

    /// What was not classified so far, as far as capturing knows.
    pub(crate) fn drops(&self) -> DropCounters {
        let slot = self.shared.slot.lock();
        slot.source_tally + slot.drops
    }
}

#[cfg(test)]
impl Newest {
    /// One that gets only what is entered.
    pub(crate) fn still() -> Self {
        let shared = Arc::default();
        Self { shared }
    }

    /// Enters what a source might give.
    pub(crate) fn enter(&self, pull: Pull) {
        let mut slot = self.shared.slot.lock();
        slot.enter(pull, &mut Frame::default(), 1);
    }
}

impl Drop for Newest {
    fn drop(&mut self) {
        self.shared.slot.lock().closed = true;
        self.shared.emptied.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::Newest;
    use crate::error::Error;
    use crate::pipeline::capture::{Frame, Pull};
    use std::time::{Duration, Instant};

    /// What is taken, in order, with what the frames say of damage and outages.
    fn story(newest: &Newest) -> Vec<String> {
        let mut frame = Frame::default();
        let mut story = Vec::new();
        loop {
            story.push(match newest.take(&mut frame) {
                Some(Pull::Frame) => format!("frame, {}", frame.drops),
                Some(Pull::Failed(_)) => "failed".to_owned(),
                Some(Pull::Lost(_)) => "lost".to_owned(),
                Some(Pull::Broken(_)) => "broken".to_owned(),
                _ => return story,
            });
        }
    }

    fn newest(pulls: Vec<Pull>) -> Newest {
        let newest = Newest::still();
        for pull in pulls {
            newest.enter(pull);
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
        let broken = newest(vec![
            Pull::Frame,
            Pull::Lost(fault()),
            Pull::Broken(fault()),
        ]);
        assert_eq!(story(&broken), ["frame, 0", "lost", "broken"]);
    }

    #[test]
    fn what_passes_on_purpose_is_not_counted_as_late() {
        let newest = newest(vec![Pull::Frame, Pull::Frame]);
        newest.rest(Instant::now() + Duration::from_millis(500));
        newest.enter(Pull::Frame);
        newest.enter(Pull::Frame);
        newest.end_rest();
        newest.enter(Pull::Frame);
        assert_eq!(story(&newest), ["frame, 4 (newer 2, paced 2)"]);
    }
}
