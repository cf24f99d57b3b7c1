//! The door for most programs: open a model, classify pictures, get answers. Whatever the
//! commands do right is done here, too: the engine that is there is found, a network that
//! was optimised ahead is loaded, a batch that the network fixes is honoured, and nobody is
//! reported to.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Device, EngineChoice, EngineOptions, Identity};
use crate::error::{Error, Result};
use crate::model::{Model, Overrides};
use crate::pipeline::capture::Frame;
use crate::pipeline::preprocess::Framing;
use crate::pipeline::record::{Record, Timing};
use crate::pipeline::write::unknown;
use crate::pipeline::{Candidate, Pipeline, PipelineMaker, PipelineOptions, UnknownReason};

/// A model that is loaded and ready: encoded pictures in, [`Answer`]s out.
///
/// ```
/// # fn main() -> ocelli::Result<()> {
/// # let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
/// let mut classifier = ocelli::Classifier::builder(format!("{models}/shapes.onnx"))
///     .top_k(2)
///     .threads(1)
///     .embedding(true)
///     .open()?;
/// let photos = ["circle-1", "square-1"].map(|name| {
///     std::fs::read(format!("{models}/samples/{name}.jpg")).unwrap()
/// });
/// let answers = classifier.classify_batch(&photos);
/// for (answer, expected) in answers.into_iter().zip(["circle", "square"]) {
///     let answer = answer?;
///     assert_eq!(answer.label, expected);
///     assert_eq!(answer.top.len(), 2);
/// }
/// let scores = classifier.scores(&photos[0])?;
/// assert_eq!(scores.len(), classifier.labels().len());
/// assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5);
/// assert!(!classifier.embedding(&photos[0])?.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Classifier {
    maker: PipelineMaker,
    pipeline: Pipeline,
    frames: Vec<Frame>,
    records: Vec<Record>,
}

/// What a picture shows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The best class.
    pub label: String,
    /// Its place among [`Classifier::labels`].
    pub index: usize,
    /// Its calibrated probability, 0 to 1.
    pub score: f32,
    /// The best classes, best first; as many as [`ClassifierBuilder::top_k`] says.
    pub top: Vec<Guess>,
    /// Whether the model does not know: the score is below the threshold that training
    /// found, or that [`ClassifierBuilder::threshold`] sets, or the picture is too unlike those
    /// it was trained with. The label is the best guess.
    pub unknown: bool,
    /// Which of it, if one class at a time is answered.
    pub unknown_reason: Option<UnknownReason>,
    /// How far the picture's features are from those of the best class, where the model says how
    /// far they may be ([`Rejection::distance`](crate::model::manifest::Rejection::distance)).
    pub distance: Option<f32>,
    /// The labels that are there, the surest first, where they are independent of one another
    /// ([`OutputKind::is_independent`]); else none.
    ///
    /// [`OutputKind::is_independent`]: crate::model::manifest::OutputKind::is_independent
    pub present: Vec<Guess>,
    /// How long each stage took; in a batch, its share.
    pub timing: Timing,
    /// What is wrong with the model's output, if anything is: its scores mean nothing then.
    pub warning: Option<&'static str>,
}

/// One class and its score.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Guess {
    /// The class.
    pub label: String,
    /// Its place among [`Classifier::labels`].
    pub index: usize,
    /// Its calibrated probability, 0 to 1.
    pub score: f32,
}

/// How a [`Classifier`] is made.
#[derive(Clone, Debug)]
pub struct ClassifierBuilder {
    path: PathBuf,
    overrides: Overrides,
    engine: EngineOptions,
    threads: Option<usize>,
    options: PipelineOptions,
}

impl Classifier {
    /// Opens the model at `path`, an ONNX file or a Hugging Face folder, on the best engine
    /// that this machine has. `hf:OWNER/NAME` is a model of the Hugging Face Hub, which is
    /// fetched if it is not in the cache ([`locate`](crate::model::locate)).
    ///
    /// # Errors
    /// The file is not a model that can be used, or does not say enough; no engine can load
    /// it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open()
    }

    /// The same with settings.
    pub fn builder(path: impl AsRef<Path>) -> ClassifierBuilder {
        ClassifierBuilder {
            path: path.as_ref().to_owned(),
            overrides: Overrides::default(),
            engine: EngineOptions::default(),
            threads: None,
            options: PipelineOptions::default(),
        }
    }

    /// Classifies one encoded picture: JPEG, PNG, WebP, GIF (its first frame), BMP, TIFF or
    /// PNM; the bytes say which.
    ///
    /// # Errors
    /// The bytes are not a picture, damaged, or too large ([`ErrorKind::Input`]); or the
    /// network fails.
    ///
    /// [`ErrorKind::Input`]: crate::ErrorKind::Input
    pub fn classify(&mut self, picture: impl AsRef<[u8]>) -> Result<Answer> {
        self.run(&[picture.as_ref()]);
        self.take(0)
    }

    /// Classifies encoded pictures, in runs of as many as the network takes at a time
    /// ([`ClassifierBuilder::batch`]). Each has its own result: a bad one does not disturb
    /// the others.
    pub fn classify_batch<P: AsRef<[u8]>>(&mut self, pictures: &[P]) -> Vec<Result<Answer>> {
        let mut answers = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(self.pipeline.batch()) {
            let batch: Vec<&[u8]> = batch.iter().map(AsRef::as_ref).collect();
            self.run(&batch);
            answers.extend((0..batch.len()).map(|item| self.take(item)));
        }
        answers
    }

    /// The calibrated probability of every class, in the order of [`labels`](Self::labels).
    ///
    /// # Errors
    /// As [`classify`](Self::classify).
    pub fn scores(&mut self, picture: impl AsRef<[u8]>) -> Result<Vec<f32>> {
        self.classify(picture)?;
        Ok(self.pipeline.scores().0.clone())
    }

    /// The features below the classes, D values. The classifier has to be made with
    /// [`ClassifierBuilder::embedding`].
    ///
    /// # Errors
    /// As [`classify`](Self::classify); it was made without.
    pub fn embedding(&mut self, picture: impl AsRef<[u8]>) -> Result<Vec<f32>> {
        if !self.maker.options.embedding {
            return Err(
                Error::usage("embedding", "the classifier was made without it")
                    .with_remedy("ask its builder for the embedding"),
            );
        }
        self.classify(picture)?;
        Ok(self.records[0].embedding.clone())
    }

    /// Class names, in the order of the model's output.
    pub fn labels(&self) -> &[String] {
        &self.model().manifest.labels
    }

    /// The model: its manifest, and where each fact comes from.
    pub fn model(&self) -> &Model {
        &self.maker.model
    }

    /// What really runs: engine and provider.
    pub fn identity(&self) -> &Identity {
        self.pipeline.engine().identity()
    }

    fn run(&mut self, pictures: &[&[u8]]) {
        for (number, (frame, picture)) in self.frames.iter_mut().zip(pictures).enumerate() {
            frame.number = number as u64;
            frame.source.clear();
            frame.source.push_str("picture");
            frame.bytes.clear();
            frame.bytes.extend_from_slice(picture);
        }
        let count = pictures.len();
        self.pipeline
            .classify(&self.frames[..count], &mut self.records[..count]);
    }

    fn take(&mut self, item: usize) -> Result<Answer> {
        let record = &mut self.records[item];
        if let Some(error) = record.failure.take() {
            return Err(error);
        }
        let labels = &self.maker.model.manifest.labels;
        let guess = |candidate: &Candidate| Guess {
            label: labels[candidate.index].clone(),
            index: candidate.index,
            score: candidate.score,
        };
        let best = record.decision.best;
        Ok(Answer {
            label: labels[best.index].clone(),
            index: best.index,
            score: best.score,
            top: record.top.iter().map(guess).collect(),
            present: record.present.now.iter().map(guess).collect(),
            unknown: record.decision.unknown,
            unknown_reason: record.decision.unknown_reason,
            distance: record.distance,
            timing: record.timing,
            warning: record.output_warning,
        })
    }
}

impl ClassifierBuilder {
    /// Facts that the model does not state itself, or that are to win over what it states.
    #[must_use]
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Which engine; otherwise ONNX Runtime where it is found, else the pure-Rust one.
    #[must_use]
    pub fn engine(mut self, choice: EngineChoice) -> Self {
        self.engine.choice = choice;
        self
    }

    /// An ONNX Runtime library to use and no other.
    #[must_use]
    pub fn library(mut self, library: impl AsRef<Path>) -> Self {
        self.engine.library = Some(library.as_ref().to_owned());
        self
    }

    /// What is to compute; otherwise a GPU if ONNX Runtime is made for one, else the CPU.
    /// If it cannot, the CPU computes, which is logged; with `require` that is an error.
    #[must_use]
    pub fn device(mut self, device: Device, require: bool) -> Self {
        (self.engine.device, self.engine.require) = (device, require);
        self
    }

    /// Threads per run of the network; otherwise the cores, at most 4.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Classes in [`Answer::top`]; otherwise 5.
    #[must_use]
    pub fn top_k(mut self, top_k: usize) -> Self {
        self.options.top_k = top_k;
        self
    }

    /// The probability below which the answer is "unknown", 0 to 1; otherwise the model's
    /// own.
    #[must_use]
    pub fn threshold(mut self, threshold: f32) -> Self {
        self.options.smooth.enter = Some(threshold);
        self
    }

    /// The distance beyond which the answer is "unknown", infinite for none; otherwise the
    /// model's own.
    #[must_use]
    pub fn farthest(mut self, distance: f32) -> Self {
        self.options.smooth.farthest = Some(distance);
        self
    }

    /// Which part of pictures is looked at, and which way up.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.options.framing = framing;
        self
    }

    /// Pictures per run of the network in [`Classifier::classify_batch`]; otherwise 1. A
    /// number that the network fixes rules.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.options.batch = batch.max(1);
        self
    }

    /// Whether features are wanted: [`Classifier::embedding`].
    #[must_use]
    pub fn embedding(mut self, embedding: bool) -> Self {
        self.engine.embedding = embedding;
        self.options.embedding = embedding;
        self
    }

    /// Pictures of more pixels are refused before they are decoded; otherwise 100 million.
    #[must_use]
    pub fn max_pixels(mut self, max_pixels: usize) -> Self {
        self.options.max_pixels = max_pixels;
        self
    }

    /// Opens the model.
    ///
    /// # Errors
    /// As [`Classifier::open`]; the settings contradict the model.
    pub fn open(self) -> Result<Classifier> {
        let model = Arc::new(Model::open(&self.path, self.overrides)?);
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = self.threads.unwrap_or(cores.min(4));
        let maker = PipelineMaker::new(model, &self.engine, threads, self.options)?;
        let pipeline = maker.make_warm()?;
        let batch = pipeline.batch();
        Ok(Classifier {
            frames: std::iter::repeat_with(Frame::default).take(batch).collect(),
            records: std::iter::repeat_with(Record::default)
                .take(batch)
                .collect(),
            maker,
            pipeline,
        })
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("model", &self.model().manifest.id())
            .field("identity", self.identity())
            .finish_non_exhaustive()
    }
}

/// `star 0.9871`, or `unknown, perhaps star 0.4120`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = match self.unknown {
            true => unknown(self.unknown_reason),
            false => "",
        };
        write!(f, "{unknown}{} {:.4}", self.label, self.score)
    }
}
