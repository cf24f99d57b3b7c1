//! The search: first what changes most (channels, ranges, labels), then the resize, the
//! filter, and ranges that hardly differ. Each step halves its candidates on more and more photographs; what may be as
//! good as the best stays, and is said at the end.

use super::candidate::Candidate;
use super::space::Space;
use super::statistics::Difference;
use super::trial::{Losses, TEMPERATURES, Trials};
use crate::error::{Error, Result};

/// Photographs of the first round; each round has twice as many as the one before.
const FIRST: usize = 4;
/// How far above the best, as a multiple of its interval, a candidate of the worse half falls
/// out.
const FAR: f64 = 1.25;
/// Candidates that are taken from one step to the next.
const TAKEN: usize = 4;

/// What a step varies of a candidate.
type Expand = fn(&Space, &Candidate) -> Vec<Candidate>;

/// The steps after the first.
const STEPS: [(&str, Expand); 3] = [
    ("resize", Space::geometries),
    ("filter", Space::filters),
    ("values that hardly differ", Space::kin),
];

/// How far the search is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being measured.
    pub step: &'static str,
    /// Runs done of this step so far.
    pub done: usize,
    /// Runs of it, if nothing falls out any more.
    pub of: usize,
}

/// A candidate, and what came of it on every photograph.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub candidate: Candidate,
    losses: Vec<Losses>,
    pub right: usize,
    /// Whether the photographs cannot tell it from the best.
    pub equal: bool,
}

impl Measured {
    /// Mean loss, in nats.
    pub(super) fn log_loss(&self) -> f64 {
        self.at(0).iter().sum::<f64>() / self.losses.len().max(1) as f64
    }

    /// What is chosen by: all losses, and how unusual it is.
    fn badness(&self) -> f64 {
        self.at(0).iter().sum::<f64>() + self.candidate.rarity
    }

    /// The losses at one temperature.
    fn at(&self, number: usize) -> Vec<f64> {
        self.losses.iter().map(|losses| losses[number]).collect()
    }

    /// The losses at the temperature that is best for it.
    fn calibrated(&self) -> Vec<f64> {
        let all = (0..TEMPERATURES.len()).map(|number| self.at(number));
        let sum = |losses: &Vec<f64>| losses.iter().sum::<f64>();
        let best = all.min_by(|a, b| sum(a).total_cmp(&sum(b)));
        best.unwrap_or_default()
    }

    /// Compared with another on the same photographs: as it is, and calibrated. What is only
    /// less sure of the same answers is not worse.
    pub(super) fn against(&self, other: &Self) -> [Difference; 2] {
        [
            Difference::of(&self.at(0), &other.at(0)),
            Difference::of(&self.calibrated(), &other.calibrated()),
        ]
    }
}

/// What was found.
pub(super) struct Results {
    /// Those that were measured on all photographs, the chosen one first, then by log-loss.
    pub measured: Vec<Measured>,
    /// Candidates tried.
    pub tried: usize,
}

/// Searches the space.
///
/// # Errors
/// The network cannot be run with any candidate.
pub(super) fn search(
    space: &Space,
    trials: &mut Trials<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Results> {
    let mut results = Results {
        measured: Vec::new(),
        tried: 0,
    };
    let mut step = |step, candidates, results: &mut Results| {
        let mut tell = |done, of| progress(Progress { step, done, of });
        results.enter(halve(candidates, trials, &mut tell)?);
        Ok::<_, Error>(())
    };
    let values = space.values();
    results.tried += values.len();
    step("colours and values", values, &mut results)?;
    for (name, expand) in STEPS {
        let ways: Vec<Candidate> = results.equals().cloned().collect();
        let mut candidates: Vec<Candidate> = Vec::new();
        for candidate in ways.iter().take(TAKEN).flat_map(|way| expand(space, way)) {
            let is_it = |known: &Candidate| known.is_like(&candidate);
            if !results.knows(&candidate) && !candidates.iter().any(is_it) {
                candidates.push(candidate);
            }
        }
        results.tried += candidates.len();
        // The best so far runs along: what is worse than that falls out.
        candidates.extend(results.measured.first().map(|m| m.candidate.clone()));
        step(name, candidates, &mut results)?;
    }
    Ok(results)
}

impl Results {
    /// Takes in what was measured. Of those that cannot be told from the best, the most usual
    /// is chosen: what it lacks in log-loss is no more than its being usual is worth.
    fn enter(&mut self, measured: Vec<Measured>) {
        for new in measured {
            if !self.knows(&new.candidate) {
                self.measured.push(new);
            }
        }
        let by_loss = |a: &&Measured, b: &&Measured| a.log_loss().total_cmp(&b.log_loss());
        let Some(best) = self.measured.iter().min_by(by_loss).cloned() else {
            return;
        };
        for measured in &mut self.measured {
            let differences = measured.against(&best);
            measured.equal = !differences.iter().all(Difference::is_told);
        }
        self.measured.sort_by(|a, b| {
            let by_loss = || a.log_loss().total_cmp(&b.log_loss());
            b.equal.cmp(&a.equal).then_with(by_loss)
        });
        let equals = self.measured.iter().take_while(|m| m.equal).enumerate();
        let chosen = equals.min_by(|a, b| a.1.badness().total_cmp(&b.1.badness()));
        if let Some(chosen) = chosen.map(|(place, _)| place) {
            let chosen = self.measured.remove(chosen);
            self.measured.insert(0, chosen);
        }
    }

    /// The chosen one and its equals: of each range, order of channels and resize the best.
    fn equals(&self) -> impl Iterator<Item = &Candidate> {
        let mut ways = Vec::new();
        let equal = self.measured.iter().filter(|m| m.equal);
        let all = equal.map(|m| &m.candidate);
        all.filter(move |of| {
            let range = of.values();
            let way = (of.input.clone(), range, of.preprocess.resize, of.order);
            let new = !ways.contains(&way);
            ways.push(way);
            new
        })
    }

    fn knows(&self, candidate: &Candidate) -> bool {
        let mut known = self.measured.iter().map(|m| &m.candidate);
        known.any(|known| known.is_like(candidate))
    }
}

/// Tries candidates on more and more photographs; those of the worse half that are far worse
/// than the best fall out. What is left was tried on all.
fn halve(
    candidates: Vec<Candidate>,
    trials: &mut Trials<'_>,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Measured>> {
    let pictures = trials.pictures();
    let mut alive: Vec<_> = candidates
        .into_iter()
        .map(|candidate| {
            let preprocessor = trials.preprocessor(&candidate);
            let measured = Measured {
                candidate,
                losses: Vec::with_capacity(pictures),
                right: 0,
                equal: true,
            };
            (measured, preprocessor)
        })
        .collect();
    let (mut seen, mut done) = (0, 0);
    while seen < pictures {
        let until = if seen == 0 { FIRST } else { seen * 2 }.min(pictures);
        let (mut ran, mut failure) = (false, None);
        for index in seen..until {
            for (measured, preprocessor) in &mut alive {
                let outcome = match trials.run(index, &measured.candidate, preprocessor) {
                    Ok(outcome) => {
                        ran = true;
                        outcome
                    }
                    Err(error) => {
                        failure = Some(error);
                        Trials::worst()
                    }
                };
                measured.losses.push(outcome.losses);
                measured.right += usize::from(outcome.right);
                done += 1;
            }
            tell(done, done + (pictures - index - 1) * alive.len());
        }
        if let (false, Some(failure)) = (ran, failure) {
            return Err(failure);
        }
        seen = until;
        alive.sort_by(|(a, _), (b, _)| a.badness().total_cmp(&b.badness()));
        if seen < pictures {
            let best = alive[0].0.clone();
            let half = alive.len().div_ceil(2);
            let mut place = 0;
            alive.retain(|(measured, _)| {
                place += 1;
                let is_near = |d: &Difference| d.mean <= FAR * d.half;
                place <= half || measured.against(&best).iter().any(is_near)
            });
        }
    }
    Ok(alive.into_iter().map(|(measured, _)| measured).collect())
}
