//! Actions run on threads of their own, one at a time each, from a short queue: when the
//! world is slower than the camera, alerts are dropped and counted, and the loop goes on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Action;
use super::alert::{Alert, End};
use super::command;
#[cfg(feature = "webhook")]
use super::webhook::Webhook;
use crate::deadline::join_until;
use crate::throttle::ThrottledLog;

/// Alerts that wait for one action at most.
const WAITING: usize = 16;
/// What a thread may take beyond the deadline of its action.
const GRACE: Duration = Duration::from_millis(200);

/// Runs one action.
pub(crate) struct ActionWorker {
    name: String,
    queue: Option<SyncSender<Arc<Alert>>>,
    thread: Option<JoinHandle<()>>,
    full: ThrottledLog,
}

impl ActionWorker {
    /// Starts the thread; it gives up what is not over at the `end`.
    pub(crate) fn new(action: Action, end: End) -> Self {
        let (queue, alerts) = sync_channel(WAITING);
        let name = match &action {
            Action::Command(command) => format!("`{command}`"),
            #[cfg(feature = "webhook")]
            Action::Webhook(url) => url.to_string(),
        };
        let own_name = name.clone();
        let thread = thread::spawn(move || work(action, &own_name, &alerts, &end));
        Self {
            name,
            queue: Some(queue),
            thread: Some(thread),
            full: ThrottledLog::default(),
        }
    }

    /// Has the action run, unless too much waits already.
    pub(crate) fn submit(&mut self, alert: Arc<Alert>) {
        match self.queue.as_ref().map(|queue| queue.try_send(alert)) {
            Some(Err(TrySendError::Full(alert))) => self.full.warn(format_args!(
                "{}: it is {WAITING} alerts behind, \"{}\" is dropped",
                self.name, alert.rule
            )),
            Some(Err(TrySendError::Disconnected(_))) => {
                self.full
                    .warn(format_args!("{}: its thread died", self.name));
            }
            Some(Ok(())) | None => {}
        }
    }

    /// Takes no more alerts.
    pub(crate) fn close(&mut self) {
        self.queue = None;
    }

    /// Waits for the thread, a little longer than it may take.
    pub(crate) fn join(&mut self, deadline: Instant) {
        if let Some(thread) = self.thread.take()
            && !join_until(&thread, deadline + GRACE)
        {
            log::warn!("{}: it is not over and is left alone", self.name);
        }
    }
}

/// An action, ready to run.
enum Runner {
    Command(String),
    #[cfg(feature = "webhook")]
    Webhook(Webhook),
}

impl Runner {
    fn run(&self, alert: &Alert, end: &End) -> Result<(), String> {
        match self {
            Self::Command(line) => command::run(line, alert, end),
            #[cfg(feature = "webhook")]
            Self::Webhook(webhook) => webhook.post(alert, end),
        }
    }
}

fn work(action: Action, name: &str, alerts: &Receiver<Arc<Alert>>, end: &End) {
    let runner = match action {
        Action::Command(command) => Runner::Command(command),
        #[cfg(feature = "webhook")]
        Action::Webhook(url) => Runner::Webhook(Webhook::new(&url)),
    };
    let mut failures = ThrottledLog::default();
    let mut given_up = 0;
    for alert in alerts {
        if end.get().is_some_and(|end| Instant::now() >= *end) {
            given_up += 1;
            continue;
        }
        if let Err(why) = runner.run(&alert, end) {
            failures.warn(format_args!("{name}: {why}"));
        }
    }
    if given_up > 0 {
        log::warn!("{name}: {given_up} alerts are given up at the end");
    }
}
