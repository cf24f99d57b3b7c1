//! Several pipelines over one source. Workers take frames in turn, and records come out
//! in the frames' order. Several one-thread workers classify a folder faster than one
//! worker with many threads, because decoding is spread over the cores, too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::Pipeline;
use super::capture::{Frame, Pull, Source};
use super::record::Record;
use crate::error::{Error, ErrorKind, Result};

/// How long a stop may go unnoticed.
const ATTENTION: Duration = Duration::from_millis(50);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Frames classified.
    pub classified: u64,
    /// Inputs that failed.
    pub failed: u64,
    /// Whether the run was stopped before the source ended.
    pub stopped: bool,
}

/// Records of one batch; the buffers go round.
#[derive(Default)]
struct Batch {
    ticket: u64,
    records: Vec<Record>,
    used: usize,
}

/// What workers share.
struct Feed {
    source: Box<dyn Source>,
    next_ticket: u64,
    next_frame: u64,
    limit: u64,
}

/// Classifies what `source` gives, at most `limit` inputs, until it ends or `stop` is
/// set. `make` builds worker 0 to `workers - 1`, each on its own thread; `each` gets every
/// record in order.
///
/// # Errors
/// A pipeline cannot be made, or `each` fails.
pub fn run(
    source: Box<dyn Source>,
    workers: usize,
    limit: Option<u64>,
    stop: &AtomicBool,
    make: impl Fn(usize) -> Result<Pipeline> + Send + Sync + 'static,
    mut each: impl FnMut(&Record) -> Result<()>,
) -> Result<Summary> {
    let limit = limit.unwrap_or(u64::MAX);
    let feed = Arc::new(Mutex::new(Feed {
        source,
        next_ticket: 0,
        next_frame: 0,
        limit,
    }));
    let spare = Arc::new(Mutex::new(Vec::new()));
    let make = Arc::new(make);
    let (sender, receiver) = sync_channel::<Result<Batch>>(2 * workers);
    for worker in 0..workers {
        let (feed, spare, make, sender) =
            (feed.clone(), spare.clone(), make.clone(), sender.clone());
        // Not joined: a worker may be blocked in a read that never returns.
        thread::spawn(move || {
            let worked = catch_unwind(AssertUnwindSafe(|| {
                make(worker).map(|pipeline| work(pipeline, &feed, &spare, &sender))
            }));
            // If nobody listens any more, the run has ended.
            match worked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => drop(sender.send(Err(error))),
                Err(_) => drop(sender.send(Err(died()))),
            }
        });
    }
    drop(sender);
    in_order(&receiver, stop, &feed, &spare, &mut each)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// One worker: takes frames, classifies them, hands the records on.
fn work(
    mut pipeline: Pipeline,
    feed: &Mutex<Feed>,
    spare: &Mutex<Vec<Batch>>,
    sender: &SyncSender<Result<Batch>>,
) {
    let mut frames: Vec<Frame> = Vec::new();
    frames.resize_with(pipeline.batch(), Frame::default);
    loop {
        let mut batch = lock(spare).pop().unwrap_or_default();
        batch
            .records
            .resize_with(pipeline.batch() + 1, Record::default);
        let (count, failure, ended) = gather(feed, &mut frames, &mut batch);
        pipeline.classify(&frames[..count], &mut batch.records[..count]);
        batch.used = count;
        if let Some((number, error)) = failure {
            batch.records[count].number = number;
            batch.records[count].failure = Some(error);
            batch.used += 1;
        }
        if sender.send(Ok(batch)).is_err() || ended {
            return;
        }
    }
}

fn died() -> Error {
    Error::engine("worker", "a worker died and took frames with it")
        .with_remedy("this is a fault of the program: report it with the message above")
}

type Failure = Option<(u64, Error)>;

/// Fills `frames` as far as the source goes, in one turn at it. A failed input ends the
/// batch, so that its error comes in its place.
fn gather(feed: &Mutex<Feed>, frames: &mut [Frame], batch: &mut Batch) -> (usize, Failure, bool) {
    let mut feed = lock(feed);
    batch.ticket = feed.next_ticket;
    feed.next_ticket += 1;
    for (count, frame) in frames.iter_mut().enumerate() {
        if feed.next_frame >= feed.limit {
            return (count, None, true);
        }
        let number = feed.next_frame;
        match feed.source.next(frame) {
            Pull::Frame => frame.number = number,
            // What ends a source altogether is its last input.
            Pull::Broken(error) => {
                feed.next_frame += 1;
                feed.limit = feed.next_frame;
                return (count, Some((number, error)), false);
            }
            Pull::Failed(error) | Pull::Lost(error) => {
                feed.next_frame += 1;
                return (count, Some((number, error)), false);
            }
            Pull::End => {
                feed.limit = number;
                return (count, None, true);
            }
        }
        feed.next_frame += 1;
    }
    (frames.len(), None, false)
}

/// Hands records to `each` in the order of their tickets.
fn in_order(
    receiver: &Receiver<Result<Batch>>,
    stop: &AtomicBool,
    feed: &Mutex<Feed>,
    spare: &Mutex<Vec<Batch>>,
    each: &mut impl FnMut(&Record) -> Result<()>,
) -> Result<Summary> {
    let mut summary = Summary::default();
    // Few wait at a time: at most one per worker but the slowest.
    let mut waiting: Vec<Batch> = Vec::new();
    let mut next_ticket = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            summary.stopped = true;
            return Ok(summary);
        }
        match receiver.recv_timeout(ATTENTION) {
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) if lock(feed).next_ticket == next_ticket => {
                return Ok(summary);
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(died());
            }
            Ok(batch) => {
                waiting.push(batch?);
            }
        }
        while let Some(at) = waiting.iter().position(|batch| batch.ticket == next_ticket) {
            let mut batch = waiting.swap_remove(at);
            for record in &mut batch.records[..batch.used] {
                // A bad frame is skipped, a bad model stops.
                if let Some(error) = record.failure.take_if(|e| e.kind() != ErrorKind::Input) {
                    return Err(error);
                }
                if record.failure.is_some() {
                    summary.failed += 1;
                } else {
                    summary.classified += 1;
                }
                each(record)?;
            }
            lock(spare).push(batch);
            next_ticket += 1;
        }
    }
}
