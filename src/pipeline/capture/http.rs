//! A camera's web address. What it is, its answer says: one picture, which is asked for
//! again and again; pictures one after the other; or a video, which FFmpeg reads. Pictures
//! come to the decoder as the camera made them, without a program in between.

mod ask;

use std::thread;
use std::time::{Duration, Instant};

use super::child::{self, Child, ChildHandle, FIRST, STALL};
use super::outage::Outage;
use super::stream::Stream;
use super::{Encoding, Frame, Pull, Source};
use crate::error::{Error, Result};
use ask::{Answer, Client};

/// Pictures per second that are asked for, unless another rate is given: small cameras take
/// most of a second for one.
const USUAL_RATE: f64 = 1.0;

/// What is behind an address.
pub(super) struct Http {
    url: String,
    client: Client,
    interval: Duration,
    max_bytes: usize,
    handle: ChildHandle,
    state: State,
    outage: Outage,
    /// Whether a frame ever came: until then, a fault is a fault of the address.
    proved: bool,
}

enum State {
    /// It is not known, or no longer.
    Unasked,
    /// One picture, to be asked for then.
    Picture(Instant),
    /// Pictures one after the other.
    Pictures(Box<Stream>),
    /// FFmpeg reads it.
    Video(Box<Child>),
}

impl Http {
    /// What is behind `url`, which is asked when the first frame is. A single picture is
    /// asked for `rate` times per second; encoded frames have at most `max_bytes`.
    ///
    /// # Errors
    /// It is no address.
    pub(super) fn new(
        url: &str,
        rate: Option<f64>,
        max_bytes: usize,
        handle: ChildHandle,
    ) -> Result<Self> {
        Ok(Self {
            client: Client::new(url, max_bytes)?,
            url: url.to_owned(),
            interval: Duration::from_secs_f64(1.0 / rate.unwrap_or(USUAL_RATE)),
            max_bytes,
            handle,
            state: State::Unasked,
            outage: Outage::default(),
            proved: false,
        })
    }

    /// Asks; `None` if what comes is not here yet.
    fn ask(&mut self, frame: &mut Frame) -> Option<Pull> {
        self.outage.pause();
        let asked = Instant::now();
        let patience = if self.proved { STALL } else { FIRST };
        if !self.proved {
            self.client.meet(patience);
        }
        match self.client.ask(patience, &mut frame.bytes) {
            Ok(Answer::Picture) => {
                let name = self.client.name();
                if !self.proved {
                    let seconds = self.interval.as_secs_f64();
                    log::info!("{name} is one picture: it is asked for every {seconds:.3} s");
                }
                self.state = State::Picture(asked + self.interval);
                frame.encoding = Encoding::File;
                frame.set_source(name);
                frame.stamp(asked);
                self.revive();
                Some(Pull::Frame)
            }
            Ok(Answer::Pictures(stream)) => {
                self.state = State::Pictures(stream);
                None
            }
            Ok(Answer::Video) => {
                match child::network(&self.url) {
                    Ok(program) => {
                        let child = Child::new(program, self.max_bytes, self.handle.clone());
                        self.state = State::Video(Box::new(child));
                    }
                    Err(error) => return Some(Pull::Broken(error)),
                }
                None
            }
            Err(error) => self.lose(error),
        }
    }

    fn revive(&mut self) {
        self.proved = true;
        if let Some(lost) = self.outage.end() {
            let seconds = lost.as_secs_f64();
            log::info!("{} is back after {seconds:.1} s", self.client.name());
        }
    }

    fn lose(&mut self, why: Error) -> Option<Pull> {
        self.state = State::Unasked;
        if self.proved {
            self.outage.begin(why)
        } else {
            Some(Pull::Broken(why))
        }
    }
}

impl Source for Http {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        loop {
            let pull = match &mut self.state {
                State::Unasked => self.ask(frame),
                State::Picture(due) => {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    self.ask(frame)
                }
                State::Video(child) => return child.next(frame),
                State::Pictures(stream) => match stream.next(frame) {
                    Pull::Frame => {
                        self.revive();
                        return Pull::Frame;
                    }
                    Pull::Failed(error) if error.is_io() || stream.is_over() => self.lose(error),
                    Pull::End => {
                        let ended = Error::input(self.client.name(), "the stream ended");
                        self.lose(ended)
                    }
                    other => return other,
                },
            };
            if let Some(pull) = pull {
                return pull;
            }
        }
    }
}
