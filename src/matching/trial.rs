//! A candidate tried on a photograph: the stages that every frame goes through, with this
//! candidate's preprocessing. What gives the same tensor is run once.

use std::collections::HashMap;
use std::path::Path;

use super::MatchOptions;
use super::candidate::Candidate;
use super::order::Order;
use crate::engine::Engine;
use crate::error::Result;
use crate::labelled::Labelled;
use crate::model::Model;
use crate::model::manifest::{Color, Layout, Manifest};
use crate::pipeline::capture::{Frame, read_picture};
use crate::pipeline::decode::{DecodeOptions, Decoder, Picture, Whole};
use crate::pipeline::preprocess::{Framing, Geometry, Preprocessor};
use crate::pipeline::{Scorer, Scores, best};
use crate::tensor::{Elements, Outputs, Tensor};

/// Bytes of decoded photographs that are kept; beyond them some are decoded again.
const KEPT: usize = 512 << 20;
/// How likely it is that a label is wrong, or that a crop leaves out what it means. So one
/// photograph costs at most 3 nats, however wrong the answer is, and does not outweigh all others.
const DOUBT: f64 = 0.05;

/// By what the network's sureness is divided, the way it is first: values of a wider range
/// make a network surer, right or wrong, which does not make them the right ones.
pub(super) const TEMPERATURES: [f64; 6] = [1.0, 0.25, 0.5, 2.0, 4.0, 16.0];

/// One loss for each of these, in nats.
pub(super) type Losses = [f64; TEMPERATURES.len()];

/// What an output says about a photograph, for one order of the labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// `-ln p` of the right class, as far as one photograph counts.
    pub losses: Losses,
    /// Whether that is the best class.
    pub right: bool,
}

struct Photograph {
    frame: Frame,
    /// Decoded, if it is kept.
    picture: Option<Picture>,
    folder: usize,
    /// Outcomes per order of the labels, by the tensor that was run.
    seen: HashMap<u64, Vec<Outcome>>,
}

/// The photographs, and what runs candidates on them.
pub(super) struct Trials<'a> {
    decoder: Decoder,
    engine: Box<dyn Engine>,
    /// One for each temperature.
    scorers: Vec<Scorer>,
    photographs: Vec<Photograph>,
    orders: &'a [Order],
    framing: Framing,
    batch: usize,
    outputs: Outputs,
    scores: Scores,
    /// Whether labels are independent of one another.
    independent: bool,
    /// Photographs that could not be used.
    pub failed: usize,
    /// Runs of the network.
    pub runs: usize,
}

impl<'a> Trials<'a> {
    /// Reads and decodes the photographs; one that is damaged is left out, and said.
    ///
    /// # Errors
    /// There is no memory for a decoder.
    pub(super) fn new(
        model: &Model,
        engine: Box<dyn Engine>,
        labelled: &Labelled,
        orders: &'a [Order],
        options: &MatchOptions,
    ) -> Result<Self> {
        let decoder = Decoder::new(DecodeOptions {
            max_pixels: options.max_pixels,
            gray: model.manifest.input.color == Color::Gray,
        })?;
        let mut trials = Self {
            decoder,
            engine,
            scorers: TEMPERATURES.map(|by| scorer(&model.manifest, by)).into(),
            photographs: Vec::new(),
            orders,
            framing: options.framing,
            batch: model.file.fixed_batch.unwrap_or(1),
            outputs: Outputs::new(false),
            scores: Scores::default(),
            independent: model.manifest.output.kind.is_independent(),
            failed: labelled.failed,
            runs: 0,
        };
        let mut room = KEPT;
        for (path, folder) in &labelled.photographs {
            match trials.read(path, options.max_bytes) {
                Ok((frame, picture)) => {
                    let size = picture.pixels.len();
                    let picture = (size <= room).then(|| {
                        room -= size;
                        picture
                    });
                    trials.photographs.push(Photograph {
                        frame,
                        picture,
                        folder: *folder,
                        seen: HashMap::new(),
                    });
                }
                Err(error) => {
                    log::warn!("left out: {error:#}");
                    trials.failed += 1;
                }
            }
        }
        Ok(trials)
    }

    fn read(&mut self, path: &Path, max_bytes: usize) -> Result<(Frame, Picture)> {
        let frame = read_picture(path, max_bytes)?;
        let mut picture = Picture::default();
        self.decoder.decode(&frame, &Whole, &mut picture)?;
        Ok((frame, picture))
    }

    /// How many photographs there are.
    pub(super) fn pictures(&self) -> usize {
        self.photographs.len()
    }

    /// How many classes they show.
    pub(super) fn classes(&self) -> usize {
        let mut folders: Vec<usize> = self.photographs.iter().map(|p| p.folder).collect();
        folders.sort_unstable();
        folders.dedup();
        folders.len()
    }

    /// What prepares pictures as a candidate says.
    pub(super) fn preprocessor(&self, candidate: &Candidate) -> Preprocessor {
        let geometry = Geometry::new(&candidate.preprocess, self.framing, false);
        Preprocessor::new(&candidate.input, geometry)
    }

    /// Tries a candidate on photograph `index`. A network that fails on its tensor, or gives
    /// values that are no numbers, is as wrong as can be.
    ///
    /// # Errors
    /// The engine's own words; the output is not what the model says.
    pub(super) fn run(
        &mut self,
        index: usize,
        candidate: &Candidate,
        preprocessor: &mut Preprocessor,
    ) -> Result<Outcome> {
        let photograph = &mut self.photographs[index];
        let mut again = Picture::default();
        let picture = match &photograph.picture {
            Some(picture) => picture,
            None => {
                self.decoder.decode(&photograph.frame, &Whole, &mut again)?;
                &again
            }
        };
        let mut tensor = preprocessor.tensor(self.batch);
        preprocessor.run(picture, &mut tensor, 0);
        let key = key(&tensor, candidate.input.layout);
        if let Some(outcomes) = photograph.seen.get(&key) {
            return Ok(outcomes[candidate.order]);
        }
        self.runs += 1;
        self.engine.run(&tensor, &mut self.outputs)?;
        let targets = self.orders.iter().map(|o| o.targets[photograph.folder]);
        let targets: Vec<usize> = targets.collect();
        let mut outcomes = vec![Self::worst(); targets.len()];
        for (number, scorer) in self.scorers.iter_mut().enumerate() {
            scorer.run(&self.outputs.scores, self.batch, 0, &mut self.scores)?;
            let scores = &mut self.scores.0;
            if self.independent {
                to_shares(scores);
            }
            let first = best(scores).index;
            for (outcome, target) in outcomes.iter_mut().zip(&targets) {
                let share = scores.get(*target).copied().unwrap_or_default();
                outcome.losses[number] = loss(f64::from(share));
                if number == 0 {
                    outcome.right = first == *target;
                }
            }
        }
        let own = outcomes[candidate.order];
        photograph.seen.insert(key, outcomes);
        Ok(own)
    }

    /// The loss of a candidate that the network cannot run.
    pub(super) fn worst() -> Outcome {
        Outcome {
            losses: [loss(0.0); TEMPERATURES.len()],
            right: false,
        }
    }
}

/// The loss of so large a share for the right class, in nats.
fn loss(share: f64) -> f64 {
    0.0 - ((1.0 - DOUBT) * share + DOUBT).ln()
}

/// A scorer that divides the network's sureness by `by`.
fn scorer(manifest: &Manifest, by: f64) -> Scorer {
    let mut manifest = manifest.clone();
    manifest.output.temperature *= by;
    if let Some(each) = &mut manifest.output.independent {
        each.temperatures.iter_mut().for_each(|t| *t *= by);
    }
    Scorer::new(&manifest)
}

/// The odds of independent labels as shares of all odds, which is the softmax of their
/// logits: a photograph was sorted by the label that it shows above all.
fn to_shares(scores: &mut [f32]) {
    let odds = |p: f32| p / (1.0 - p).max(f32::EPSILON);
    let all: f32 = scores.iter().map(|p| odds(*p)).sum();
    for score in scores {
        *score = odds(*score) / all.max(f32::MIN_POSITIVE);
    }
}

/// A number that stands for the tensor's values (FNV-1a, 64 bits, over whole elements).
fn key(tensor: &Tensor, layout: Layout) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let begin = 0xcbf2_9ce4_8422_2325 ^ u64::from(layout == Layout::Nhwc);
    let fold = |hash: u64, bits: u64| (hash ^ bits).wrapping_mul(PRIME).rotate_left(23);
    match tensor.elements() {
        Elements::Float32(v) => v.iter().map(|v| u64::from(v.to_bits())).fold(begin, fold),
        Elements::Float16(v) => v.iter().map(|v| u64::from(v.to_bits())).fold(begin, fold),
        Elements::Uint8(v) => v.iter().map(|v| u64::from(*v)).fold(begin, fold),
        Elements::Int8(v) => v
            .iter()
            .map(|v| u64::from(v.cast_unsigned()))
            .fold(begin, fold),
    }
}
