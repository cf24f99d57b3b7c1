//! What more pictures would bring, told by what those that are there have brought: the same
//! folds, answered by heads that learned from a part of the others.

use fastrand::Rng;
use serde::Serialize;

use super::cross::{Folds, always};
use super::logistic::{Lesson, answers, to_probabilities};
use super::parallel::in_parallel;
use crate::calibration::measures::best;

/// Shares of the pictures that heads learn from; all are what cross-validation had.
const SHARES: [f64; 3] = [0.25, 0.5, 0.75];
/// The share that is compared with all.
const HALF: usize = 1;
/// A loss that falls less from half of the pictures to all, in nats, promises nothing.
const NOTHING: f64 = 0.02;

/// The learning curve.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    /// From few pictures to all.
    pub points: Vec<CurvePoint>,
    /// The class of which more pictures would help most; none where the curve is flat.
    pub helps: Option<Help>,
}

/// How good heads are that learned from so many pictures.
#[derive(Clone, Debug, Serialize)]
pub struct CurvePoint {
    /// Pictures of each class, their mean.
    pub per_class: f64,
    /// Share of right answers.
    pub accuracy: f64,
}

/// A class that gained from more pictures.
#[derive(Clone, Debug, Serialize)]
pub struct Help {
    /// Its label.
    pub label: String,
    /// Share of its pictures found by heads that learned from half of the pictures.
    pub recall_of_half: f64,
    /// The same of all.
    pub recall: f64,
}

/// What one part of the pictures made of the folds.
struct Part {
    per_class: f64,
    logits: Vec<Vec<f64>>,
}

impl Curve {
    /// The curve of heads of this strength on these views; `all` are the answers of those that
    /// learned from all the others.
    pub(super) fn of(
        folds: &Folds<'_>,
        (strength, views): (f64, &[usize]),
        all: &[Vec<f64>],
        labels: &[String],
        done: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let pieces = SHARES.len() * folds.folds.len();
        let work = |(): &mut (), piece: usize| {
            let (share, fold) = (SHARES[piece / folds.folds.len()], piece % folds.folds.len());
            Ok(answered(folds, (share, fold), (strength, views)))
        };
        let mut tell = |finished| done(finished, pieces);
        let made = always(in_parallel(
            pieces,
            folds.threads,
            || Ok(()),
            work,
            &mut tell,
        ));
        let mut parts: Vec<Part> = made
            .chunks(folds.folds.len())
            .map(|of_share| Part {
                per_class: mean(of_share.iter().map(|(count, _)| *count)),
                logits: folds.together(of_share.iter().map(|(_, answers)| answers)),
            })
            .collect();
        let others = (0..folds.folds.len()).map(|fold| folds.others(fold).len() as f64);
        parts.push(Part {
            per_class: mean(others) / folds.samples.count as f64,
            logits: all.to_vec(),
        });
        let classes = &folds.samples.classes;
        let points = parts.iter().map(|part| CurvePoint {
            per_class: part.per_class,
            accuracy: recall(&part.logits, classes, |_| true),
        });
        Self {
            points: points.collect(),
            helps: help(&parts[HALF].logits, all, classes, labels),
        }
    }
}

/// The answers for a fold of a head that learned from a share of the other pictures of each
/// class, and how many of a class that are.
fn answered(
    folds: &Folds<'_>,
    (share, fold): (f64, usize),
    (strength, views): (f64, &[usize]),
) -> (f64, Vec<Vec<f64>>) {
    let samples = folds.samples;
    let others = folds.others(fold);
    let mut some = Vec::new();
    for class in 0..samples.count {
        let of_class = others
            .iter()
            .copied()
            .filter(|picture| samples.classes[*picture] == class);
        let mut of_class: Vec<usize> = of_class.collect();
        // A larger share holds the smaller ones.
        Rng::with_seed((fold * samples.count + class) as u64).shuffle(&mut of_class);
        of_class.truncate((of_class.len() as f64 * share).ceil() as usize);
        some.extend(of_class);
    }
    let lesson = Lesson {
        samples,
        pictures: &some,
        views,
    };
    // The penalty weighs as much against each picture as it does against all of them.
    let strength = strength * others.len() as f64 / some.len().max(1) as f64;
    let learned = lesson.learn(strength, None);
    let per_class = some.len() as f64 / samples.count as f64;
    (per_class, answers(samples, &learned, &folds.folds[fold]))
}

/// The class whose own pictures' loss fell most from half of the pictures to all.
fn help(half: &[Vec<f64>], all: &[Vec<f64>], classes: &[usize], labels: &[String]) -> Option<Help> {
    let fall = |class: usize| {
        let own = (0..classes.len()).filter(|picture| classes[*picture] == class);
        mean(own.map(|picture| loss(&half[picture], class) - loss(&all[picture], class)))
    };
    let found = |class: usize| recall(all, classes, |own| own == class);
    // A class that is found whole only grows surer.
    let missed = (0..labels.len()).filter(|class| found(*class) < 1.0);
    let falls = missed.map(|class| (class, fall(class)));
    let (class, fall) = falls.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (fall > NOTHING).then(|| Help {
        label: labels[class].clone(),
        recall_of_half: recall(half, classes, |own| own == class),
        recall: found(class),
    })
}

fn loss(logits: &[f64], class: usize) -> f64 {
    -to_probabilities(&mut logits.to_vec(), class)
}

/// The share of right answers for the pictures of some classes.
fn recall(logits: &[Vec<f64>], classes: &[usize], which: impl Fn(usize) -> bool) -> f64 {
    let own = logits
        .iter()
        .zip(classes)
        .filter(|(_, class)| which(**class));
    mean(own.map(|(row, class)| f64::from(u8::from(best(row).0 == *class))))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}
