//! Decisions for an MQTT broker, under one topic:
//!
//! | topic | what | retained |
//! |-|-|-|
//! | `TOPIC/decision` | the record as JSON, whenever the decision changes and at a heartbeat | yes |
//! | `TOPIC/status` | `{"problem":"OFF","fps":29.9,…}` at a heartbeat, and when the source is lost or back | yes |
//! | `TOPIC/availability` | `online`, and by last will `offline` | yes |
//! | `homeassistant/device/…/config` | Home Assistant's discovery | yes |
//!
//! Changes are sent at least once, in order, whatever becomes of the broker: they wait in
//! a spool on disk until the broker has acknowledged them. The loop never waits for any
//! of this; it hands its words to a thread.

mod address;
mod discovery;
mod publisher;
mod spool;

use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc::{Sender, channel, error::TrySendError};

use super::{Audience, Moment};
use crate::error::{Error, Result};
use crate::pipeline::live::Standing;
use crate::pipeline::write::Context;
use crate::seldom::Seldom;
pub use address::Address;
use publisher::Publisher;
use spool::Spool;

/// Words that wait for the thread at most. It only writes small files, so they are many
/// seconds' worth.
const WAITING: usize = 1024;
/// How long the thread may take to say good-bye.
const PARTING: Duration = Duration::from_secs(2);

/// How a broker is used.
#[derive(Clone, Debug)]
pub struct MqttOptions {
    /// Where it is, and the topic.
    pub address: Address,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// Whom to trust, as PEM, instead of the system's authorities.
    pub ca: Option<PathBuf>,
    /// Time between two messages while nothing changes.
    pub heartbeat: Duration,
    /// Where changes wait for the broker; a folder for this topic alone.
    pub spool: Option<PathBuf>,
    /// Changes that wait at most; the oldest make room.
    pub spool_limit: usize,
    /// The topic under which Home Assistant looks for devices; empty for none.
    pub discovery: String,
}

/// What the thread is told.
enum Word {
    /// The decision changed: the record.
    Change(Bytes),
    /// Nothing changed for a while: the record.
    Beat(Bytes),
    /// How the source is.
    Status(Bytes),
    /// Another model: the discovery message.
    Discovery(Bytes),
}

/// The audience: hands words to the thread that talks with the broker.
pub struct Mqtt {
    words: Option<Sender<Word>>,
    thread: Option<JoinHandle<()>>,
    options: MqttOptions,
    beat: Instant,
    reported: Option<(Instant, bool)>,
    full: Seldom,
}

impl Mqtt {
    /// Begins to talk with the broker; it need not be there yet.
    ///
    /// # Errors
    /// A file cannot be read; another program uses the spool.
    pub fn new(options: MqttOptions, context: &Context) -> Result<Self> {
        let spool = Spool::open(&options)?;
        let publisher = Publisher::new(&options, spool)?;
        let (words, heard) = channel(WAITING);
        let thread = thread::Builder::new()
            .name("mqtt".into())
            .spawn(move || publisher.run(heard))
            .map_err(|e| Error::usage("--mqtt", "its thread cannot be started").caused_by(e))?;
        let mut mqtt = Self {
            words: Some(words),
            thread: Some(thread),
            options,
            beat: Instant::now(),
            reported: None,
            full: Seldom::default(),
        };
        mqtt.set_context(context);
        Ok(mqtt)
    }

    fn tell(&mut self, word: Word) {
        match self.words.as_ref().map(|words| words.try_send(word)) {
            Some(Err(TrySendError::Full(Word::Change(_)))) => self
                .full
                .warn("mqtt: the disk is too slow, a change of the decision is lost"),
            Some(Err(TrySendError::Closed(_))) => self.full.warn("mqtt: its thread died"),
            // Of what is said again soon, one more or less does not matter.
            _ => {}
        }
    }
}

impl Audience for Mqtt {
    fn moment(&mut self, moment: &Moment) -> Result<()> {
        let changed = moment.record.decision.change.is_some();
        if changed || self.beat.elapsed() >= self.options.heartbeat {
            self.beat = Instant::now();
            let record = moment.json()?;
            self.tell(if changed {
                Word::Change(record)
            } else {
                Word::Beat(record)
            });
        }
        Ok(())
    }

    fn standing(&mut self, standing: &Standing) -> Result<()> {
        let lost = standing.lost.is_some();
        let due = self.reported.is_none_or(|(at, was_lost)| {
            was_lost != lost || at.elapsed() >= self.options.heartbeat
        });
        if due {
            self.reported = Some((Instant::now(), lost));
            let status = json!({
                "problem": if lost { "ON" } else { "OFF" },
                "fps": standing.fps.map_or(0.0, |fps| (fps * 10.0).round() / 10.0),
                "classified": standing.classified,
                "dropped": standing.tally.dropped(),
                "drops": standing.tally,
            });
            self.tell(Word::Status(status.to_string().into()));
        }
        Ok(())
    }

    fn set_context(&mut self, context: &Context) {
        if let Some((_, payload)) = discovery::message(&self.options, context) {
            self.tell(Word::Discovery(payload));
        }
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.words = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let deadline = Instant::now() + 2 * PARTING;
        while !thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        if !thread.is_finished() {
            log::warn!("mqtt: the broker does not let go; what waits stays in the spool");
        }
    }
}
