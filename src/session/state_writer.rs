//! The thread that keeps what a monitor has learned, because a slow disk must not hold up the
//! loop; and that sees what another program has left there for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::deadline::join_until;
use crate::error::Result;
use crate::monitor::{Desk, Place, Report, State};
use crate::throttle::ThrottledLog;

/// Files that wait for the disk at most.
const WAITING: usize = 8;
/// Time between two looks for what another program has left.
const LOOK: Duration = Duration::from_secs(2);
/// How long the last files may take.
const PARTING: Duration = Duration::from_secs(2);

/// The thread, for as long as there is something to keep.
pub(super) struct StateWriter {
    queue: Option<SyncSender<Item>>,
    thread: Option<JoinHandle<()>>,
    behind: ThrottledLog,
}

enum Item {
    Report(Arc<Report>),
    State(Box<State>),
}

impl StateWriter {
    /// Keeps at `place`; what was left there goes to the `desk`.
    pub(super) fn start(place: Place, desk: Arc<Desk>) -> Self {
        let (queue, items) = sync_channel(WAITING);
        Self {
            queue: Some(queue),
            thread: Some(thread::spawn(move || keep(&place, &items, &desk))),
            behind: ThrottledLog::default(),
        }
    }

    pub(super) fn keep_report(&mut self, report: Arc<Report>) {
        self.hand_over(Item::Report(report));
    }

    pub(super) fn keep_state(&mut self, state: State) {
        self.hand_over(Item::State(Box::new(state)));
    }

    fn hand_over(&mut self, item: Item) {
        let handed = self.queue.as_ref().map(|queue| queue.try_send(item));
        match handed {
            Some(Err(TrySendError::Full(_))) => {
                let what = "the disk is too slow for what the monitor has learned";
                self.behind.warn(what);
            }
            Some(Err(TrySendError::Disconnected(_))) => {
                self.behind.warn("the monitor's writer died");
            }
            _ => {}
        }
    }
}

impl Drop for StateWriter {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && !join_until(&thread, Instant::now() + PARTING)
        {
            log::warn!("the disk is too slow: the last of what the monitor has learned is lost");
        }
    }
}

fn keep(place: &Place, items: &Receiver<Item>, desk: &Desk) {
    let mut faults = ThrottledLog::default();
    let mut tell = |kept: Result<()>| {
        if let Err(error) = kept {
            faults.warn(format_args!("{error:#}"));
        }
    };
    loop {
        match items.recv_timeout(LOOK) {
            Ok(Item::Report(report)) => tell(place.keep_report(&report)),
            Ok(Item::State(state)) => tell(state.write(&place.state())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        tell(place.take_asked().map(|asked| {
            asked.iter().for_each(|what| desk.acknowledge(what));
        }));
    }
}
