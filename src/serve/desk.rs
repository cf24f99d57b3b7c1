//! Where pictures wait to be classified: a short queue, and threads that own a pipeline
//! each. What does not fit is refused at once, because a client that is told so can go
//! elsewhere, and one that waits cannot.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::upload::Held;
use super::{Metrics, stand_back};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::write::{Context, Record, json_object};

/// A pipeline, warm, and what its records have in common.
pub type Made = (Pipeline, Context);

/// How a desk works.
#[derive(Clone, Copy, Debug)]
pub struct DeskOptions {
    /// What its queue is called in metrics.
    pub name: &'static str,
    /// Pictures that may wait.
    pub capacity: usize,
    /// How long the first of a batch waits for others.
    pub window: Duration,
    /// Whether a live loop goes first.
    pub stands_back: bool,
}

/// A picture, and who waits for what it shows.
pub struct Job {
    /// What the record calls its source.
    pub name: String,
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// How long it took to arrive.
    pub took: Duration,
    /// When it had arrived.
    pub arrived: Instant,
    /// Classes in its record.
    pub top_k: usize,
    /// Where the record goes, as JSON.
    pub answer: oneshot::Sender<Result<Bytes>>,
    /// The memory that its request takes, of that for uploads.
    pub held: Held,
}

/// The queue, and the way to those who work at it.
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    options: DeskOptions,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Pipelines for those who work on with an older one, and how often that was so.
    successors: Vec<Made>,
    generation: u64,
    served: u64,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The queue is whole at every point at which a holder could have panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// A desk at which nobody works yet.
    pub fn new(options: DeskOptions, metrics: Arc<Metrics>) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                metrics,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Puts someone to work with a pipeline of `make`'s; what it says of its records. It
    /// is made by the one who works with it, so that all its threads stand back, too.
    ///
    /// # Errors
    /// The pipeline cannot be made, or there is no thread for it.
    pub fn hire(&self, make: impl FnOnce() -> Result<Made> + Send + 'static) -> Result<Context> {
        let shared = self.shared.clone();
        let (sender, made) = channel();
        thread::Builder::new()
            .name("desk".into())
            .spawn(move || {
                if shared.options.stands_back {
                    stand_back();
                }
                let mut worker = match make() {
                    Ok(made) => {
                        let _ = sender.send(Ok(made.1.clone()));
                        Worker::new(made, 0)
                    }
                    Err(error) => return drop(sender.send(Err(error))),
                };
                while let Some(task) = shared.next(&worker) {
                    worker.attend(task, &shared);
                }
            })
            .map_err(|e| Error::usage("--workers", "cannot be started").caused_by(e))?;
        made.recv()
            .unwrap_or_else(|_| Err(Error::engine("desk", "a worker died at its start")))
    }

    /// Everyone goes on with one of these, as soon as there is time.
    pub fn renew(&self, successors: Vec<Made>) {
        let mut state = self.shared.lock();
        state.successors = successors;
        state.generation += 1;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Puts jobs into the queue, all of them or none.
    ///
    /// # Errors
    /// The pictures that wait, if there is no room.
    pub fn submit(&self, jobs: Vec<Job>) -> std::result::Result<(), usize> {
        let mut state = self.shared.lock();
        let waiting = state.waiting.len();
        if waiting + jobs.len() > self.shared.options.capacity {
            return Err(waiting);
        }
        state.waiting.extend(jobs);
        self.shared.tell(&state);
        drop(state);
        // Those who are about to look find what is there; those who wait have to be told.
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Pictures that wait, and that may wait.
    pub fn depth(&self) -> (usize, usize) {
        (
            self.shared.lock().waiting.len(),
            self.shared.options.capacity,
        )
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

/// What there is to do.
enum Task {
    /// Pictures to classify, and how many there were before them.
    Classify(u64, Vec<Job>),
    /// Another pipeline to go on with.
    Renew(u64, Box<Made>),
}

impl Shared {
    /// Waits for something to do; `None` when the desk is closed.
    fn next(&self, worker: &Worker) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if state.generation != worker.generation
                && let Some(made) = state.successors.pop()
            {
                return Some(Task::Renew(state.generation, Box::new(made)));
            }
            if let Some(first) = state.waiting.front() {
                let left = self.options.window.saturating_sub(first.arrived.elapsed());
                if left.is_zero() || state.waiting.len() >= worker.pipeline.batch() {
                    break;
                }
                (state, _) = self
                    .changed
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.waiting.len().min(worker.pipeline.batch());
        let jobs = state.waiting.drain(..count).collect();
        let before = state.served;
        state.served += count as u64;
        self.tell(&state);
        Some(Task::Classify(before, jobs))
    }

    fn tell(&self, state: &State) {
        let Self {
            metrics, options, ..
        } = self;
        metrics.set_queue(options.name, state.waiting.len());
    }
}

/// Someone at the desk, with buffers that go round.
struct Worker {
    generation: u64,
    pipeline: Pipeline,
    context: Context,
    frames: Vec<Frame>,
    records: Vec<Record>,
}

impl Worker {
    fn new((pipeline, context): Made, generation: u64) -> Self {
        let batch = pipeline.batch();
        Self {
            generation,
            pipeline,
            context,
            frames: std::iter::repeat_with(Frame::default).take(batch).collect(),
            records: std::iter::repeat_with(Record::default)
                .take(batch)
                .collect(),
        }
    }

    fn attend(&mut self, task: Task, shared: &Shared) {
        match task {
            Task::Classify(before, jobs) => self.classify(before, jobs, shared),
            Task::Renew(generation, made) => *self = Self::new(*made, generation),
        }
    }

    /// Answers every job. A trap costs those who wait for this batch their answer, and
    /// nobody else.
    fn classify(&mut self, before: u64, mut jobs: Vec<Job>, shared: &Shared) {
        // Nobody waits for these any more.
        jobs.retain(|job| !job.answer.is_closed());
        let count = jobs.len();
        if count == 0 {
            return;
        }
        for ((frame, job), number) in self.frames.iter_mut().zip(&mut jobs).zip(before..) {
            frame.number = number;
            frame.source = std::mem::take(&mut job.name);
            frame.bytes = std::mem::take(&mut job.bytes);
            frame.encoding = Encoding::File;
            (frame.time, frame.instant) = (SystemTime::now(), Instant::now());
            frame.capture = job.took;
        }
        let most = jobs.iter().map(|job| job.top_k).max().unwrap_or(1);
        self.pipeline.set_top_k(most);
        let worked = catch_unwind(AssertUnwindSafe(|| {
            self.pipeline
                .classify(&self.frames[..count], &mut self.records[..count]);
        }));
        for (job, record) in jobs.into_iter().zip(&mut self.records) {
            let answer = if worked.is_err() {
                Err(
                    Error::engine("desk", "the program tripped over this picture")
                        .remedy("report it with the picture"),
                )
            } else if let Some(error) = record.failure.take() {
                Err(error)
            } else {
                record.top.truncate(job.top_k);
                shared.metrics.observe(&self.context, record);
                let mut object = Vec::with_capacity(1024);
                json_object(&self.context, record, &mut object).map(|()| object.into())
            };
            // Whoever has gone meanwhile does not miss it.
            let _ = job.answer.send(answer);
        }
        for frame in &mut self.frames {
            frame.bytes = Vec::new();
        }
    }
}
