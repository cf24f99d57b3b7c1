//! Decides in the live loop which frames there is reason to keep. It takes no memory for those
//! that there is none for, and waits for nothing: where the disk is behind, frames are left
//! out.

use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::doubt::Doubt;
use super::novelty::Novelty;
use super::reason::{Reason, Reasons, RingCounts};
use super::sample::Sample;
use super::sighting::Sighting;
use super::{Message, Ring};
use crate::error::Result;
use crate::model::Model;
use crate::pipeline::capture::Frame;
use crate::pipeline::record::{Context, Record};
use crate::session::{FrameEvent, Observer};
use crate::throttle::ThrottledLog;

/// Time between two frames that are looked at more closely for the same reason. Frames in
/// between are the same moment.
const BETWEEN: Duration = Duration::from_millis(500);

/// Keeps frames of one source.
pub struct Keeper {
    ring: Ring,
    /// The place of its source.
    source: usize,
    counts: Arc<RingCounts>,
    known: Known,
    sample: Sample,
    /// By reason, when a frame was last handed on for it.
    handed_on: [Option<Instant>; 6],
    behind: ThrottledLog,
    /// Whether the ring's thread died.
    is_over: bool,
}

/// What the model says about its answers.
struct Known {
    model: Option<Arc<Model>>,
    doubt: Doubt,
    novelty: Option<Novelty>,
}

impl Known {
    fn new(context: &Context) -> Self {
        let manifest = context.loaded.as_ref().map(|model| &model.manifest);
        Self {
            doubt: manifest.map_or(Doubt::Exclusive(None), Doubt::new),
            novelty: manifest.and_then(Novelty::new),
            model: context.loaded.clone(),
        }
    }
}

impl Keeper {
    pub(super) fn new(
        ring: &Ring,
        source: usize,
        counts: Arc<RingCounts>,
        context: &Context,
    ) -> Self {
        let known = Known::new(context);
        if known.novelty.is_none() {
            log::info!(
                "{} does not say how its features are spread: no frames are kept as novel",
                context.model
            );
        }
        Self {
            ring: ring.clone(),
            source,
            counts,
            known,
            sample: Sample::new(ring.options.sample, Rng::new()),
            handed_on: [None; 6],
            behind: ThrottledLog::default(),
            is_over: false,
        }
    }

    /// How many frames were kept, for whoever tells it.
    pub fn counts(&self) -> Arc<RingCounts> {
        self.counts.clone()
    }

    /// Why the frame is worth keeping.
    fn reasons(&mut self, event: &FrameEvent, distance: Option<f32>) -> Reasons {
        let Record {
            decision, health, ..
        } = event.record;
        let Known { doubt, novelty, .. } = &self.known;
        let is_novel = novelty.as_ref().zip(distance);
        let mut reasons = Reasons::default();
        reasons.add(Reason::Random, self.sample.takes(event.frame.instant));
        reasons.add(Reason::Unhealthy, !health.is_empty());
        reasons.add(Reason::Novel, is_novel.is_some_and(|(n, d)| n.is_novel(d)));
        reasons.add(
            Reason::Unsure,
            doubt.is_close(&event.scores.0, event.record),
        );
        let before = decision.change.and_then(|change| change.before);
        reasons.add(Reason::Changed, before.is_some());
        reasons
    }

    /// Those for which no frame was handed on a moment ago.
    fn due(&self, reasons: Reasons, at: Instant) -> Reasons {
        let mut due = reasons;
        for reason in reasons.iter().filter(|reason| *reason != Reason::Random) {
            let last = self.handed_on[reason as usize];
            if last.is_some_and(|last| at.saturating_duration_since(last) < BETWEEN) {
                due.remove(reason);
            }
        }
        due
    }

    fn hand_on(&mut self, sighting: Sighting) {
        let (reasons, at) = (sighting.reasons, sighting.frame.instant);
        let queue = self.ring.thread.queue.as_ref();
        let message = Message::Frame(Box::new(sighting));
        match queue.map(|queue| queue.try_send(message)) {
            Some(Ok(())) => {
                for reason in reasons.iter() {
                    self.handed_on[reason as usize] = Some(at);
                }
            }
            Some(Err(TrySendError::Full(_))) => {
                self.behind.warn(format_args!(
                    "{}: the disk is too slow: frames worth keeping are left out",
                    self.ring.options.folder.display()
                ));
                if let Some(reason) = reasons.first() {
                    self.counts.count_missed(reason);
                }
                if reasons.first() == Some(Reason::Random) {
                    self.sample.take_again(at);
                }
            }
            Some(Err(TrySendError::Disconnected(_))) | None => self.is_over = true,
        }
    }
}

impl Observer for Keeper {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        if self.is_over {
            return Ok(());
        }
        let FrameEvent { frame, record, .. } = event;
        let novelty = self.known.novelty.as_ref();
        let distance = novelty.and_then(|n| n.distance(&record.embedding, &event.scores.0));
        let reasons = self.reasons(event, distance);
        let due = self.due(reasons, frame.instant);
        if due.first().is_none() {
            if let Some(reason) = reasons.first() {
                self.counts.count_dropped(reason);
            }
            return Ok(());
        }
        self.hand_on(Sighting {
            source: self.source,
            reasons: due,
            frame: Frame {
                source: frame.source.clone(),
                bytes: frame.bytes.clone(),
                encoding: frame.encoding,
                time: frame.time,
                instant: frame.instant,
                ..Frame::default()
            },
            scores: event.scores.0.clone(),
            embedding: record.embedding.clone(),
            distance,
            health: (!record.health.is_empty()).then(|| record.health.join(";")),
            record: event.json()?,
            model: self.known.model.clone(),
        });
        Ok(())
    }

    fn on_model(&mut self, context: &Context) {
        self.known = Known::new(context);
    }
}
