//! Where pictures wait to be classified: a short queue, and threads that own a pipeline
//! each. What does not fit is refused at once, because a client that is told so can go
//! elsewhere, and one that waits cannot.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Metrics, stand_back};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::write::{Context, Record, json_object};

/// Makes a pipeline, warm, and says what its records have in common.
pub type Make = Arc<dyn Fn() -> Result<(Pipeline, Context)> + Send + Sync>;

/// How a desk works.
#[derive(Clone, Copy, Debug)]
pub struct DeskOptions {
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
    /// Classes in its record.
    pub top_k: usize,
    /// Where the record goes, as JSON.
    pub answer: oneshot::Sender<Result<Bytes>>,
    /// Its share of the memory for uploads.
    pub permit: Option<OwnedSemaphorePermit>,
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
    /// How pipelines are made from now on, and how often that has changed.
    make: Option<Make>,
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

    /// Puts someone to work with a pipeline of `make`'s, which is made at once.
    ///
    /// # Errors
    /// The pipeline cannot be made, or there is no thread for it.
    pub fn hire(&self, make: &Make) -> Result<()> {
        let mut worker = Worker::new(make()?);
        let shared = self.shared.clone();
        thread::Builder::new()
            .name("desk".into())
            .spawn(move || {
                if shared.options.stands_back {
                    stand_back();
                }
                while let Some(task) = shared.next(&worker) {
                    worker.attend(task, &shared);
                }
            })
            .map_err(|e| Error::usage("--workers", "cannot be started").caused_by(e))?;
        Ok(())
    }

    /// Everyone makes a new pipeline, as soon as there is time.
    pub fn renew(&self, make: Make) {
        let mut state = self.shared.lock();
        state.make = Some(make);
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
        self.shared.metrics.set_queue(state.waiting.len());
        drop(state);
        self.shared.changed.notify_one();
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
    /// A pipeline to make.
    Renew(u64, Make),
}

impl Shared {
    /// Waits for something to do; `None` when the desk is closed.
    fn next(&self, worker: &Worker) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(make) = state.make.clone()
                && state.generation != worker.generation
            {
                return Some(Task::Renew(state.generation, make));
            }
            if !state.waiting.is_empty() {
                break;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let largest = worker.pipeline.batch();
        let opened = Instant::now();
        loop {
            let left = self.options.window.saturating_sub(opened.elapsed());
            if state.waiting.len() >= largest || left.is_zero() || state.closed {
                break;
            }
            (state, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.waiting.len().min(largest);
        let jobs = state.waiting.drain(..count).collect();
        let before = state.served;
        state.served += count as u64;
        self.metrics.set_queue(state.waiting.len());
        Some(Task::Classify(before, jobs))
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
    fn new((pipeline, context): (Pipeline, Context)) -> Self {
        let batch = pipeline.batch();
        Self {
            generation: 0,
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
            Task::Renew(generation, make) => {
                match make() {
                    Ok(made) => *self = Self::new(made),
                    Err(error) => log::error!("a worker keeps the old model: {error}"),
                }
                self.generation = generation;
            }
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
