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
//! of this; it hands its messages to a thread.

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

use crate::deadline::join_until;
use crate::error::{Error, Result};
use crate::pipeline::record::Context;
use crate::session::{FrameEvent, LoopStats, Observer};
use crate::throttle::ThrottledLog;
pub use address::Address;
use publisher::Publisher;
use spool::Spool;

/// Messages that wait for the thread at most. It only writes small files, so they are many
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

/// What the thread is given.
pub(crate) enum Message {
    /// The decision changed: the record.
    Change(Bytes),
    /// Nothing changed for a while: the record.
    Beat(Bytes),
    /// How the source is.
    Status(Bytes),
    /// Another model: the discovery message.
    Discovery(Bytes),
}

/// Hands messages to the thread that talks with the broker.
pub struct Mqtt {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    options: MqttOptions,
    beat: Instant,
    reported: Option<(Instant, bool)>,
    full: ThrottledLog,
}

impl Mqtt {
    /// Begins to talk with the broker; it need not be there yet.
    ///
    /// # Errors
    /// A file cannot be read; another program uses the spool.
    pub fn new(options: MqttOptions, context: &Context) -> Result<Self> {
        let spool = Spool::open(&options)?;
        let publisher = Publisher::new(&options, spool)?;
        let (messages, received) = channel(WAITING);
        let thread = thread::Builder::new()
            .name("mqtt".into())
            .spawn(move || publisher.run(received))
            .map_err(|e| Error::engine("mqtt", "its thread cannot be started").caused_by(e))?;
        let mut mqtt = Self {
            messages: Some(messages),
            thread: Some(thread),
            options,
            beat: Instant::now(),
            reported: None,
            full: ThrottledLog::default(),
        };
        mqtt.on_model(context);
        Ok(mqtt)
    }

    fn send(&mut self, message: Message) {
        match self
            .messages
            .as_ref()
            .map(|messages| messages.try_send(message))
        {
            Some(Err(TrySendError::Full(Message::Change(_)))) => self
                .full
                .warn("mqtt: the disk is too slow, a change of the decision is lost"),
            Some(Err(TrySendError::Closed(_))) => self.full.warn("mqtt: its thread died"),
            // Of what is said again soon, one more or less does not matter.
            _ => {}
        }
    }
}

impl Observer for Mqtt {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        let changed = event.record.decision.change.is_some();
        if changed || self.beat.elapsed() >= self.options.heartbeat {
            self.beat = Instant::now();
            let record = event.json()?;
            self.send(if changed {
                Message::Change(record)
            } else {
                Message::Beat(record)
            });
        }
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        let lost = stats.lost.is_some();
        let due = self.reported.is_none_or(|(at, was_lost)| {
            was_lost != lost || at.elapsed() >= self.options.heartbeat
        });
        if due {
            self.reported = Some((Instant::now(), lost));
            let status = json!({
                "problem": if lost { "ON" } else { "OFF" },
                "fps": stats.fps.map_or(0.0, |fps| (fps * 10.0).round() / 10.0),
                "classified": stats.classified,
                "dropped": stats.drops.dropped(),
                "drops": stats.drops,
            });
            self.send(Message::Status(status.to_string().into()));
        }
        Ok(())
    }

    fn on_model(&mut self, context: &Context) {
        if let Some((_, payload)) = discovery::message(&self.options, context) {
            self.send(Message::Discovery(payload));
        }
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.messages = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        if !join_until(&thread, Instant::now() + 2 * PARTING) {
            log::warn!("mqtt: the broker does not let go; what waits stays in the spool");
        }
    }
}
