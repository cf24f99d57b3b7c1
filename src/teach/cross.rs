//! Cross-validation: each picture is answered by a head that has seen neither it nor one that is
//! nearly the same. So strength and views are chosen, and so it is known how good the head is.

use std::convert::Infallible;

use super::calibrate::calibrated_losses;
use super::logistic::{Lesson, answers};
use super::parallel::in_parallel;
use super::samples::Samples;

/// Strengths that are tried, the strongest first. The samples' mean square length is 1, so that
/// these mean the same for every network.
const STRENGTHS: [f64; 12] = [
    1.0,
    0.1,
    0.0316,
    0.01,
    0.003_16,
    0.001,
    0.000_316,
    0.0001,
    0.000_031_6,
    0.000_01,
    0.000_003_16,
    0.000_001,
];

/// What makes answers less likely by no more than this, in nats per picture, is as good: of equals
/// the strongest penalty is taken. Pictures without a mistake would else ask for none at all.
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
/// whose answers are likeliest; the plainest of those that are as good.
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
    let mut best: Option<Tried> = None;
    for way in 0..ways {
        let first = (ways - 1 - way) * folds.len();
        let of_way = &paths[first..first + folds.len()];
        let (set, number) = (way / samples.len(), way % samples.len());
        let tried = STRENGTHS.into_iter().enumerate().map(|(at, strength)| {
            let logits = folded(number).together(of_way.iter().map(|path| &path[at]));
            Tried {
                losses: calibrated_losses(&logits, &samples[number].classes),
                chosen: Chosen {
                    strength,
                    samples: number,
                    set,
                    logits,
                },
            }
        });
        let of_way = strongest(tried.collect());
        best = match best {
            Some(plainer) if !of_way.is_better_than(&plainer) => Some(plainer),
            _ => Some(of_way),
        };
    }
    best.unwrap_or_else(|| unreachable!("there are samples and sets"))
        .chosen
}

/// A way that was tried, and how likely each picture's label was then.
struct Tried {
    losses: Vec<f64>,
    chosen: Chosen,
}

impl Tried {
    fn loss(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len().max(1) as f64
    }

    /// Whether it is better than a plainer way by more than one standard error of the
    /// difference: among many ways, one is the luckiest.
    fn is_better_than(&self, plainer: &Self) -> bool {
        let pairs = plainer.losses.iter().zip(&self.losses);
        let gains: Vec<f64> = pairs.map(|(before, now)| before - now).collect();
        let count = gains.len().max(2) as f64;
        let mean = gains.iter().sum::<f64>() / count;
        let squares: f64 = gains.iter().map(|gain| (gain - mean).powi(2)).sum();
        mean > EQUAL && mean > (squares / (count - 1.0) / count).sqrt()
    }
}

/// Of strengths, the strongest first, the first that is as good as the best.
fn strongest(tried: Vec<Tried>) -> Tried {
    let least = tried.iter().map(Tried::loss).fold(f64::INFINITY, f64::min);
    let mut good = tried.into_iter().filter(|one| one.loss() <= least + EQUAL);
    good.next()
        .unwrap_or_else(|| unreachable!("there are strengths"))
}

/// The results of work that cannot fail.
pub(super) fn always<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
