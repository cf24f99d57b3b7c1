//! The way to the thread that talks with the broker: a bounded queue, which nobody waits for.

use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::mpsc::{Sender, channel, error::TrySendError};

use super::publisher::Publisher;
use super::spool::Spool;
use super::{Message, MqttOptions, PARTING};
use crate::deadline::join_until;
use crate::error::{Error, Result};
use crate::throttle::ThrottledLog;

/// Messages that wait for the thread at most. It only writes small files, so they are many
/// seconds' worth.
const WAITING: usize = 1024;

/// The thread, for as long as somebody has something to say.
pub(super) struct Link {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Link {
    /// Starts the thread.
    ///
    /// # Errors
    /// A file cannot be read; another program uses the spool.
    pub(super) fn start(options: &MqttOptions) -> Result<Self> {
        let spool = Spool::open(options)?;
        let publisher = Publisher::new(options, spool)?;
        let (messages, received) = channel(WAITING);
        let thread = thread::Builder::new()
            .name("mqtt".into())
            .spawn(move || publisher.run(received))
            .map_err(|e| Error::engine("mqtt", "its thread cannot be started").caused_by(e))?;
        Ok(Self {
            messages: Some(messages),
            thread: Some(thread),
        })
    }

    /// Hands `message` over; what goes wrong is said in `log`.
    pub(super) fn send(&self, message: Message, log: &mut ThrottledLog) {
        let messages = self.messages.as_ref();
        match messages.map(|messages| messages.try_send(message)) {
            Some(Err(TrySendError::Full(Message::Change(_)))) => {
                log.warn("mqtt: the disk is too slow, a change of the decision is lost");
            }
            Some(Err(TrySendError::Full(Message::Listen { topic, .. }))) => {
                log.warn(format_args!(
                    "mqtt: {topic} is not listened to: too much waits"
                ));
            }
            Some(Err(TrySendError::Closed(_))) => log.warn("mqtt: its thread died"),
            // Of what is said again soon, one more or less does not matter.
            _ => {}
        }
    }
}

impl Drop for Link {
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
