//! Cross-validation: each picture is answered by a head that has seen neither it nor one that is
//! nearly the same. So strength and views are chosen, and so it is known how good the head is.

use std::convert::Infallible;

use super::calibrate::calibrated_loss;
use super::logistic::{Lesson, answers};
use super::parallel::in_parallel;
use super::samples::Samples;

/// Strengths that are tried, the strongest first: half a power of ten apart. The samples' mean
/// square length is 1, so that these mean the same for every network.
const STRENGTHS: [f64; 10] = [
    1.0,
    0.316,
    0.1,
    0.0316,
    0.01,
    0.003_16,
    0.001,
    0.000_316,
    0.0001,
    0.000_031_6,
];

/// What makes answers less likely by no more than this, in nats per picture, is as good: of equals
/// the strongest penalty is taken, and the plainest views. Pictures without a mistake would else
/// ask for no penalty at all.
const EQUAL: f64 = 0.005;

/// What was chosen, and what the heads of the folds answered then.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// The penalty on weights.
    pub strength: f64,
    /// Which of the samples.
    pub samples: usize,
    /// Which of the sets of views.
    pub set: usize,
    /// Each picture's logits.
    pub logits: Vec<Vec<f64>>,
}

/// Pictures in folds, and who works.
pub(super) struct Folds<'a> {
    pub samples: &'a Samples,
    pub folds: &'a [Vec<usize>],
    pub threads: usize,
}

impl Folds<'_> {
    /// The pictures that are not in a fold.
    pub(super) fn others(&self, fold: usize) -> Vec<usize> {
        let others = self
            .folds
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != fold);
        let mut others: Vec<usize> = others.flat_map(|(_, pictures)| pictures.clone()).collect();
        others.sort_unstable();
        others
    }

    /// The answers for a fold's pictures at every strength, of heads that learned from the
    /// others.
    fn path(&self, fold: usize, views: &[usize]) -> Vec<Vec<Vec<f64>>> {
        let others = self.others(fold);
        let lesson = Lesson {
            samples: self.samples,
            pictures: &others,
            views,
        };
        let mut parameters: Option<Vec<f64>> = None;
        let mut way = Vec::with_capacity(STRENGTHS.len());
        for strength in STRENGTHS {
            let learned = lesson.learn(strength, parameters.as_deref());
            way.push(answers(self.samples, &learned, &self.folds[fold]));
            parameters = Some(learned);
        }
        way
    }

    /// The folds' answers, in the order of the pictures.
    pub(super) fn together<'b>(
        &self,
        folds: impl Iterator<Item = &'b Vec<Vec<f64>>>,
    ) -> Vec<Vec<f64>> {
        let mut logits = vec![Vec::new(); self.samples.len()];
        for (pictures, answers) in self.folds.iter().zip(folds) {
            for (picture, answer) in pictures.iter().zip(answers) {
                logits[*picture].clone_from(answer);
            }
        }
        logits
    }
}

/// Of the samples, which are of the same pictures, the sets of views and the strengths, those
/// whose answers are likeliest.
pub(super) fn choose(
    samples: &[Samples],
    sets: &[&[usize]],
    (folds, threads): (&[Vec<usize>], usize),
    done: &mut dyn FnMut(usize, usize),
) -> Chosen {
    let ways = samples.len() * sets.len();
    let folded = |number: usize| Folds {
        samples: &samples[number],
        folds,
        threads,
    };
    // The longest first, so that no thread is left with one at the end.
    let way_of = |piece: usize| (ways - 1 - piece / folds.len(), piece % folds.len());
    let work = |(): &mut (), piece: usize| {
        let (way, fold) = way_of(piece);
        let (set, number) = (way / samples.len(), way % samples.len());
        Ok(folded(number).path(fold, sets[set]))
    };
    let count = ways * folds.len();
    let mut tell = |finished| done(finished, count);
    let paths = always(in_parallel(count, threads, || Ok(()), work, &mut tell));
    let mut tried: Vec<(f64, Chosen)> = Vec::new();
    for way in 0..ways {
        let first = (ways - 1 - way) * folds.len();
        let of_way = &paths[first..first + folds.len()];
        let (set, number) = (way / samples.len(), way % samples.len());
        let folded = folded(number);
        tried.extend(STRENGTHS.into_iter().enumerate().map(|(at, strength)| {
            let logits = folded.together(of_way.iter().map(|path| &path[at]));
            let loss = calibrated_loss(&logits, &samples[number].classes);
            let chosen = Chosen {
                strength,
                samples: number,
                set,
                logits,
            };
            (loss, chosen)
        }));
    }
    let least = tried
        .iter()
        .map(|(loss, _)| *loss)
        .fold(f64::INFINITY, f64::min);
    let mut equals = tried.into_iter().filter(|(loss, _)| *loss <= least + EQUAL);
    let (_, first) = equals
        .next()
        .unwrap_or_else(|| unreachable!("there are strengths and sets"));
    equals.fold(first, |best, (_, other)| {
        if other.strength > best.strength {
            other
        } else {
            best
        }
    })
}

/// The results of work that cannot fail.
pub(super) fn always<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
