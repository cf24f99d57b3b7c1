//! Which ranges of values are tried: the known ones, as far as the factor, the mean and the
//! deviation that the user gives leave them open.

use super::candidate::Candidate;
use crate::model::Facts;
use crate::model::manifest::Preprocess;
use crate::model::recipes::values::{BYTE, KNOWN, Known, Values};

/// Factors on pixels that people use: means and deviations are of 0 to 1, or of 0 to 255.
const UNITS: [f64; 2] = [BYTE, 1.0];
/// The largest share in which numbers differ that are written in other digits only.
const NOISE: f64 = 1e-6;

/// One of them.
struct Range {
    known: &'static Known,
    /// The known one's, or the same in the unit that is given.
    values: Values,
    rarity: f64,
}

/// All of them, and what of every one is given.
pub(super) struct Ranges {
    all: Vec<Range>,
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
}

impl Ranges {
    /// None, where the pixels themselves are the input.
    pub(super) fn none() -> Self {
        Self {
            all: Vec::new(),
            mean: None,
            std: None,
        }
    }

    /// The known ranges that three channels, or one, can have, with what is `given`.
    pub(super) fn new(gray: bool, given: &Facts) -> Self {
        let mean = given.mean.as_ref().map(|f| f.value.clone());
        let std = given.std.as_ref().map(|f| f.value.clone());
        let in_units = |known: &Known| -> Vec<Values> {
            let own = &known.values;
            match &given.rescale {
                Some(rescale) => own.in_unit(rescale.value).into_iter().collect(),
                None if mean.is_none() && std.is_none() => vec![*own],
                None => {
                    let units = UNITS.map(|unit| own.in_unit(unit.copysign(own.rescale)));
                    units.into_iter().flatten().collect()
                }
            }
        };
        let mut all: Vec<Range> = Vec::new();
        for known in KNOWN.iter().filter(|known| fits(known, gray)) {
            for values in in_units(known) {
                let is_it = |range: &Range| {
                    let (a, b) = (&range.values, &values);
                    near(&[a.rescale], &[b.rescale])
                        && (mean.is_some() || near(&a.mean, &b.mean))
                        && (std.is_some() || near(&a.std, &b.std))
                };
                if !all.iter().any(is_it) {
                    let rarity = rarity(known.name);
                    all.push(Range {
                        known,
                        values,
                        rarity,
                    });
                }
            }
        }
        Self { all, mean, std }
    }

    /// Whether there is nothing to try.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// A candidate with the most usual of each kin.
    pub(super) fn heads(&self, of: &Candidate) -> Vec<Candidate> {
        let heads = self.all.iter().filter(|r| r.known.kin == r.known.name);
        heads.map(|range| self.with(of, range, of.rarity)).collect()
    }

    /// A candidate with the ranges that hardly differ from its own.
    pub(super) fn kin(&self, of: &Candidate) -> Vec<Candidate> {
        let is_own = |range: &&Range| {
            let with = &self.with(of, range, of.rarity).preprocess;
            is_near(with, &of.preprocess)
        };
        let Some(own) = self.all.iter().find(is_own) else {
            return Vec::new();
        };
        let plain = of.rarity - own.rarity;
        let kin = self.all.iter().filter(|r| r.known.kin == own.known.kin);
        kin.map(|range| self.with(of, range, plain)).collect()
    }

    fn with(&self, of: &Candidate, range: &Range, rarity: f64) -> Candidate {
        let mut with = of.clone();
        with.set_values(&range.values);
        with.rarity = rarity + range.rarity;
        let pre = &mut with.preprocess;
        if let Some(mean) = &self.mean {
            pre.mean.clone_from(mean);
        }
        if let Some(std) = &self.std {
            pre.std.clone_from(std);
        }
        with
    }
}

/// Whether both say the same of values, but for how they are written.
fn is_near(a: &Preprocess, b: &Preprocess) -> bool {
    near(&[a.rescale], &[b.rescale]) && near(&a.mean, &b.mean) && near(&a.std, &b.std)
}

fn near(a: &[f64], b: &[f64]) -> bool {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= NOISE * a.abs().max(b.abs());
    a.len() == b.len() && a.iter().zip(b).all(near)
}

/// Whether three channels, or one, can have this range.
fn fits(known: &Known, gray: bool) -> bool {
    let same = |v: [f64; 3]| v == [v[0]; 3];
    match gray {
        true => same(known.values.mean) && same(known.values.std),
        // Only where one channel stands for ink are there pictures inside out.
        false => !matches!(known.name, "1-0" | "mnist"),
    }
}

/// How rare a range is.
fn rarity(name: &str) -> f64 {
    match name {
        "imagenet" => 0.0,
        "0-1" | "-1-1" => 0.3,
        "raw" => 0.6,
        "caffe-vgg" | "mnist" => 0.8,
        "clip" | "1-0" => 1.2,
        "caffe-ilsvrc" | "caffe-rounded" | "by-128" => 1.5,
        _ => 2.2,
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;
    use crate::model::recipes::values::Values;
    use crate::model::{Facts, fact};

    fn rest(given: Facts) -> Vec<Values> {
        let ranges = Ranges::new(false, &given);
        ranges.all.iter().map(|range| range.values).collect()
    }

    fn has(of: &[Values], rescale: f64, mean: [f64; 3], std: [f64; 3]) -> bool {
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        of.iter()
            .any(|v| (v.rescale - rescale).abs() < 1e-12 && near(v.mean, mean) && near(v.std, std))
    }

    #[test]
    fn what_is_given_is_fixed_and_the_rest_is_tried() {
        // MMPretrain writes ImageNet's numbers for pixels of 0 to 255, Keras -1 to 1.
        let of = rest(Facts {
            rescale: fact(1.0, "flag"),
            ..Facts::default()
        });
        assert!(of.iter().all(|v| v.rescale == 1.0));
        let (mean, std) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
        assert!(has(&of, 1.0, mean, std) && has(&of, 1.0, [127.5; 3], [127.5; 3]));
        assert!(has(&of, 1.0, [0.0; 3], [1.0; 3]));
        // Inside out: (255 - p) / 255.
        let of = rest(Facts {
            rescale: fact(-1.0 / 255.0, "flag"),
            ..Facts::default()
        });
        assert!(has(&of, -1.0 / 255.0, [-1.0; 3], [1.0; 3]));
        let mean = Facts {
            mean: fact(vec![0.5; 3], "flag"),
            ..Facts::default()
        };
        let of = rest(mean);
        let tried = |rescale: f64, std: f64| {
            let mut all = of.iter();
            all.any(|v| v.rescale == rescale && (v.std[0] - std).abs() < 1e-9)
        };
        assert!(tried(1.0 / 255.0, 0.5) && tried(1.0 / 255.0, 1.0) && tried(1.0, 1.0));
        let std = Facts {
            std: fact(vec![1.0; 3], "flag"),
            ..Facts::default()
        };
        let of = rest(std);
        let tried = |rescale: f64, mean: f64| {
            let mut all = of.iter();
            all.any(|v| v.rescale == rescale && (v.mean[0] - mean).abs() < 1e-9)
        };
        assert!(tried(1.0 / 255.0, 0.485) && tried(1.0, 123.675) && tried(1.0 / 255.0, 0.0));
    }

    #[test]
    fn nothing_given_leaves_the_known_ranges_as_they_are() {
        assert_eq!(rest(Facts::default()).len(), 12);
        let all = Facts {
            rescale: fact(1.0, "flag"),
            mean: fact(vec![0.0; 3], "flag"),
            std: fact(vec![1.0; 3], "flag"),
            ..Facts::default()
        };
        assert_eq!(rest(all).len(), 1);
    }
}
