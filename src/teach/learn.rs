//! From features to a head: what cross-validation chose, what it measured, and the head that
//! learned from all pictures but those that the proof keeps out.

use super::calibrate::{probabilities, rejection, temperature};
use super::cases::{LEAST_MARGIN, margin};
use super::cross::{Chosen, Folds, choose};
use super::curve::Curve;
use super::groups::Groups;
use super::logistic::Lesson;
use super::material::Material;
use super::samples::{Samples, Scaling};
use super::{Progress, Tell};
use crate::calibration::measures::best;
use crate::error::{Error, Result};
use crate::model::manifest::Rejection;

/// Where every random choice begins.
pub(super) const SEED: u64 = 0;
/// How features may be scaled: which suits depends on how far the pictures are from those that
/// the network was trained on.
const SCALINGS: [(&str, Scaling); 2] = [("together", Scaling::Together), ("each", Scaling::Each)];
/// A class gives a picture to the proof if it has so many, and at most this many classes do.
const RICH: usize = 10;
const KEPT_OUT: usize = 4;

/// What was learned, and what is known of it.
pub(super) struct Learned {
    /// The pictures, in each of [`SCALINGS`].
    scaled: [Samples; SCALINGS.len()],
    pub groups: Groups,
    pub folds: usize,
    pub chosen: Chosen,
    /// The views of the chosen set.
    pub views: &'static str,
    /// How its features were scaled.
    pub scaling: &'static str,
    pub curve: Curve,
    pub temperature: f64,
    /// Of each picture, by a head that has not seen it.
    pub probabilities: Vec<Vec<f64>>,
    pub rejection: Option<Rejection>,
    /// Pictures that the head has not learned from.
    pub kept_out: Vec<usize>,
    /// The head.
    pub parameters: Vec<f64>,
}

impl Learned {
    /// Learns from `material`, of which there are so many `views`, in one of the sets of these;
    /// without some pictures for the proof, if it has no others.
    ///
    /// # Errors
    /// All pictures of a class are nearly the same.
    pub(super) fn of(
        material: &Material,
        labels: &[String],
        (sets, views): (&[(&'static str, &'static [usize])], usize),
        has_others: bool,
        threads: usize,
        progress: Tell<'_>,
    ) -> Result<Self> {
        let scaled = SCALINGS.map(|(_, scaling)| {
            let size = (labels.len(), views);
            Samples::new(material.features(), material.classes.clone(), size, scaling)
        });
        let groups = Groups::of(&scaled[0]);
        check_groups(&groups, &material.place, labels)?;
        let pictures = groups.folds(SEED);
        let of_sets: Vec<&[usize]> = sets.iter().map(|(_, views)| *views).collect();
        let mut tell = telling(progress, "choosing strength and views");
        let chosen = choose(&scaled, &of_sets, (&pictures, threads), &mut tell);
        drop(tell);
        let folds = Folds {
            samples: &scaled[chosen.samples],
            folds: &pictures,
            threads,
        };
        let (name, views) = sets[chosen.set];
        let how = (chosen.strength, views);
        let mut tell = telling(progress, "learning curve");
        let curve = Curve::of(&folds, how, &chosen.logits, labels, &mut tell);
        let temperature = temperature(&chosen.logits, &material.classes);
        let probabilities = probabilities(&chosen.logits, temperature);
        let kept_out = match has_others {
            true => Vec::new(),
            false => kept_out(&probabilities, &material.classes, labels.len()),
        };
        let learned = (0..material.files.len()).filter(|picture| !kept_out.contains(picture));
        let lesson = Lesson {
            samples: folds.samples,
            pictures: &learned.collect::<Vec<_>>(),
            views,
        };
        let parameters = lesson.learn(chosen.strength, None);
        Ok(Self {
            rejection: rejection(&probabilities, &material.classes),
            folds: pictures.len(),
            views: name,
            scaling: SCALINGS[chosen.samples].0,
            scaled,
            parameters,
            groups,
            chosen,
            curve,
            temperature,
            probabilities,
            kept_out,
        })
    }
}

impl Learned {
    /// The pictures that the head learned from, as they were scaled.
    pub(super) fn samples(&self) -> &Samples {
        &self.scaled[self.chosen.samples]
    }

    /// The same in the scale in which the groups were made.
    pub(super) fn plain(&self) -> &Samples {
        &self.scaled[0]
    }
}

fn check_groups(groups: &Groups, place: &str, labels: &[String]) -> Result<()> {
    let mut of_class = groups.of_class.iter().zip(labels);
    match of_class.find(|(groups, _)| groups.len() < 2) {
        Some((groups, label)) => Err(one_scene(place, label, groups.iter().map(Vec::len).sum())),
        None => Ok(()),
    }
}

/// A picture of each of the richest classes, for the proof: one that was answered rightly, the
/// least sure of those that are sure enough, since certainty proves little.
fn kept_out(probabilities: &[Vec<f64>], classes: &[usize], count: usize) -> Vec<usize> {
    let members =
        |class: usize| (0..classes.len()).filter(move |picture| classes[*picture] == class);
    let mut rich: Vec<usize> = (0..count)
        .filter(|class| members(*class).count() >= RICH)
        .collect();
    rich.sort_by_key(|class| std::cmp::Reverse(members(*class).count()));
    let pick = |class: usize| {
        let right = members(class).filter(|picture| best(&probabilities[*picture]).0 == class);
        let sure = right.filter(|picture| margin(&probabilities[*picture]) >= LEAST_MARGIN);
        sure.min_by(|a, b| {
            let [a, b] = [a, b].map(|picture| margin(&probabilities[*picture]));
            a.total_cmp(&b)
        })
    };
    rich.into_iter().filter_map(pick).take(KEPT_OUT).collect()
}

/// Who hears how far a step is.
fn telling<'a>(
    progress: &'a mut dyn FnMut(Progress),
    step: &'static str,
) -> impl FnMut(usize, usize) + use<'a> {
    move |done, of| progress(Progress { step, done, of })
}

/// Refuses pictures of a class that are all nearly the same.
pub(super) fn one_scene(place: &str, label: &str, pictures: usize) -> Error {
    let what = format!("the {pictures} pictures of `{label}` are nearly the same one");
    Error::usage(place, what)
        .with_expected("two different ones or more, to learn from one and measure by another")
        .with_remedy("add pictures of other scenes, or at other times")
}
