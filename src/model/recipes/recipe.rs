//! One recipe, and the facts that it means for an input of a certain size.

use serde::{Deserialize, Deserializer};

use super::values::Values;
use crate::model::facts::{Facts, fact};
use crate::model::manifest::{Color, CropRule, Filter, Resize, Size};

/// How a well-known family of models prepares pictures. What it leaves open stays open.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What it is called; of a row, all have the same preprocessing.
    pub names: Vec<String>,
    /// Where this was read.
    pub source: String,
    #[serde(default)]
    pub(in crate::model) color: Option<Color>,
    #[serde(default, deserialize_with = "named_or_given")]
    pub(super) values: Option<Values>,
    #[serde(default, deserialize_with = "one_or_two")]
    pub(super) size: Option<Size>,
    #[serde(default)]
    resize: Option<Geometry>,
    #[serde(default)]
    filter: Option<Filter>,
    #[serde(default)]
    antialias: Option<bool>,
    /// The label set that its classes are, in a model that has as many.
    #[serde(default)]
    pub(super) labels: Option<String>,
}

/// How a picture is brought to the input's size.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Geometry {
    /// The shorter side becomes so many pixels, then the centre is cropped.
    Shortest(usize),
    /// The picture covers the input's sides divided by this share (timm's `crop_pct`).
    Share(f64),
    /// Both sides become that, whatever the aspect.
    Squash(f64),
    /// Both sides become so many pixels, then the centre is cropped.
    Exact(usize),
}

impl Geometry {
    /// The resize for an input of this size.
    fn resize(self, size: Size) -> Resize {
        match self {
            Self::Shortest(size) => Resize::Shortest { size },
            Self::Share(share) => match size.of_share(share) {
                Size { width, height } if width == height => Resize::Shortest { size: width },
                Size { width, height } => Resize::Cover { width, height },
            },
            Self::Squash(share) => {
                let Size { width, height } = size.of_share(share);
                Resize::Exact { width, height }
            }
            Self::Exact(side) => Resize::Exact {
                width: side,
                height: side,
            },
        }
    }
}

impl Recipe {
    /// The facts, for an input of `size` or else of the family's own. A colour order that
    /// holds in spite of the recipe, or where it leaves that open, turns its mean and deviation
    /// along; it is no fact of the recipe's.
    pub fn facts(&self, name: &str, size: Option<Size>, color: Option<Color>) -> Facts {
        let origin = &format!("recipe {name}");
        let color = color.or(self.color);
        let size = size.or(self.size);
        // A recipe of fixed numbers crops to its own size: another input does not fit it.
        let crop = match self.resize {
            Some(Geometry::Shortest(_)) => self.size.or(size),
            _ => size,
        };
        let oriented = |values: [f64; 3]| {
            let same = values == [values[0]; 3];
            match color {
                Some(color) => fact(Values::in_order(values, color), origin),
                None if same => fact(values.to_vec(), origin),
                None => None,
            }
        };
        Facts {
            color: self
                .color
                .filter(|own| color == Some(*own))
                .and_then(|c| fact(c, origin)),
            size: size.and_then(|s| fact(s, origin)),
            resize: self
                .resize
                .zip(size)
                .and_then(|(geometry, size)| fact(geometry.resize(size), origin)),
            crop: self
                .resize
                .and(crop)
                .and_then(|size| fact(Some(size), origin)),
            crop_rule: self
                .resize
                .and_then(|_| fact(CropRule::Torchvision, origin)),
            filter: self.filter.and_then(|f| fact(f, origin)),
            antialias: self.antialias.and_then(|a| fact(a, origin)),
            rescale: self.values.and_then(|v| fact(v.rescale, origin)),
            mean: self.values.and_then(|v| oriented(v.mean)),
            std: self.values.and_then(|v| oriented(v.std)),
            ..Facts::default()
        }
    }

    /// The label set that its classes are.
    pub fn labels(&self) -> Option<&str> {
        self.labels.as_deref()
    }

    /// Whether one channel can be prepared so.
    pub(super) fn is_colorless(&self) -> bool {
        let same = |v: [f64; 3]| v == [v[0]; 3];
        self.color.is_none() && self.values.is_none_or(|v| same(v.mean) && same(v.std))
    }

    /// Whether it means the same as another, whatever they are called.
    pub(super) fn means(&self, other: &Self) -> bool {
        let meaning = |r: &Self| (r.color, r.values, r.size, r.resize, r.filter, r.antialias);
        meaning(self) == meaning(other)
    }
}

/// A known range by its name, or its numbers.
fn named_or_given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Values>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Name(String),
        Values(Values),
    }
    match Either::deserialize(from)? {
        Either::Values(values) => Ok(Some(values)),
        Either::Name(name) => Values::named(&name)
            .map(Some)
            .ok_or_else(|| serde::de::Error::custom(format!("no range is called {name}"))),
    }
}

/// A side, or width and height.
fn one_or_two<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Size>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Side(usize),
        Sides([usize; 2]),
    }
    let [width, height] = match Either::deserialize(from)? {
        Either::Side(side) => [side; 2],
        Either::Sides(sides) => sides,
    };
    Ok(Some(Size { width, height }))
}
