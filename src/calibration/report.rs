//! What a calibration came to, for people and programs.

use serde::Serialize;

use super::limits::Ranks;
use super::look::Seen;
use super::measures::{auroc, best, calibration_error, interval};
use super::temperature::{self, answers};
use super::{ClassFeatures, Known};
use crate::engine::Identity;
use crate::error::Result;
use crate::model::Model;
use crate::model::manifest::Manifest;
use crate::pipeline::Distance;

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Calibration {
    /// Name and version of the model.
    pub model: String,
    /// What ran it.
    #[serde(flatten)]
    pub identity: Identity,
    /// Labelled pictures.
    pub pictures: usize,
    /// Classes that they show.
    pub classes: usize,
    /// Pictures that could not be used.
    pub failed: usize,
    /// Share of the labelled pictures whose best label is right.
    pub accuracy: f64,
    /// The temperature that the model had.
    pub temperature_before: f64,
    /// The one that was found.
    pub temperature: f64,
    /// Expected calibration error as the model was.
    pub ece_before: f64,
    /// The same at the temperature that was found.
    pub ece: f64,
    /// The lowest best score that is known.
    pub threshold: f64,
    /// The largest distance that is known, where the network shows its features.
    pub distance: Option<f64>,
    /// Labelled pictures that are called unknown.
    pub false_unknown: Share,
    /// Pictures of unknown things that are, if some were given.
    pub found: Option<Share>,
    /// How well they are told from known ones.
    pub auroc: Option<Auroc>,
    /// The model's manifest with all of it.
    #[serde(skip)]
    pub manifest: Manifest,
}

/// A share with its 95 % interval (Wilson's).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// So many.
    pub count: usize,
    /// Of so many.
    pub of: usize,
    /// Their share, 0 to 1.
    pub share: f64,
    /// The least that it may be.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// Areas under the curve of unknown pictures found over known ones called unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Auroc {
    /// By the score alone.
    pub score: f64,
    /// By the distance alone, where there is one.
    pub distance: Option<f64>,
    /// As the model decides: by both, where there are both.
    pub both: f64,
}

impl Share {
    fn new(count: usize, of: usize) -> Self {
        let (share, low, high) = interval(count, of);
        Self {
            count,
            of,
            share,
            low,
            high,
        }
    }
}

pub(super) fn report(
    known: &Known,
    manifest: Manifest,
    model: &Model,
    unknown: Option<&[Seen]>,
    identity: Identity,
    failed: usize,
) -> Result<Calibration> {
    let pictures = known.seen.len();
    let before = model.manifest.output.temperature;
    let logs = known.seen.iter();
    let logs: Vec<temperature::Answer> = logs.map(|(seen, c)| (seen.logs.clone(), *c)).collect();
    let right = known.answers.iter().filter(|(_, right)| *right).count();
    let rejected = known.limits.rejected(&known.scores, known.distances());
    let unknown = unknown.map(|seen| Unknown::new(seen, known)).transpose()?;
    Ok(Calibration {
        model: manifest.id(),
        identity,
        pictures,
        classes: manifest.labels.len(),
        failed,
        accuracy: right as f64 / pictures as f64,
        temperature_before: before,
        temperature: known.temperature,
        ece_before: calibration_error(&answers(&logs, before)),
        ece: calibration_error(&known.answers),
        threshold: known.limits.threshold,
        distance: known.limits.distance,
        false_unknown: Share::new(rejected, pictures),
        found: unknown.as_ref().map(|unknown| unknown.found(known)),
        auroc: unknown.as_ref().map(|unknown| unknown.auroc(known)),
        manifest,
    })
}

/// Pictures of things that the model does not know.
struct Unknown {
    scores: Vec<f64>,
    distances: Option<Vec<f64>>,
}

impl Unknown {
    fn new(seen: &[Seen], known: &Known) -> Result<Self> {
        let measure = |known: &ClassFeatures| {
            let distance = Distance::of(&known.known, "features".into());
            let of = |seen: &Seen| {
                let measured = distance.run(&seen.features, best(&seen.logs).0)?;
                Ok(f64::from(measured))
            };
            seen.iter().map(of).collect::<Result<Vec<f64>>>()
        };
        let score = |seen: &Seen| {
            let logs = temperature::at(&seen.logs, known.temperature);
            best(&logs).1.exp()
        };
        Ok(Self {
            scores: seen.iter().map(score).collect(),
            distances: known.features.as_ref().map(measure).transpose()?,
        })
    }

    fn found(&self, known: &Known) -> Share {
        let distances = self.distances.as_deref();
        let found = known.limits.rejected(&self.scores, distances);
        Share::new(found, self.scores.len())
    }

    fn auroc(&self, known: &Known) -> Auroc {
        let less = |values: &[f64]| values.iter().map(|v| -v).collect::<Vec<f64>>();
        let by_score = auroc(&less(&known.scores), &less(&self.scores));
        let (Some(own), Some(distances)) = (known.distances(), &self.distances) else {
            return Auroc {
                score: by_score,
                distance: None,
                both: by_score,
            };
        };
        let ranks = Ranks::new(&known.scores, own);
        let joint = |scores: &[f64], distances: &[f64]| {
            let pairs = scores.iter().zip(distances);
            pairs.map(|(s, d)| -ranks.of(*s, *d)).collect::<Vec<f64>>()
        };
        Auroc {
            score: by_score,
            distance: Some(auroc(own, distances)),
            both: auroc(&joint(&known.scores, own), &joint(&self.scores, distances)),
        }
    }
}
