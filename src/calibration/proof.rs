//! The proof of a model that was calibrated anew. Where it had one, the trainer's own answers
//! are taken over to the new temperature, which is exact; where it had none, some of the
//! pictures become one, with what this engine made of them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::look::Seen;
use super::measures::significant;
use super::temperature;
use crate::engine::{EngineMaker, EngineOptions};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::manifest::{Manifest, Proof, ProofCase};
use crate::proof::verify;

/// Pictures in a new proof, at most; one of each class before a second of any.
const CASES: usize = 8;
/// Larger files would make the model large.
const LARGEST_FILE: u64 = 64 << 10;
/// Significant digits of probabilities.
const DIGITS: usize = 6;
/// No proof allows more.
const LARGEST_TOLERANCE: f64 = 0.5;

/// The answers at another temperature: a probability becomes its power `before / after`.
pub(super) fn at_temperature(proof: &Proof, before: f64, after: f64) -> Proof {
    let power = before / after;
    let answers = |probabilities: &[f32]| {
        let logs = probabilities.iter();
        let logs: Vec<f64> = logs
            .map(|p| f64::from(p.max(f32::MIN_POSITIVE)).ln())
            .collect();
        rounded(&temperature::at(&logs, 1.0 / power))
    };
    let cases = proof.cases.iter().map(|case| ProofCase {
        probabilities: answers(&case.probabilities),
        ..case.clone()
    });
    // Surer scores are further apart where engines differ.
    let tolerance = (f64::from(proof.tolerance) * power.max(1.0)).min(LARGEST_TOLERANCE);
    Proof {
        tolerance: tolerance as f32,
        cases: cases.collect(),
    }
}

/// A proof of some of the pictures `seen`, of which `fits` says whether they will do, each with
/// its class; `None` if none will.
///
/// # Errors
/// A picture cannot be read again.
pub(super) fn of_pictures(
    seen: &[(Seen, usize)],
    labels: &[String],
    at: f64,
    tolerance: f32,
    fits: impl Fn(usize) -> bool,
) -> Result<Option<Proof>> {
    let size = |picture: &Seen| std::fs::metadata(&picture.file).map_or(u64::MAX, |m| m.len());
    let numbered = seen.iter().enumerate();
    let mut offered: Vec<(u64, &Seen, usize)> = numbered
        .filter(|(number, _)| fits(*number))
        .map(|(_, (picture, class))| (size(picture), picture, *class))
        .filter(|(size, ..)| *size <= LARGEST_FILE)
        .collect();
    offered.sort_by(|a, b| (a.0, &a.1.file).cmp(&(b.0, &b.1.file)));
    let mut taken = vec![0; labels.len()];
    let mut turns: Vec<(usize, &Seen, usize)> = Vec::new();
    for (_, picture, class) in offered {
        turns.push((taken[class], picture, class));
        taken[class] += 1;
    }
    turns.sort_by_key(|(turn, _, class)| (*turn, *class));
    let cases = turns.into_iter().take(CASES).map(|(_, picture, class)| {
        let place = picture.file.display().to_string();
        let bytes = std::fs::read(&picture.file)
            .map_err(|e| Error::input(&place, "cannot be read again").caused_by(e))?;
        let name = picture.file.file_name().unwrap_or_default();
        Ok(ProofCase {
            name: format!("{}/{}", labels[class], name.to_string_lossy()),
            label: labels[class].clone(),
            image: STANDARD.encode(bytes),
            probabilities: rounded(&temperature::at(&picture.logs, at)),
        })
    });
    let cases = cases.collect::<Result<Vec<_>>>()?;
    Ok((!cases.is_empty()).then_some(Proof { tolerance, cases }))
}

fn rounded(logs: &[f64]) -> Vec<f32> {
    let probability = |log: &f64| significant(log.exp(), DIGITS) as f32;
    logs.iter().map(probability).collect()
}

/// The new proof in `manifest` with its tolerance widened to twice what the engines of this
/// machine differ by, without pictures that they do not agree on.
///
/// # Errors
/// An engine cannot run the model.
pub(super) fn widened(
    model: &Model,
    manifest: &Manifest,
    engine: &EngineOptions,
) -> Result<Option<Proof>> {
    let Some(mut proof) = manifest.proof.clone() else {
        return Ok(None);
    };
    let mut model = model.clone();
    model.manifest = manifest.clone();
    let engines = EngineMaker::all(&Arc::new(model), engine)?;
    let verdicts = engines.iter().map(verify).collect::<Result<Vec<_>>>()?;
    let agree = |at: usize| {
        let mut cases = verdicts.iter().map(|verdict| &verdict.cases[at]);
        cases.all(|case| case.label == case.expected_label)
    };
    let agreed: Vec<bool> = (0..proof.cases.len()).map(agree).collect();
    let cases = verdicts.iter().flat_map(|v| v.cases.iter().zip(&agreed));
    let differences = cases.filter(|(_, agreed)| **agreed);
    let differences = differences.map(|(case, _)| case.difference);
    let largest = differences.fold(0.0, f32::max);
    let mut agreed = agreed.into_iter();
    proof.cases.retain(|_| agreed.next().unwrap_or_default());
    proof.tolerance = proof.tolerance.max((2000.0 * largest).ceil() / 1000.0);
    if proof.cases.is_empty() {
        log::warn!("no proof: the engines agree on no picture");
        return Ok(None);
    }
    Ok(Some(proof))
}

#[cfg(test)]
mod tests {
    use super::at_temperature;
    use crate::model::manifest::{Proof, ProofCase};

    #[test]
    fn answers_at_another_temperature_are_those_of_the_same_logits() {
        let case = |probabilities: &[f32]| Proof {
            tolerance: 0.01,
            cases: vec![ProofCase {
                name: "a".into(),
                label: "b".into(),
                image: String::new(),
                probabilities: probabilities.to_vec(),
            }],
        };
        // numpy: softmax([2, 1, 0]), and of half of it.
        let sharp = case(&[0.665_241, 0.244_728, 0.090_030_6]);
        let soft = [0.506_480, 0.307_196, 0.186_324];
        let near = |found: &Proof, expected: &[f32]| {
            let pairs = found.cases[0].probabilities.iter().zip(expected);
            assert!(
                pairs.clone().all(|(a, b)| (a - b).abs() < 2e-6),
                "{found:?}"
            );
        };
        let softer = at_temperature(&sharp, 1.0, 2.0);
        near(&softer, &soft);
        assert_eq!(softer.tolerance, 0.01);
        let sharper = at_temperature(&softer, 2.0, 1.0);
        near(&sharper, &sharp.cases[0].probabilities);
        // Surer scores differ by up to twice as much.
        assert_eq!(sharper.tolerance, 0.02);
    }
}
