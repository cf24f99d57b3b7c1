//! What a manifest may not say: facts that contradict each other.

use super::Manifest;
use super::preprocess::{Preprocess, Resize};
use crate::error::{Error, Result};

/// Largest side in pixels that a picture is resized to.
const LARGEST: usize = 8192;

impl Manifest {
    /// Refuses facts that contradict each other.
    ///
    /// # Errors
    /// Which fact, what it says and what it would have to say.
    pub(crate) fn check(&self, place: &str) -> Result<()> {
        self.check_labels(place)?;
        self.check_values(place)?;
        self.check_sizes(place)?;
        self.check_output(place)?;
        self.check_distance(place)?;
        self.check_proof(place)
    }

    fn check_values(&self, place: &str) -> Result<()> {
        let Preprocess {
            mean, std, rescale, ..
        } = &self.preprocess;
        let channels = self.input.color.channels();
        for (name, values) in [("mean", mean), ("std", std)] {
            if values.len() != channels {
                return Err(Error::model(
                    place,
                    format!("preprocess.{name} has {} values", values.len()),
                )
                .with_expected(format!("{channels} for color {:?}", self.input.color)));
            }
            if values.iter().any(|v| !v.is_finite()) {
                let what = format!("preprocess.{name} holds a value that is not a number");
                return Err(Error::model(place, what));
            }
        }
        if std.contains(&0.0) || !rescale.is_finite() || *rescale == 0.0 {
            let what = "preprocess.std and preprocess.rescale must not be 0";
            return Err(Error::model(place, what));
        }
        Ok(())
    }

    fn check_sizes(&self, place: &str) -> Result<()> {
        let (input, pre) = (&self.input, &self.preprocess);
        let resized = match pre.resize {
            Resize::Shortest { size } => (size, size),
            Resize::Exact { width, height }
            | Resize::Cover { width, height }
            | Resize::Central { width, height, .. }
            | Resize::Letterbox { width, height, .. } => (width, height),
        };
        if resized.0.max(resized.1) > LARGEST {
            let what = format!("preprocess.resize to {}x{}", resized.0, resized.1);
            return Err(Error::model(place, what).with_expected(format!("at most {LARGEST}")));
        }
        if let Resize::Central { of, .. } = pre.resize
            && (of.width < resized.0 || of.height < resized.1)
        {
            let what = format!("preprocess.resize central of {}x{}", of.width, of.height);
            let least = format!("at least {}x{}", resized.0, resized.1);
            return Err(Error::model(place, what).with_expected(least));
        }
        let kept = pre.crop.map_or(resized, |c| (c.width, c.height));
        let sides = [kept.0, kept.1, resized.0, resized.1];
        if sides.contains(&0) || kept.0.max(kept.1) > LARGEST {
            return Err(Error::model(
                place,
                format!(
                    "preprocess.crop {}x{} of the resized {}x{}",
                    kept.0, kept.1, resized.0, resized.1
                ),
            )
            .with_expected(format!("1 to {LARGEST} pixels")));
        }
        if kept != (input.width, input.height) {
            return Err(Error::model(
                place,
                format!(
                    "preprocess gives {}x{}, but the input tensor takes {}x{}",
                    kept.0, kept.1, input.width, input.height
                ),
            ));
        }
        check_crop(place, pre, kept, resized)
    }

    fn check_output(&self, place: &str) -> Result<()> {
        let temperature = self.output.temperature;
        if !(1e-6..=1e6).contains(&temperature) {
            let what = format!("output.temperature is {temperature}");
            return Err(Error::model(place, what).with_expected("1e-6 to 1e6"));
        }
        let scales = [self.input.quantization, self.output.quantization].map(|q| Some(q?.scale));
        match scales
            .into_iter()
            .flatten()
            .find(|s| !(*s > 0.0 && s.is_finite()))
        {
            Some(scale) => {
                let what = format!("a quantization scale is {scale}");
                Err(Error::model(place, what).with_expected("above 0"))
            }
            None => self.check_independent(place),
        }
    }

    fn check_independent(&self, place: &str) -> Result<()> {
        let (labels, kind) = (self.labels.len(), self.output.kind);
        if kind.is_binary() && labels != 2 {
            let plural = if labels == 1 { "" } else { "s" };
            let what = format!("one number for {labels} label{plural}");
            let error = Error::model(place, what).with_expected("2 labels: negative, positive");
            return Err(match labels {
                1 => error.with_remedy(
                    "name both, or say that the one label may be there or not: sigmoid-logits, sigmoid-probabilities",
                ),
                _ => error,
            });
        }
        let Some(each) = &self.output.independent else {
            return Ok(());
        };
        if !kind.is_independent() {
            let what = format!("output.independent belongs to no output of kind {kind:?}");
            return Err(Error::model(place, what));
        }
        let (thresholds, temperatures) = (&each.thresholds, &each.temperatures);
        if thresholds.len() != labels || temperatures.len() != labels {
            let what = format!(
                "output.independent has {} thresholds and {} temperatures",
                thresholds.len(),
                temperatures.len()
            );
            return Err(Error::model(place, what).with_expected(format!("{labels} of each")));
        }
        if let Some(threshold) = thresholds.iter().find(|t| !(0.0..=1.0).contains(*t)) {
            let what = format!("a threshold of output.independent is {threshold}");
            return Err(Error::model(place, what).with_expected("0 to 1"));
        }
        match temperatures.iter().find(|t| !(1e-6..=1e6).contains(*t)) {
            Some(temperature) => {
                let what = format!("a temperature of output.independent is {temperature}");
                Err(Error::model(place, what).with_expected("1e-6 to 1e6"))
            }
            None => Ok(()),
        }
    }

    fn check_distance(&self, place: &str) -> Result<()> {
        let Some(farthest) = self.rejection.and_then(|rejection| rejection.distance) else {
            return Ok(());
        };
        let Some((_, known)) = self.distance_rule() else {
            let what = "rejection.distance is given, and drift.embedding, which it needs, is not";
            return Err(Error::model(place, what));
        };
        if self.output.kind.is_independent() {
            let what = "rejection.distance belongs to no output of independent labels";
            return Err(Error::model(place, what));
        }
        let (classes, count) = (known.class_means.len(), known.deviation.len());
        let fits = classes == self.labels.len()
            && known.class_means.iter().all(|mean| mean.len() == count)
            && count > 0;
        if !fits {
            let what = format!(
                "drift.embedding has {classes} class means for {} labels and {count} deviations",
                self.labels.len()
            );
            return Err(Error::model(place, what).with_expected(
                "a mean for each label, with as many values as there are deviations",
            ));
        }
        let is_usable = farthest.is_finite()
            && known.deviation.iter().all(|d| *d > 0.0 && d.is_finite())
            && known.class_means.iter().flatten().all(|v| v.is_finite());
        if is_usable {
            return Ok(());
        }
        Err(Error::model(
            place,
            "rejection.distance or drift.embedding holds a value that cannot be measured by",
        )
        .with_expected("numbers, and deviations above 0"))
    }

    fn check_labels(&self, place: &str) -> Result<()> {
        if self.labels.is_empty() {
            return Err(Error::model(place, "no labels"));
        }
        // Two classes may share a name: ImageNet's first names hold "crane" twice.
        match self.labels.iter().position(|label| label.trim().is_empty()) {
            Some(index) => Err(Error::model(place, format!("label {index} is empty"))),
            None => Ok(()),
        }
    }

    fn check_proof(&self, place: &str) -> Result<()> {
        if let Some(proof) = &self.proof
            && (proof.cases.is_empty() || !(0.0..1.0).contains(&proof.tolerance))
        {
            let (cases, tolerance) = (proof.cases.len(), proof.tolerance);
            return Err(Error::model(
                place,
                format!("a proof of {cases} cases with tolerance {tolerance} proves nothing"),
            ));
        }
        let classes = self.labels.len();
        for case in self.proof.iter().flat_map(|p| &p.cases) {
            if case.probabilities.len() != classes {
                return Err(Error::model(
                    place,
                    format!(
                        "the model was proven with {} labels (proof case {}), {classes} are given",
                        case.probabilities.len(),
                        case.name
                    ),
                )
                .with_remedy("leave the labels out to take the model's own, or give as many"));
            }
        }
        Ok(())
    }
}

/// Refuses a resize that needs a crop and has none; says that a crop adds something.
fn check_crop(
    place: &str,
    pre: &Preprocess,
    kept: (usize, usize),
    resized: (usize, usize),
) -> Result<()> {
    if kept.0 > resized.0 || kept.1 > resized.1 {
        log::warn!(
            "{place}: preprocess.crop {}x{} is larger than what is resized to {}x{}: black is added around it",
            kept.0,
            kept.1,
            resized.0,
            resized.1
        );
    }
    let follows_picture = match pre.resize {
        Resize::Shortest { .. } => Some("shortest"),
        Resize::Cover { .. } => Some("cover"),
        _ => None,
    };
    if let (None, Some(mode)) = (pre.crop, follows_picture) {
        let what = format!("preprocess.resize {mode} needs preprocess.crop");
        return Err(Error::model(place, what)
            .with_remedy("give the size that is kept")
            .with_settings(&["preprocess.crop"]));
    }
    Ok(())
}
