//! Who classifies. One source's frames are classified where the loop runs. Of several sources
//! several frames are classified at once, by workers with an engine each: decoding, too, is
//! then spread over the cores, which threads inside the network's run do not do. A source has
//! at most one frame in work, so that its frames stay in order.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::pipeline::capture::{Bell, Frame};
use crate::pipeline::record::Record;
use crate::pipeline::{PerSource, Pipeline, Scores, Stages};

/// A frame with what is said about it.
#[derive(Default)]
pub(super) struct Work {
    pub(super) source: usize,
    pub(super) frame: Frame,
    pub(super) record: Record,
    pub(super) scores: Scores,
    /// Who does it.
    worker: usize,
}

/// Those who classify.
pub(super) enum Crew {
    /// The loop itself.
    Alone(Box<Pipeline>, Box<Work>),
    /// Workers.
    Several(Workers),
}

impl Crew {
    /// Classifies with `pipeline`; what is done by workers rings the `bell`.
    pub(super) fn new(pipeline: Pipeline, bell: &Arc<Bell>) -> Self {
        match pipeline.is_wide() {
            true => Self::Several(Workers::start(pipeline, bell)),
            false => Self::Alone(Box::new(pipeline), Box::default()),
        }
    }

    /// What the next frame can be put into, if anybody is free.
    pub(super) fn free(&mut self) -> Option<&mut Work> {
        match self {
            Self::Alone(_, work) => Some(work),
            Self::Several(workers) => workers.free.last_mut().map(Box::as_mut),
        }
    }

    /// Classifies the frame that was put there: now, or from now on.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Alone(pipeline, work) => {
                let (frames, records) = (
                    std::slice::from_ref(&work.frame),
                    std::slice::from_mut(&mut work.record),
                );
                pipeline.classify_of(work.source, frames, records);
            }
            Self::Several(workers) => workers.begin(),
        }
    }
}

/// Workers, each on a thread of its own.
pub(super) struct Workers {
    desks: Vec<Arc<Desk>>,
    threads: Vec<JoinHandle<()>>,
    /// One for each worker that has nothing to do.
    #[expect(
        clippy::vec_box,
        reason = "the boxes go to the desks and come back: a frame takes no memory"
    )]
    free: Vec<Box<Work>>,
}

/// Where a worker gets its work and leaves it.
#[derive(Default)]
struct Desk {
    on_it: Mutex<Item>,
    changed: Condvar,
}

#[derive(Default)]
enum Item {
    #[default]
    Nothing,
    ToDo(Box<Work>),
    Done(Box<Work>),
    /// The worker died of it.
    Lost,
    /// There will be no more.
    Closed,
}

impl Workers {
    fn start(pipeline: Pipeline, bell: &Arc<Bell>) -> Self {
        let (all, sources) = pipeline.into_parts();
        let sources: Arc<[Mutex<PerSource>]> = sources.into_iter().map(Mutex::new).collect();
        let desks: Vec<Arc<Desk>> = all.iter().map(|_| Arc::default()).collect();
        let free = (0..all.len()).map(|worker| {
            Box::new(Work {
                worker,
                ..Work::default()
            })
        });
        let threads = all.into_iter().zip(&desks).map(|(stages, desk)| {
            let (sources, desk, bell) = (sources.clone(), desk.clone(), bell.clone());
            thread::spawn(move || work(stages, &sources, &desk, &bell))
        });
        Self {
            free: free.collect(),
            threads: threads.collect(),
            desks,
        }
    }

    /// Gives out the work that was prepared last.
    fn begin(&mut self) {
        if let Some(work) = self.free.pop() {
            let desk = &self.desks[work.worker];
            *desk.on_it.lock() = Item::ToDo(work);
            desk.changed.notify_one();
        }
    }

    /// Whether somebody works.
    pub(super) fn is_busy(&self) -> bool {
        self.free.len() < self.desks.len()
    }

    /// Work that is done; it has to be [given back](Self::give_back).
    ///
    /// # Errors
    /// A worker died.
    pub(super) fn done(&mut self) -> Result<Option<Box<Work>>> {
        for desk in &self.desks {
            let mut item = desk.on_it.lock();
            match mem::take(&mut *item) {
                Item::Done(work) => return Ok(Some(work)),
                Item::Lost => return Err(died()),
                other => *item = other,
            }
        }
        Ok(None)
    }

    /// The work was told of.
    pub(super) fn give_back(&mut self, work: Box<Work>) {
        self.free.push(work);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for desk in &self.desks {
            *desk.on_it.lock() = Item::Closed;
            desk.changed.notify_one();
        }
        // A run of the network ends before the program does: engines do not like to be left.
        for thread in self.threads.drain(..) {
            // What a worker died of was told already.
            let _ = thread.join();
        }
    }
}

/// A worker's life.
fn work(mut stages: Stages, sources: &[Mutex<PerSource>], desk: &Desk, bell: &Bell) {
    loop {
        let mut item = desk.on_it.lock();
        desk.changed.wait_while(&mut item, |item| {
            matches!(item, Item::Nothing | Item::Done(_))
        });
        let Item::ToDo(mut work) = mem::take(&mut *item) else {
            return;
        };
        drop(item);
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let (frames, records) = (
                std::slice::from_ref(&work.frame),
                std::slice::from_mut(&mut work.record),
            );
            stages.classify(&mut sources[work.source].lock(), frames, records);
            mem::swap(&mut work.scores, &mut stages.scores);
            work
        }));
        let mut item = desk.on_it.lock();
        if matches!(*item, Item::Closed) {
            return;
        }
        let over = worked.is_err();
        *item = worked.map_or(Item::Lost, Item::Done);
        drop(item);
        bell.ring();
        if over {
            return;
        }
    }
}

fn died() -> Error {
    Error::engine("worker", "a worker died and took a frame with it")
        .with_remedy("this is a fault of the program: report it with the message above")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::{Crew, Work, Workers};
    use crate::engine::{Engine, Identity};
    use crate::model::{Model, Overrides};
    use crate::pipeline::capture::{Bell, Encoding, Frame, Matrix, PixelFormat, RawFormat};
    use crate::pipeline::{Pipeline, PipelineOptions};
    use crate::tensor::{Outputs, Tensor};

    /// Waits, not for ever, until as many run as `wanted`; dies of it if none is.
    struct Stub {
        identity: Identity,
        inside: Arc<AtomicUsize>,
        wanted: usize,
    }

    impl Engine for Stub {
        fn identity(&self) -> &Identity {
            &self.identity
        }

        fn run(&mut self, _: &Tensor, outputs: &mut Outputs) -> crate::Result<()> {
            assert!(self.wanted > 0, "as the test wants it");
            self.inside.fetch_add(1, Ordering::SeqCst);
            let started = Instant::now();
            while self.inside.load(Ordering::SeqCst) < self.wanted {
                assert!(started.elapsed() < Duration::from_secs(20), "it is alone");
                std::thread::yield_now();
            }
            outputs.scores.begin([1, 4].into_iter());
            outputs.scores.values.extend([0.5, 3.0, 1.0, 2.0]);
            Ok(())
        }
    }

    /// Two workers for two sources, that run when two do.
    fn workers(wanted: usize) -> Workers {
        let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/shapes.onnx");
        let model = Model::open(&shapes, Overrides::default()).unwrap();
        let inside = Arc::new(AtomicUsize::new(0));
        let engine = || {
            Box::new(Stub {
                identity: Identity {
                    engine: "stub".into(),
                    provider: "cpu".into(),
                    prepared: false,
                },
                inside: inside.clone(),
                wanted,
            })
        };
        let options = PipelineOptions::default();
        let mut pipeline = Pipeline::new(&model, engine(), options).unwrap();
        pipeline.add_source(&model, &Default::default()).unwrap();
        pipeline.widen(&model, engine(), &options).unwrap();
        match Crew::new(pipeline, &Arc::new(Bell::default())) {
            Crew::Several(workers) => workers,
            Crew::Alone(..) => panic!("nobody helps"),
        }
    }

    fn begin(workers: &mut Workers, source: usize) {
        let work: &mut Work = workers.free.last_mut().unwrap();
        work.source = source;
        work.frame = Frame {
            number: 7 + source as u64,
            bytes: vec![77; 3 * 64 * 64],
            encoding: Encoding::Raw(RawFormat {
                pixels: PixelFormat::Rgb24,
                width: 64,
                height: 64,
                full_range: true,
                matrix: Matrix::Bt601,
            }),
            ..Frame::default()
        };
        workers.begin();
    }

    fn wait(workers: &mut Workers) -> crate::Result<Box<Work>> {
        let started = Instant::now();
        loop {
            if let Some(work) = workers.done()? {
                return Ok(work);
            }
            assert!(started.elapsed() < Duration::from_secs(20), "nothing comes");
            std::thread::yield_now();
        }
    }

    #[test]
    fn frames_of_two_sources_are_classified_at_once() {
        let mut workers = workers(2);
        begin(&mut workers, 0);
        begin(&mut workers, 1);
        assert!(workers.free.is_empty() && workers.is_busy());
        let mut seen = Vec::new();
        for _ in 0..2 {
            let work = wait(&mut workers).unwrap();
            assert!(work.record.failure.is_none(), "{:?}", work.record.failure);
            assert_eq!(work.record.number, 7 + work.source as u64);
            assert_eq!(work.record.decision.best.index, 1);
            assert_eq!(work.scores.0.len(), 4);
            seen.push(work.source);
            workers.give_back(work);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
        assert!(!workers.is_busy());
    }

    #[test]
    fn a_worker_that_dies_is_noticed() {
        let mut workers = workers(0);
        begin(&mut workers, 0);
        let error = wait(&mut workers).err().unwrap().to_string();
        assert!(error.contains("a worker died"), "{error}");
    }
}
