//! A camera on Linux that is watched over: every wait has a limit, and whatever happens to
//! it, unplugged, stalled or refused, it is said once and tried again until it is back.

use std::time::{Duration, Instant};

use super::devices::Node;
use super::find::{find, find_again};
use super::modes::ModeRequest;
use super::v4l2::{CameraStream, Dequeued};
use super::{FIRST, STALL};
use crate::error::{Error, Result};
use crate::pipeline::capture::outage::Outage;
use crate::pipeline::capture::{DropCounters, Frame, Pull, Source};

/// How long one wait for a frame lasts.
const PATIENCE: Duration = Duration::from_millis(200);

/// A camera.
pub(crate) struct Camera {
    /// As it was asked for; stands in every record.
    name: String,
    request: ModeRequest,
    node: Option<Node>,
    stream: Option<CameraStream>,
    /// When the last good frame came, or the stream was started.
    alive: Instant,
    patience: Duration,
    outage: Outage,
    drops: DropCounters,
}

impl Camera {
    /// The camera `name` (what follows `camera:`, or a path), to be run as `request` says. It
    /// is opened when the first frame is asked for.
    pub(crate) fn new(name: &str, request: ModeRequest) -> Self {
        Self {
            name: name.to_owned(),
            request,
            node: None,
            stream: None,
            alive: Instant::now(),
            patience: FIRST,
            outage: Outage::default(),
            drops: DropCounters::default(),
        }
    }

    /// Finds and starts the camera for the first time.
    fn open(&mut self) -> Result<()> {
        let node = find(&self.name)?;
        let stream = CameraStream::start(&node.path, &self.request)?;
        log::info!(
            "{} is {} ({}) at {}: {}",
            self.name,
            node.card,
            node.identity,
            node.path.display(),
            stream.mode()
        );
        self.node = Some(node);
        self.watch(stream);
        Ok(())
    }

    fn watch(&mut self, stream: CameraStream) {
        self.stream = Some(stream);
        self.alive = Instant::now();
        self.patience = FIRST;
    }

    /// Gives the stream up. The loss is news only if the camera was not lost before.
    fn lose(&mut self, why: Error) -> Option<Pull> {
        self.stream = None;
        self.outage.begin(why)
    }

    /// One attempt to get the camera back.
    fn retry(&mut self) {
        self.outage.pause();
        let Some(node) = self.node.as_ref().and_then(find_again) else {
            return;
        };
        match CameraStream::start(&node.path, &self.request) {
            Ok(stream) => {
                self.node = Some(node);
                self.watch(stream);
            }
            Err(error) => log::debug!("{error:#}"),
        }
    }

    /// A good frame: the camera is alive, perhaps again.
    fn revive(&mut self) {
        self.alive = Instant::now();
        self.patience = STALL;
        if let (Some(lost), Some(node)) = (self.outage.end(), &self.node) {
            log::info!(
                "{} is back after {:.1} s at {}",
                self.name,
                lost.as_secs_f64(),
                node.path.display()
            );
        }
    }

    /// Waits for what the stream gives; `None` if there is nothing to tell.
    fn watch_stream(&mut self, frame: &mut Frame) -> Option<Pull> {
        let stream = self.stream.as_mut()?;
        match stream.next(PATIENCE, frame, &mut self.drops) {
            Dequeued::Frame => {
                self.revive();
                frame.set_source(&self.name);
                frame.drops = self.drops;
                Some(Pull::Frame)
            }
            Dequeued::Gone(error) => {
                let gone = Error::input(&self.name, "the camera is gone").caused_by(error);
                self.lose(gone)
            }
            Dequeued::Damaged(why) if self.alive.elapsed() < self.patience => {
                Some(Pull::Failed(Error::input(&self.name, why)))
            }
            Dequeued::Nothing if self.alive.elapsed() < self.patience => None,
            dequeued => {
                self.drops.damaged += u64::from(matches!(dequeued, Dequeued::Damaged(_)));
                let silent = self.alive.elapsed().as_secs_f64();
                let what = format!("the camera gave no good frame for {silent:.1} s");
                self.lose(Error::input(&self.name, what))
            }
        }
    }
}

impl Source for Camera {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        if self.node.is_none()
            && let Err(error) = self.open()
        {
            return Pull::Broken(error);
        }
        loop {
            if self.stream.is_none() {
                self.retry();
            }
            if let Some(pull) = self.watch_stream(frame) {
                return pull;
            }
        }
    }
}
