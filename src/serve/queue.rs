//! Where pictures wait to be classified: a short queue, and threads that own a pipeline
//! each. What does not fit is refused at once, because a client that is told so can go
//! elsewhere, and one that waits cannot.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::budget::Held;
use super::metrics::Metrics;
use crate::error::{Error, Result};
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::record::{Context, Record};
use crate::pipeline::write::json_object;
use crate::pipeline::{Pipeline, PipelineMaker};
use crate::priority::lower_priority;

/// A pipeline, warm, and what its records have in common.
pub(crate) struct ReadyPipeline {
    pub(crate) pipeline: Pipeline,
    pub(crate) context: Context,
}

impl ReadyPipeline {
    /// One of `maker`'s.
    pub(crate) fn new(maker: &PipelineMaker) -> Result<Self> {
        let pipeline = maker.make_warm()?;
        let context = maker.context(pipeline.engine().identity());
        Ok(Self { pipeline, context })
    }
}

/// How a queue works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueOptions {
    /// What its queue is called in metrics.
    pub(crate) name: &'static str,
    /// Pictures that may wait.
    pub(crate) capacity: usize,
    /// How long the first of a batch waits for others.
    pub(crate) window: Duration,
    /// Whether a live loop goes first.
    pub(crate) low_priority: bool,
}

/// A picture, and who waits for what it shows.
pub(crate) struct Job {
    /// What the record calls its source.
    pub(crate) name: String,
    /// The encoded picture.
    pub(crate) bytes: Vec<u8>,
    /// How long it took to arrive.
    pub(crate) took: Duration,
    /// When it had arrived.
    pub(crate) arrived: Instant,
    /// Classes in its record.
    pub(crate) top_k: usize,
    /// Where the record goes, as JSON.
    pub(crate) answer: oneshot::Sender<Result<Bytes>>,
    /// The memory that its request takes, of that for uploads.
    pub(crate) _held: Held,
}

/// The queue, and the way to its workers.
pub(crate) struct RequestQueue {
    shared: Arc<Shared>,
}

struct Shared {
    options: QueueOptions,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Pipelines for workers that have an older one, and how often that was so.
    successors: Vec<ReadyPipeline>,
    generation: u64,
    served: u64,
    closed: bool,
}

impl RequestQueue {
    /// A queue that nobody works at yet.
    pub(crate) fn new(options: QueueOptions, metrics: Arc<Metrics>) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                metrics,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Starts a worker with a pipeline of `maker`'s; what it says of its records. The
    /// pipeline is made by the worker's own thread, so that all its threads have that
    /// one's priority.
    ///
    /// # Errors
    /// The pipeline cannot be made, or there is no thread for it.
    pub(crate) fn spawn_worker(&self, maker: PipelineMaker) -> Result<Context> {
        let shared = self.shared.clone();
        let (sender, made) = channel();
        thread::Builder::new()
            .name("request".into())
            .spawn(move || {
                if shared.options.low_priority {
                    lower_priority();
                }
                let mut worker = match ReadyPipeline::new(&maker) {
                    Ok(ready) => {
                        let _ = sender.send(Ok(ready.context.clone()));
                        Worker::new(ready, 0)
                    }
                    Err(error) => return drop(sender.send(Err(error))),
                };
                drop(maker);
                while let Some(task) = shared.next(&worker) {
                    // What fails while an answer is written costs that answer, not the worker.
                    let attended = catch_unwind(AssertUnwindSafe(|| worker.attend(task, &shared)));
                    if attended.is_err() {
                        log::error!("answering a request failed inside the program");
                    }
                }
            })
            .map_err(|e| {
                Error::engine("request queue", "a worker cannot be started").caused_by(e)
            })?;
        made.recv().unwrap_or_else(|_| {
            let what = "a worker died at its start";
            Err(Error::engine("request queue", what))
        })
    }

    /// Every worker goes on with one of these, as soon as there is time.
    pub(crate) fn renew(&self, successors: Vec<ReadyPipeline>) {
        let mut state = self.shared.state.lock();
        state.successors = successors;
        state.generation += 1;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Puts jobs into the queue, all of them or none.
    ///
    /// # Errors
    /// The pictures that wait, if there is no room.
    pub(crate) fn submit(&self, jobs: Vec<Job>) -> std::result::Result<(), usize> {
        let mut state = self.shared.state.lock();
        let waiting = state.waiting.len();
        if waiting + jobs.len() > self.shared.options.capacity {
            return Err(waiting);
        }
        state.waiting.extend(jobs);
        self.shared.report(&state);
        drop(state);
        // Those who are about to look find what is there; those who wait have to be told.
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Pictures that wait, and that may wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        (
            self.shared.state.lock().waiting.len(),
            self.shared.options.capacity,
        )
    }
}

impl Drop for RequestQueue {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

/// What there is to do.
enum Task {
    /// Pictures to classify, and how many there were before them.
    Classify(u64, Vec<Job>),
    /// Another pipeline to go on with.
    Renew(u64, Box<ReadyPipeline>),
}

impl Shared {
    /// Waits for something to do; `None` when the queue is closed.
    fn next(&self, worker: &Worker) -> Option<Task> {
        let mut state = self.state.lock();
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
                self.changed.wait_for(&mut state, left);
                continue;
            }
            self.changed.wait(&mut state);
        }
        let count = state.waiting.len().min(worker.pipeline.batch());
        let jobs = state.waiting.drain(..count).collect();
        let before = state.served;
        state.served += count as u64;
        self.report(&state);
        Some(Task::Classify(before, jobs))
    }

    fn report(&self, state: &State) {
        let Self {
            metrics, options, ..
        } = self;
        metrics.set_queue(options.name, state.waiting.len());
    }
}

/// One worker, with buffers that go round.
struct Worker {
    generation: u64,
    pipeline: Pipeline,
    context: Context,
    frames: Vec<Frame>,
    records: Vec<Record>,
}

impl Worker {
    fn new(ready: ReadyPipeline, generation: u64) -> Self {
        let ReadyPipeline { pipeline, context } = ready;
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
                Err(Error::engine(
                    "request queue",
                    "classifying this picture failed inside the program",
                )
                .with_remedy("report it with the picture"))
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
