//! Decisions for an MQTT broker, under one topic:
//!
//! | topic | what | retained |
//! |-|-|-|
//! | `TOPIC/decision` | the record as JSON, whenever the decision changes and at a heartbeat | yes |
//! | `TOPIC/status` | `{"problem":"OFF","fps":29.9,…}` at a heartbeat, and when the source is lost or back | yes |
//! | `TOPIC/acknowledge` | to this program: a cause, a statistic or `all` that somebody has taken notice of | no |
//! | `TOPIC/availability` | `online`, and by last will `offline` | yes |
//! | `homeassistant/device/…/config` | Home Assistant's discovery | yes |
//!
//! A source that has a name has topics of its own, `TOPIC/NAME/decision` and
//! `TOPIC/NAME/status`, and a device of its own; the connection is one for all.
//!
//! Changes are sent at least once, in order, whatever becomes of the broker: they wait in
//! a spool on disk until the broker has acknowledged them. The loop never waits for any
//! of this; it hands its messages to a thread.

mod address;
mod commands;
mod discovery;
mod link;
mod observer;
mod publisher;
mod spool;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::Result;
use crate::monitor::Desk;
use crate::pipeline::record::Context;
use crate::throttle::ThrottledLog;
pub use address::Address;
use link::Link;
pub use observer::MqttObserver;

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
    /// Changes that wait at most, of all sources together; the oldest make room.
    pub spool_limit: usize,
    /// The topic under which Home Assistant looks for devices; empty for none.
    pub discovery: String,
}

/// What the thread is given.
pub(crate) enum Message {
    /// The decision changed: the record, which says of which source it is.
    Change(Bytes),
    /// Nothing changed for a while: the record.
    Beat(Bytes),
    /// What holds until something else is said under the same topic.
    Present { topic: String, payload: Bytes },
    /// What comes under this topic is for the desk.
    Listen { topic: String, desk: Arc<Desk> },
}

/// A broker, for all sources of a session.
pub struct Mqtt {
    link: Arc<Link>,
    options: Arc<MqttOptions>,
}

impl Mqtt {
    /// Begins to talk with the broker; it need not be there yet. It is taken leave of when
    /// this and all observers are gone.
    ///
    /// # Errors
    /// A file cannot be read; another program uses the spool.
    pub fn new(options: MqttOptions) -> Result<Self> {
        Ok(Self {
            link: Arc::new(Link::start(&options)?),
            options: Arc::new(options),
        })
    }

    /// Has the broker told of a source in the records of `context`. A source's `name` is that
    /// of its [`LiveSource`](crate::session::LiveSource).
    pub fn observer(&self, name: Option<&str>, context: &Context) -> MqttObserver {
        MqttObserver::new(self.link.clone(), self.options.clone(), name, context)
    }

    /// Has those who use the broker take notice of what the monitor of the source `name` finds, at
    /// this desk.
    pub fn listen(&self, name: Option<&str>, desk: Arc<Desk>) {
        let topic = format!("{}/acknowledge", self.options.address.topic_of(name));
        let message = Message::Listen { topic, desk };
        self.link.send(message, &mut ThrottledLog::default());
    }
}
