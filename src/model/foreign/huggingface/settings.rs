//! An image processor's settings: what its configuration says, and what its class says
//! where that is silent.

use serde_json::Value;

use super::class::{self, Class, DefaultSize, Rule};
use crate::model::facts::{Fact, fact};
use crate::model::foreign::{numbers, pixels};
use crate::model::manifest::Size;

/// What `size` asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sides {
    /// The shortest side, the other as the picture's shape has it.
    Shortest(usize),
    /// Both.
    Both(Size),
}

/// A configuration and the class that reads it.
pub(super) struct Settings<'a> {
    config: &'a Value,
    /// The file that they stand in.
    pub origin: &'a str,
    /// Their class as written, for messages.
    pub name: &'a str,
    /// Their class, where it is known.
    pub class: Option<&'static Class>,
}

impl<'a> Settings<'a> {
    /// Those of `config`, which stands in the file `origin`; an architecture
    /// (`model_type`) has one where the configuration names none.
    pub(super) fn new(config: &'a Value, origin: &'a str, model_type: Option<&str>) -> Self {
        let name = ["image_processor_type", "feature_extractor_type"]
            .iter()
            .find_map(|key| config.get(*key)?.as_str());
        let class = match name {
            Some(name) => class::named(name),
            None => model_type.and_then(class::of_architecture),
        };
        Self {
            config,
            origin,
            name: name.or(class.map(|c| c.name)).unwrap_or("unnamed"),
            class,
        }
    }

    /// One value per channel; a bare number is that of all three.
    pub(super) fn channels(&self, key: &str, default: Option<[f64; 3]>) -> Option<Fact<Vec<f64>>> {
        let values = |value: &Value| match value.as_f64() {
            Some(value) => Some(vec![value; 3]),
            None => numbers(value),
        };
        self.said(key, values, default.map(|values| values.to_vec()))
    }

    /// A key's value, else the class's default. `null` and what cannot be read is no silence.
    pub(super) fn said<T>(
        &self,
        key: &str,
        read: impl Fn(&Value) -> Option<T>,
        default: Option<T>,
    ) -> Option<Fact<T>> {
        match self.get(key) {
            Some(value) => fact(read(value)?, self.origin),
            None => fact(default?, &format!("default of {}", self.name)),
        }
    }

    /// What it does that others do not.
    pub(super) fn rule(&self) -> Rule {
        self.class.map_or(Rule::Plain, |class| class.rule)
    }

    /// A key's value, which may be `null`.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.config.get(key)
    }

    /// A switch; `null` is off, whatever the class's default.
    pub(super) fn flag(&self, key: &str, default: bool) -> bool {
        self.get(key)
            .map_or(default, |value| value.as_bool().unwrap_or(false))
    }

    /// What `size` means to this class; the reason where that is open.
    pub(super) fn sides(&self) -> Result<Sides, String> {
        let default = self.class.map(|class| class.size);
        let square = |side| Size {
            width: side,
            height: side,
        };
        let of_class = |size| match size {
            DefaultSize::Shortest(side) => Sides::Shortest(side),
            DefaultSize::Square(side) => Sides::Both(square(side)),
        };
        let Some(size) = self.get("size") else {
            return default.map(of_class).ok_or_else(|| "no `size`".into());
        };
        let edge = |key: &str| size.get(key).and_then(pixels);
        match (pixels(size), edge("shortest_edge"), edge("longest_edge")) {
            (Some(side), ..) => match self.class.map(|class| class.square) {
                Some(true) => Ok(Sides::Both(square(side))),
                Some(false) => Ok(Sides::Shortest(side)),
                None => Err(format!(
                    "`size` is {side}, of a square or of the shortest side: the processor `{}` is unknown",
                    self.name
                )),
            },
            (_, Some(side), None) => Ok(Sides::Shortest(side)),
            _ => both(size).map(Sides::Both).ok_or_else(|| {
                format!("`size` is {size}, so the input's size follows each picture's")
            }),
        }
    }

    /// What is kept of the resized picture; the reason where that is open.
    pub(super) fn crop(&self) -> Result<Option<Size>, String> {
        let crops = self.class.is_some_and(|class| class.crops);
        if self.rule() == Rule::NeverCrops || !self.flag("do_center_crop", crops) {
            return Ok(None);
        }
        let default = self.class.and_then(|class| class.crop).map(|side| Size {
            width: side,
            height: side,
        });
        match self.get("crop_size") {
            Some(size) => both(size)
                .map(Some)
                .ok_or_else(|| format!("`crop_size` is {size}")),
            None => default
                .map(Some)
                .ok_or_else(|| "`do_center_crop` without `crop_size`".into()),
        }
    }
}

/// Width and height: a bare number is a square, a pair has the height first.
fn both(size: &Value) -> Option<Size> {
    let (height, width) = match (pixels(size), size.as_array().map(Vec::as_slice)) {
        (Some(side), _) => (side, side),
        (None, Some([height, width])) => (pixels(height)?, pixels(width)?),
        _ => (pixels(size.get("height")?)?, pixels(size.get("width")?)?),
    };
    Some(Size { width, height })
}
