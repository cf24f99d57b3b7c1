//! The way of a frame: capture → decode → preprocess → score → smooth → write. This is
//! the only place that knows all stages; it runs them one after the other and times them.

pub mod capture;
pub mod decode;
mod luma;
mod maker;
mod motion;
mod per_source;
pub mod preprocess;
pub mod record;
mod score;
mod smooth;
pub mod workers;
pub mod write;

use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::tensor::{Outputs, Tensor};
use capture::Frame;
use decode::{DecodeOptions, Decoder, Picture};
use luma::LumaSummary;
pub use maker::PipelineMaker;
pub use motion::MotionGateOptions;
use per_source::PerSource;
pub use per_source::PerSourceOptions;
use preprocess::Framing;
use record::{Record, Timing};
pub use score::{Candidate, Scores};
pub(crate) use score::{Distance, Scorer, best};
pub use smooth::{Change, Decision, Present, SmoothRequest, State, UnknownReason};

/// Everything that classifies frames on one thread, with its reused buffers: of one source,
/// or of several that share the model.
pub struct Pipeline {
    decoder: Decoder,
    engine: Box<dyn Engine>,
    scorer: Scorer,
    /// Of a model that rejects what is too far.
    distance: Option<Distance>,
    sources: Vec<PerSource>,
    picture: Picture,
    luma: LumaSummary,
    tensor: Tensor,
    outputs: Outputs,
    scores: Scores,
    batch: usize,
    fixed: bool,
    fast_decode: bool,
    top_k: usize,
}

/// Larger pictures are refused unless they are asked for: 100 megapixels.
pub const MAX_PIXELS: usize = 100_000_000;

/// How frames are classified.
#[derive(Clone, Copy, Debug)]
pub struct PipelineOptions {
    /// Pictures of more pixels are refused.
    pub max_pixels: usize,
    /// Whether JPEGs may be decoded at a lower resolution.
    pub fast_decode: bool,
    /// Which part of pictures is looked at, and which way up.
    pub framing: Framing,
    /// Frames per run of the network.
    pub batch: usize,
    /// Classes per record.
    pub top_k: usize,
    /// How steady decisions are.
    pub smooth: SmoothRequest,
    /// Whether frames that show nothing new are skipped.
    pub motion_gate: Option<MotionGateOptions>,
    /// Whether records carry the features below the classes; the engine has to be made to
    /// give them ([`EngineOptions::embedding`](crate::EngineOptions::embedding)).
    pub embedding: bool,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            max_pixels: MAX_PIXELS,
            fast_decode: false,
            framing: Framing::default(),
            batch: 1,
            top_k: 5,
            smooth: SmoothRequest::default(),
            motion_gate: None,
            embedding: false,
        }
    }
}

impl PipelineOptions {
    /// The same for a source that is looked at in this way.
    #[must_use]
    pub fn with_source(self, source: PerSourceOptions) -> Self {
        let PerSourceOptions {
            framing,
            smooth,
            motion_gate,
        } = source;
        Self {
            framing,
            smooth,
            motion_gate,
            ..self
        }
    }

    /// What of it is about one source.
    fn per_source(&self) -> PerSourceOptions {
        PerSourceOptions {
            framing: self.framing,
            smooth: self.smooth,
            motion_gate: self.motion_gate,
        }
    }
}

impl Pipeline {
    /// A pipeline for `model` on `engine`, for one source.
    ///
    /// # Errors
    /// There is no memory for a decoder; the options contradict the model.
    pub fn new(model: &Model, engine: Box<dyn Engine>, options: PipelineOptions) -> Result<Self> {
        let manifest = &model.manifest;
        let gray = manifest.input.color.channels() == 1;
        let distance = Distance::new(manifest);
        let first = PerSource::new(manifest, &options.per_source(), options.fast_decode)?;
        Ok(Self {
            decoder: Decoder::new(DecodeOptions {
                max_pixels: options.max_pixels,
                gray,
            })?,
            tensor: first.preprocessor.tensor(options.batch),
            engine,
            scorer: Scorer::new(manifest),
            sources: vec![first],
            picture: Picture::default(),
            luma: LumaSummary::default(),
            outputs: Outputs::new(options.embedding || distance.is_some()),
            distance,
            scores: Scores::default(),
            batch: options.batch,
            fixed: model.file.fixed_batch.is_some(),
            fast_decode: options.fast_decode,
            top_k: options.top_k,
        })
    }

    /// Serves one source more of the same `model`: the second, the third.
    ///
    /// # Errors
    /// The options contradict the model.
    pub fn add_source(&mut self, model: &Model, options: &PerSourceOptions) -> Result<()> {
        let source = PerSource::new(&model.manifest, options, self.fast_decode)?;
        self.sources.push(source);
        Ok(())
    }

    /// Frames that fit into one run of the network.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Sources that it serves.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// The engine, for what it says about itself.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Changes how many classes a record lists.
    pub fn set_top_k(&mut self, top_k: usize) {
        self.top_k = top_k;
    }

    /// The scores of every class for the frame classified last.
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// Runs the network once on nothing, so that the first frame does not wait for what
    /// engines put off until then.
    ///
    /// # Errors
    /// The network cannot be run.
    pub fn warm_up(&mut self) -> Result<()> {
        self.tensor.set_batch(self.batch);
        self.engine.run(&self.tensor, &mut self.outputs)
    }

    /// Classifies up to a batch of frames, each into the record at its place. A frame that
    /// fails leaves its error in its record and does not disturb the others.
    pub fn classify(&mut self, frames: &[Frame], records: &mut [Record]) {
        self.classify_of(0, frames, records);
    }

    /// The same for frames of the source at place `source`; the first is 0.
    pub fn classify_of(&mut self, source: usize, frames: &[Frame], records: &mut [Record]) {
        assert!(
            frames.len() <= self.batch && frames.len() == records.len(),
            "the caller gathers batches"
        );
        let mut good = 0;
        for (frame, record) in frames.iter().zip(records.iter_mut()) {
            begin(record, frame);
            match self.fill(source, frame, good) {
                Ok(Some(timing)) => {
                    record.timing = timing;
                    good += 1;
                }
                Ok(None) => record.skipped = true,
                Err(error) => record.failure = Some(error),
            }
        }
        if good == 0 {
            return;
        }
        let batch = if self.fixed { self.batch } else { good };
        self.tensor.set_batch(batch);
        let started = Instant::now();
        let ran = self.engine.run(&self.tensor, &mut self.outputs);
        let inference = started.elapsed() / u32::try_from(good).unwrap_or(1);
        self.tensor.set_batch(self.batch);
        let failure = ran.err().map(|e| format!("{e:#}"));
        let prepared = records
            .iter_mut()
            .zip(frames)
            .filter(|(record, _)| record.failure.is_none() && !record.skipped);
        for (item, (record, frame)) in prepared.enumerate() {
            record.timing.inference = inference;
            record.failure = match &failure {
                Some(what) => Some(Error::engine(&frame.source, what.as_str())),
                None => self
                    .decide(source, (batch, item), frame.instant, record)
                    .err(),
            };
            let timing = &mut record.timing;
            timing.total = timing.capture + timing.decode + timing.preprocess + timing.inference;
            record.frame_age = frame.live.then(|| frame.instant.elapsed());
        }
    }

    /// Decodes and preprocesses a frame into place `item` of the tensor; `None` if it shows
    /// nothing new.
    fn fill(&mut self, source: usize, frame: &Frame, item: usize) -> Result<Option<Timing>> {
        let started = Instant::now();
        let PerSource {
            preprocessor, gate, ..
        } = &mut self.sources[source];
        let geometry = preprocessor.geometry();
        self.decoder.decode(frame, geometry, &mut self.picture)?;
        if let Some(gate) = gate {
            self.luma.measure(&self.picture);
            if gate.skips(&self.luma, frame.instant) {
                return Ok(None);
            }
        }
        let decoded = Instant::now();
        preprocessor.run(&self.picture, &mut self.tensor, item);
        self.picture.let_go();
        Ok(Some(Timing {
            capture: frame.capture,
            decode: decoded - started,
            preprocess: decoded.elapsed(),
            inference: Duration::ZERO,
            total: Duration::ZERO,
        }))
    }

    fn decide(
        &mut self,
        source: usize,
        (batch, item): (usize, usize),
        at: Instant,
        record: &mut Record,
    ) -> Result<()> {
        self.scorer
            .run(&self.outputs.scores, batch, item, &mut self.scores)?;
        if let Some(embedding) = &self.outputs.embedding {
            embedding.features(item, &mut record.embedding);
        }
        let class = best(&self.scores.0).index;
        let distance = self.distance.as_ref();
        record.distance = distance
            .map(|distance| distance.run(&record.embedding, class))
            .transpose()?;
        let decider = &mut self.sources[source].decider;
        record.decision = decider.run(
            &mut self.scores,
            &mut record.distance,
            at,
            &mut record.present,
        );
        self.scores.top(self.top_k, &mut record.top);
        record.output_warning = self.scorer.warning();
        Ok(())
    }
}

fn begin(record: &mut Record, frame: &Frame) {
    record.number = frame.number;
    record.source.clone_from(&frame.source);
    record.time = frame.time;
    record.drops = frame.live.then_some(frame.drops);
    record.frame_age = None;
    record.output_warning = None;
    record.skipped = false;
    record.failure = None;
}
