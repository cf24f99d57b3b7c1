//! The way of a frame: capture → decode → preprocess → score → smooth → write. This is
//! the only place that knows all stages; it runs them one after the other and times them.

pub mod capture;
pub mod decode;
mod luma;
mod maker;
mod motion;
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
use motion::MotionGate;
pub use motion::MotionGateOptions;
use preprocess::{Framing, Geometry, Preprocessor};
use record::{Record, Timing};
pub use score::{Candidate, Scores};
pub(crate) use score::{Scorer, best};
use smooth::Decider;
pub use smooth::{Change, Decision, Present, SmoothRequest, State};

/// Everything that classifies frames on one thread, with its reused buffers.
pub struct Pipeline {
    decoder: Decoder,
    preprocessor: Preprocessor,
    engine: Box<dyn Engine>,
    scorer: Scorer,
    decider: Decider,
    gate: Option<MotionGate>,
    picture: Picture,
    luma: LumaSummary,
    tensor: Tensor,
    outputs: Outputs,
    scores: Scores,
    batch: usize,
    fixed: bool,
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

impl Pipeline {
    /// A pipeline for `model` on `engine`.
    ///
    /// # Errors
    /// There is no memory for a decoder; the options contradict the model.
    pub fn new(model: &Model, engine: Box<dyn Engine>, options: PipelineOptions) -> Result<Self> {
        let manifest = &model.manifest;
        let gray = manifest.input.color.channels() == 1;
        let geometry = Geometry::new(&manifest.preprocess, options.framing, options.fast_decode);
        let preprocessor = Preprocessor::new(&manifest.input, geometry);
        Ok(Self {
            decoder: Decoder::new(DecodeOptions {
                max_pixels: options.max_pixels,
                gray,
            })?,
            tensor: preprocessor.tensor(options.batch),
            preprocessor,
            engine,
            scorer: Scorer::new(manifest),
            decider: Decider::new(&options.smooth, manifest)?,
            gate: options
                .motion_gate
                .map(|gate| MotionGate::new(gate, options.smooth.settling())),
            picture: Picture::default(),
            luma: LumaSummary::default(),
            outputs: Outputs::new(options.embedding),
            scores: Scores::default(),
            batch: options.batch,
            fixed: model.file.fixed_batch.is_some(),
            top_k: options.top_k,
        })
    }

    /// Frames that fit into one run of the network.
    pub fn batch(&self) -> usize {
        self.batch
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
        assert!(
            frames.len() <= self.batch && frames.len() == records.len(),
            "the caller gathers batches"
        );
        let mut good = 0;
        for (frame, record) in frames.iter().zip(records.iter_mut()) {
            begin(record, frame);
            match self.fill(frame, good) {
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
                None => self.decide(batch, item, frame.instant, record).err(),
            };
            let timing = &mut record.timing;
            timing.total = timing.capture + timing.decode + timing.preprocess + timing.inference;
            record.frame_age = frame.live.then(|| frame.instant.elapsed());
        }
    }

    /// Decodes and preprocesses a frame into place `item` of the tensor; `None` if it shows
    /// nothing new.
    fn fill(&mut self, frame: &Frame, item: usize) -> Result<Option<Timing>> {
        let started = Instant::now();
        let geometry = self.preprocessor.geometry();
        self.decoder.decode(frame, geometry, &mut self.picture)?;
        if let Some(gate) = &mut self.gate {
            self.luma.measure(&self.picture);
            if gate.skips(&self.luma, frame.instant) {
                return Ok(None);
            }
        }
        let decoded = Instant::now();
        self.preprocessor.run(&self.picture, &mut self.tensor, item);
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
        batch: usize,
        item: usize,
        at: Instant,
        record: &mut Record,
    ) -> Result<()> {
        self.scorer
            .run(&self.outputs.scores, batch, item, &mut self.scores)?;
        record.decision = self.decider.run(&mut self.scores, at, &mut record.present);
        self.scores.top(self.top_k, &mut record.top);
        record.output_warning = self.scorer.warning();
        if let Some(embedding) = &self.outputs.embedding {
            embedding.features(item, &mut record.embedding);
        }
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
