//! One way to prepare pictures, as it is tried.

use crate::model::Facts;
use crate::model::fact;
use crate::model::manifest::{Color, Input, Preprocess, Size};
use crate::model::recipes::values::{KNOWN, Known, Values};

/// One way to prepare pictures, and to read the output.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub input: Input,
    pub preprocess: Preprocess,
    /// Which order of labels.
    pub order: usize,
    /// How much less usual it is than the most usual, in nats: what the photographs have to
    /// make up for in all.
    pub rarity: f64,
}

impl Candidate {
    /// Whether the same numbers come out, whatever it is for.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let parts = |c: &Self| (c.input.clone(), c.preprocess.clone(), c.order);
        parts(self) == parts(other)
    }

    /// Of the input.
    pub(super) fn size(&self) -> Size {
        Size {
            width: self.input.width,
            height: self.input.height,
        }
    }

    /// The facts that make a model be used in this way.
    pub(super) fn facts(&self) -> Facts {
        let origin = "measured on labelled photographs";
        let (input, pre) = (&self.input, &self.preprocess);
        Facts {
            layout: fact(input.layout, origin),
            color: fact(input.color, origin),
            size: fact(self.size(), origin),
            resize: fact(pre.resize, origin),
            crop: fact(pre.crop, origin),
            crop_rule: fact(pre.crop_rule, origin),
            filter: fact(pre.filter, origin),
            antialias: fact(pre.antialias, origin),
            rescale: fact(pre.rescale, origin),
            mean: fact(pre.mean.clone(), origin),
            std: fact(pre.std.clone(), origin),
            ..Facts::default()
        }
    }

    /// The range of values, by its name or by its numbers.
    pub(super) fn values(&self) -> String {
        let pre = &self.preprocess;
        let numbers = || {
            let list = |v: &[f64]| v.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
            let (mean, std) = (list(&pre.mean), list(&pre.std));
            format!("(pixel * {} - {mean}) / {std}", pre.rescale)
        };
        self.known()
            .map_or_else(numbers, |known| known.name.to_owned())
    }

    /// The known range of values that it is.
    pub(super) fn known(&self) -> Option<&'static Known> {
        let (color, pre) = (self.input.color, &self.preprocess);
        let mut all = KNOWN.iter();
        all.find(|known| means(&known.values, color, pre))
    }

    /// The same with this range of values.
    pub(super) fn set_values(&mut self, values: &Values) {
        let (color, pre) = (self.input.color, &mut self.preprocess);
        pre.rescale = values.rescale;
        pre.mean = Values::in_order(values.mean, color);
        pre.std = Values::in_order(values.std, color);
    }
}

/// Whether a range is that of these steps, in whatever unit they are written. Float noise of
/// what files write is none.
fn means(values: &Values, color: Color, pre: &Preprocess) -> bool {
    let near = |a: &[f64], b: &[f64]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    let unit = values.rescale / pre.rescale;
    let in_unit = |of: &[f64]| of.iter().map(|v| v * unit).collect::<Vec<_>>();
    unit > 0.0
        && near(&Values::in_order(values.mean, color), &in_unit(&pre.mean))
        && near(&Values::in_order(values.std, color), &in_unit(&pre.std))
}
