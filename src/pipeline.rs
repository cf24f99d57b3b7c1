//! The way of a frame: capture → decode → preprocess → score → smooth → write. The stages are
//! known here and in `stages.rs`, which runs them, and nowhere else.

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
mod stages;
pub mod summary;
pub(crate) mod view;
pub mod workers;
pub mod write;

use crate::engine::Engine;
use crate::error::Result;
use crate::model::Model;
use capture::Frame;
pub use maker::{PipelineMaker, frames_at_once};
pub use motion::MotionGateOptions;
pub(crate) use per_source::PerSource;
pub use per_source::PerSourceOptions;
use preprocess::Framing;
use record::Record;
pub use score::{Candidate, Scores};
pub(crate) use score::{Distance, Scorer, best};
pub use smooth::{Change, Decision, Present, SmoothRequest, State, UnknownReason};
pub(crate) use stages::Stages;
use stages::StagesOptions;

/// Everything that classifies frames on one thread, with its reused buffers: of one source,
/// or of several that share the model.
pub struct Pipeline {
    stages: Stages,
    /// Those of further workers: of several sources, several frames may be classified at once.
    further: Vec<Stages>,
    sources: Vec<PerSource>,
    fast_decode: bool,
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

    /// What of it is about all sources.
    fn stages(&self) -> StagesOptions {
        StagesOptions {
            max_pixels: self.max_pixels,
            batch: self.batch,
            top_k: self.top_k,
            embedding: self.embedding,
        }
    }
}

impl Pipeline {
    /// A pipeline for `model` on `engine`, for one source.
    ///
    /// # Errors
    /// There is no memory for a decoder; the options contradict the model.
    pub fn new(model: &Model, engine: Box<dyn Engine>, options: PipelineOptions) -> Result<Self> {
        let first = PerSource::new(&model.manifest, &options.per_source(), options.fast_decode)?;
        let tensor = first.preprocessor.tensor(options.batch);
        Ok(Self {
            stages: Stages::new(model, engine, tensor, &options.stages())?,
            further: Vec::new(),
            sources: vec![first],
            fast_decode: options.fast_decode,
        })
    }

    /// Classifies one frame more at once, on `engine`: each source's frames still come one after
    /// the other.
    ///
    /// # Errors
    /// There is no memory for a decoder.
    pub(crate) fn widen(
        &mut self,
        model: &Model,
        engine: Box<dyn Engine>,
        options: &PipelineOptions,
    ) -> Result<()> {
        let tensor = self.sources[0].preprocessor.tensor(options.batch);
        let stages = Stages::new(model, engine, tensor, &options.stages())?;
        self.further.push(stages);
        Ok(())
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
        self.stages.batch
    }

    /// Sources that it serves.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// The engine, for what it says about itself.
    pub fn engine(&self) -> &dyn Engine {
        &*self.stages.engine
    }

    /// Changes how many classes a record lists.
    pub fn set_top_k(&mut self, top_k: usize) {
        self.stages.top_k = top_k;
    }

    /// The scores of every class for the frame classified last.
    pub fn scores(&self) -> &Scores {
        &self.stages.scores
    }

    /// Runs the network once on nothing, so that the first frame does not wait for what
    /// engines put off until then.
    ///
    /// # Errors
    /// The network cannot be run.
    pub fn warm_up(&mut self) -> Result<()> {
        let all = std::iter::once(&mut self.stages).chain(&mut self.further);
        all.into_iter().try_for_each(Stages::warm_up)
    }

    /// Classifies up to a batch of frames, each into the record at its place. A frame that
    /// fails leaves its error in its record and does not disturb the others.
    pub fn classify(&mut self, frames: &[Frame], records: &mut [Record]) {
        self.classify_of(0, frames, records);
    }

    /// The same for frames of the source at place `source`; the first is 0.
    pub fn classify_of(&mut self, source: usize, frames: &[Frame], records: &mut [Record]) {
        self.stages
            .classify(&mut self.sources[source], frames, records);
    }

    /// Whether it has stages for several frames at once.
    pub(crate) fn is_wide(&self) -> bool {
        !self.further.is_empty()
    }

    /// The stages for several frames at once, and what is kept of each source.
    pub(crate) fn into_parts(self) -> (Vec<Stages>, Vec<PerSource>) {
        let first = std::iter::once(self.stages);
        (first.chain(self.further).collect(), self.sources)
    }
}
