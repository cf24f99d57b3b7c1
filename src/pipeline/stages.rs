//! The stages on one thread, with their reused buffers: all that classifying needs but what is
//! kept of a source. They run one after the other and are timed.

use std::time::{Duration, Instant};

use super::capture::Frame;
use super::decode::{DecodeOptions, Decoder, Picture};
use super::luma::LumaSummary;
use super::per_source::PerSource;
use super::record::{Record, Timing};
use super::score::{Distance, Scorer, Scores, best};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::tensor::{Outputs, Tensor};

/// The stages.
pub(crate) struct Stages {
    decoder: Decoder,
    pub(super) engine: Box<dyn Engine>,
    scorer: Scorer,
    /// Of a model that rejects what is too far.
    distance: Option<Distance>,
    picture: Picture,
    luma: LumaSummary,
    tensor: Tensor,
    outputs: Outputs,
    pub(crate) scores: Scores,
    pub(super) batch: usize,
    fixed: bool,
    pub(super) top_k: usize,
}

/// What they are to do.
pub(super) struct StagesOptions {
    pub(super) max_pixels: usize,
    pub(super) batch: usize,
    pub(super) top_k: usize,
    pub(super) embedding: bool,
}

impl Stages {
    /// The stages for `model` on `engine`, which fill tensors like `tensor`.
    ///
    /// # Errors
    /// There is no memory for a decoder.
    pub(super) fn new(
        model: &Model,
        engine: Box<dyn Engine>,
        tensor: Tensor,
        options: &StagesOptions,
    ) -> Result<Self> {
        let manifest = &model.manifest;
        let distance = Distance::new(manifest);
        Ok(Self {
            decoder: Decoder::new(DecodeOptions {
                max_pixels: options.max_pixels,
                gray: manifest.input.color.channels() == 1,
            })?,
            engine,
            scorer: Scorer::new(manifest),
            picture: Picture::default(),
            luma: LumaSummary::default(),
            tensor,
            outputs: Outputs::new(options.embedding || distance.is_some()),
            distance,
            scores: Scores::default(),
            batch: options.batch,
            fixed: model.file.fixed_batch.is_some(),
            top_k: options.top_k,
        })
    }

    /// Runs the network once on nothing.
    ///
    /// # Errors
    /// The network cannot be run.
    pub(super) fn warm_up(&mut self) -> Result<()> {
        self.tensor.set_batch(self.batch);
        self.engine.run(&self.tensor, &mut self.outputs)
    }

    /// Classifies up to a batch of frames of one `source`, each into the record at its place.
    pub(crate) fn classify(
        &mut self,
        source: &mut PerSource,
        frames: &[Frame],
        records: &mut [Record],
    ) {
        assert!(
            frames.len() <= self.batch && frames.len() == records.len(),
            "the caller gathers batches"
        );
        let mut good = 0;
        for (frame, record) in frames.iter().zip(records.iter_mut()) {
            begin(record, frame);
            match self.fill(source, frame, good, record) {
                Ok(()) if record.skipped => {}
                Ok(()) => good += 1,
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

    /// Decodes and preprocesses a frame into place `item` of the tensor, unless it shows nothing
    /// new.
    fn fill(
        &mut self,
        source: &mut PerSource,
        frame: &Frame,
        item: usize,
        record: &mut Record,
    ) -> Result<()> {
        let started = Instant::now();
        let PerSource {
            preprocessor, gate, ..
        } = source;
        let geometry = preprocessor.geometry();
        self.decoder.decode(frame, geometry, &mut self.picture)?;
        if record.wants_summary {
            record.summary.measure(&self.picture);
        }
        if let Some(gate) = gate {
            self.luma.measure(&self.picture);
            if gate.skips(&self.luma, frame.instant) {
                record.skipped = true;
                return Ok(());
            }
        }
        let decoded = Instant::now();
        preprocessor.run(&self.picture, &mut self.tensor, item);
        self.picture.let_go();
        record.timing = Timing {
            capture: frame.capture,
            decode: decoded - started,
            preprocess: decoded.elapsed(),
            inference: Duration::ZERO,
            total: Duration::ZERO,
        };
        Ok(())
    }

    fn decide(
        &mut self,
        source: &mut PerSource,
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
        record.decision = source.decider.run(
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
    record.summary.forget();
    record.failure = None;
}
