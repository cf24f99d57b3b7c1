//! An image processor's configuration, as its class understands it. What a class does and
//! this runtime cannot, stays open with the reason: a flag may then give it.

use serde_json::Value;

use super::class::Rule;
use super::geometry;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::model::facts::{Fact, Facts, fact};
use crate::model::manifest::{Color, CropRule, Filter};

/// Keys that mean something to one class only: what they mean to an unknown one is open.
const OF_ONE_CLASS: [&str; 9] = [
    "crop_pct",
    "do_align_long_axis",
    "do_flip_channel_order",
    "do_pan_and_scan",
    "do_thumbnail",
    "include_top",
    "rescale_offset",
    "resize_short",
    "size_divisor",
];

/// A processor whose settings have been read.
pub(super) struct Processor<'a>(pub Settings<'a>);

impl Processor<'_> {
    /// What it says, and what its class says where it is silent.
    ///
    /// # Errors
    /// Values that no processor takes, and classes that make no picture's tensor.
    pub(super) fn facts(&self, place: &str) -> Result<Facts> {
        self.refuse_what_is_no_picture(place)?;
        if self.0.class.is_none() {
            log::warn!(
                "{place}: the image processor `{}` is not known here, so its settings are taken as they stand",
                self.0.name
            );
        }
        let mut facts = Facts {
            color: fact(self.color(), self.0.origin),
            antialias: fact(true, "transformers resizes as PIL does"),
            crop_rule: fact(CropRule::Transformers, "transformers' center_crop"),
            filter: self.filter(place)?,
            ..Facts::default()
        };
        match self.unknown_key() {
            Some(key) => {
                let reason = format!("`{key}` of the unknown processor `{}`", self.0.name);
                let open = ["preprocess.resize", "preprocess.rescale"];
                facts.open.extend(open.map(|name| (name, reason.clone())));
            }
            None => {
                self.add_values(&mut facts);
                self.add_geometry(&mut facts);
            }
        }
        Ok(facts)
    }

    fn refuse_what_is_no_picture(&self, place: &str) -> Result<()> {
        let what = match self.0.rule() {
            Rule::ImageGpt if self.0.flag("do_color_quantize", true) => {
                "gives the numbers of colours instead of a picture"
            }
            Rule::Siglip2 => "gives patches and their places instead of a picture",
            _ => return Ok(()),
        };
        Err(Error::model(place, format!("{} {what}", self.0.name))
            .with_expected("an input of one picture per item")
            .with_remedy("export a model that takes pictures, such as SigLIP or ViT"))
    }

    /// A key whose meaning an unknown class decides.
    fn unknown_key(&self) -> Option<&'static str> {
        let said = |key: &&str| {
            !matches!(
                self.0.get(key),
                None | Some(Value::Null | Value::Bool(false))
            )
        };
        match self.0.class {
            Some(_) => None,
            None => OF_ONE_CLASS.into_iter().find(said),
        }
    }

    fn add_geometry(&self, facts: &mut Facts) {
        match geometry::steps(&self.0) {
            Ok((resize, crop)) => {
                facts.resize = fact(resize, self.0.origin);
                // An unknown class may crop by a default of its own.
                if crop.is_some() || self.0.class.is_some() {
                    facts.crop = fact(crop, self.0.origin);
                }
            }
            Err(reason) => facts.open.push(("preprocess.resize", reason)),
        }
    }

    /// Factor, mean and deviation: EfficientNet's shift and its second division are a
    /// larger mean and another deviation.
    fn add_values(&self, facts: &mut Facts) {
        let rescales = self.0.flag("do_rescale", true);
        facts.rescale = if rescales {
            let usual = Some(1.0 / 255.0);
            self.0.said("rescale_factor", Value::as_f64, usual)
        } else {
            fact(1.0, self.0.origin)
        };
        let normalises = self.0.rule() != Rule::MobileVit && self.0.flag("do_normalize", true);
        let mut mean = self
            .0
            .channels("image_mean", self.0.class.map(|c| c.statistics.0));
        let std = self
            .0
            .channels("image_std", self.0.class.map(|c| c.statistics.1));
        let mut divisor = std.clone();
        if !normalises {
            mean = fact(vec![0.0; 3], self.0.origin);
            divisor = fact(vec![1.0; 3], self.0.origin);
        }
        match self.0.rule() {
            Rule::EfficientNet => {
                if rescales && self.0.flag("rescale_offset", false) {
                    let shift = |fact: &mut Fact<Vec<f64>>| {
                        fact.value.iter_mut().for_each(|mean| *mean += 1.0);
                    };
                    mean.iter_mut().for_each(shift);
                }
                if self.0.flag("include_top", true) {
                    for (fact, std) in divisor.iter_mut().zip(&std) {
                        let pairs = fact.value.iter_mut().zip(&std.value);
                        pairs.for_each(|(divisor, std)| *divisor *= std);
                    }
                }
            }
            Rule::PpLcNet => {
                let reverse = |fact: &mut Fact<Vec<f64>>| fact.value.reverse();
                mean.iter_mut().for_each(reverse);
                divisor.iter_mut().for_each(reverse);
            }
            _ => {}
        }
        (facts.mean, facts.std) = (mean, divisor);
    }

    fn color(&self) -> Color {
        let flips = match self.0.rule() {
            Rule::MobileVit => self.0.flag("do_flip_channel_order", true),
            rule => rule == Rule::PpLcNet,
        };
        if flips { Color::Bgr } else { Color::Rgb }
    }

    fn filter(&self, place: &str) -> Result<Option<Fact<Filter>>> {
        let default = self.0.class.map(|class| class.resample);
        let Some(code) = self.0.said("resample", Value::as_u64, default) else {
            return Ok(None);
        };
        let filter = match code.value {
            0 => Filter::Nearest,
            1 => Filter::Lanczos,
            2 => Filter::Bilinear,
            3 => Filter::Bicubic,
            4 => Filter::Box,
            5 => Filter::Hamming,
            other => {
                let what = format!("resample is {other}, expected 0 to 5 (PIL's numbers)");
                return Err(Error::model(place, what));
            }
        };
        Ok(fact(filter, &code.origin))
    }
}
