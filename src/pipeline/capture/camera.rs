//! A camera on Linux that is watched over: every wait has a limit, and whatever happens to
//! it, unplugged, stalled or refused, it is said once and tried again until it is back.

mod devices;
mod modes;
mod portable;
mod v4l2;

use std::path::Path;
use std::time::{Duration, Instant};

pub use devices::{Node, nodes, nodes_in};
pub use modes::{Coding, Cover, Mode, ModeWish};
pub use portable::Portable;
pub use v4l2::modes as modes_of;

use super::outage::Outage;
use super::{Frame, Pull, Source, Tally};
use crate::error::{Error, Result};
use v4l2::{Got, Stream};

/// How long one wait for a frame lasts.
const PATIENCE: Duration = Duration::from_millis(200);
/// A running camera that gives nothing for so long has stalled.
const STALL: Duration = Duration::from_secs(2);
/// Cameras take their time for the first frame: exposure, USB bandwidth.
const FIRST: Duration = Duration::from_secs(5);

/// A camera.
pub struct Camera {
    /// As it was asked for; stands in every record.
    name: String,
    wish: ModeWish,
    node: Option<Node>,
    stream: Option<Stream>,
    /// When the last good frame came, or the stream was started.
    alive: Instant,
    patience: Duration,
    outage: Outage,
    tally: Tally,
}

impl Camera {
    /// The camera `name` (what follows `camera:`, or a path), to be run as `wish` says. It
    /// is opened when the first frame is asked for.
    pub fn new(name: &str, wish: ModeWish) -> Self {
        Self {
            name: name.to_owned(),
            wish,
            node: None,
            stream: None,
            alive: Instant::now(),
            patience: FIRST,
            outage: Outage::default(),
            tally: Tally::default(),
        }
    }

    /// Finds and starts the camera for the first time.
    fn open(&mut self) -> Result<()> {
        let node = devices::find(&self.name)?;
        let stream = Stream::start(&node.path, &self.wish)?;
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

    fn watch(&mut self, stream: Stream) {
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
        let Some(node) = self.node.as_ref().and_then(devices::find_again) else {
            return;
        };
        match Stream::start(&node.path, &self.wish) {
            Ok(stream) => {
                self.node = Some(node);
                self.watch(stream);
            }
            Err(error) => log::debug!("{error}"),
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
        match stream.next(PATIENCE, frame, &mut self.tally) {
            Got::Frame => {
                self.revive();
                frame.set_source(&self.name);
                frame.tally = self.tally;
                Some(Pull::Frame)
            }
            Got::Gone(error) => {
                let gone = Error::input(&self.name, "the camera is gone").caused_by(error);
                self.lose(gone)
            }
            Got::Damaged(why) if self.alive.elapsed() < self.patience => {
                Some(Pull::Failed(Error::input(&self.name, why)))
            }
            Got::Nothing if self.alive.elapsed() < self.patience => None,
            got => {
                self.tally.damaged += u64::from(matches!(got, Got::Damaged(_)));
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

/// Whether `path` names a video device.
pub fn is_video_device(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.starts_with("/dev") && name.starts_with("video")
    })
}
