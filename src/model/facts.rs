//! Facts about a model, each with where it came from. Whatever source knows a fact offers
//! it; the strongest offer wins; what nobody offers is an error that names it.

use serde::Serialize;
use serde_json::Value;

use super::manifest::{
    Color, CropRule, Drift, Dtype, FORMAT, Filter, Independent, Input, Layout, Manifest, Output,
    OutputKind, Preprocess, Proof, Quantization, Rejection, Resize, Size, Training,
};
use crate::error::{Error, Result};

/// A value and its origin, such as `flag --size` or `preprocessor_config.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<T> {
    /// What is known.
    pub value: T,
    /// Who said so.
    pub origin: String,
}

/// One fact as `inspect` shows it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Fact", deny_unknown_fields))]
pub struct FactLine {
    /// Its name in the manifest, such as `preprocess.filter`.
    pub fact: &'static str,
    /// Its value.
    pub value: Value,
    /// Who said so: the file, a file beside it, a flag.
    pub origin: String,
}

/// Declares [`Facts`]: field, type, name in the manifest.
macro_rules! facts {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $name:literal,)*) => {
        /// What is known about a model so far.
        #[derive(Clone, Debug, Default)]
        pub struct Facts {
            $($(#[$doc])* pub $field: Option<Fact<$type>>,)*
            /// Why a source leaves a fact open that one would expect of it: the fact's name
            /// in the manifest, and the reason.
            pub open: Vec<(&'static str, String)>,
        }

        impl Facts {
            /// These facts, and the weaker ones where these say nothing.
            #[must_use]
            pub(crate) fn or(self, weaker: Facts) -> Facts {
                Facts {
                    $($field: self.$field.or(weaker.$field),)*
                    open: [self.open, weaker.open].concat(),
                }
            }

            /// Every known fact in the manifest's order.
            pub fn lines(&self) -> Vec<FactLine> {
                let mut lines = Vec::new();
                $(if let Some(fact) = &self.$field {
                    lines.push(FactLine {
                        fact: $name,
                        value: serde_json::to_value(&fact.value).unwrap_or(Value::Null),
                        origin: fact.origin.clone(),
                    });
                })*
                lines
            }
        }
    };
}

facts! {
    /// Short name.
    name: String = "name",
    /// The author's version.
    version: String = "version",
    /// Class names in output order.
    labels: Vec<String> = "labels",
    /// Name of the graph's input.
    tensor: String = "input.tensor",
    /// Order of its axes.
    layout: Layout = "input.layout",
    /// Type of its elements.
    dtype: Dtype = "input.dtype",
    /// Order of its channels.
    color: Color = "input.color",
    /// Its width and height.
    size: Size = "input.size",
    /// How its integers stand for real values.
    quantization: Option<Quantization> = "input.quantization",
    /// How a picture's size is changed.
    resize: Resize = "preprocess.resize",
    /// With which filter.
    filter: Filter = "preprocess.filter",
    /// Whether the filter widens for shrinking.
    antialias: bool = "preprocess.antialias",
    /// What is kept of the resized picture.
    crop: Option<Size> = "preprocess.crop",
    /// Where that lies to the pixel.
    crop_rule: CropRule = "preprocess.crop_rule",
    /// Factor on pixels.
    rescale: f64 = "preprocess.rescale",
    /// Subtracted per channel.
    mean: Vec<f64> = "preprocess.mean",
    /// Divisor per channel.
    std: Vec<f64> = "preprocess.std",
    /// Name of the graph's output.
    output: String = "output.tensor",
    /// What its values are.
    kind: OutputKind = "output.kind",
    /// Calibration.
    temperature: f64 = "output.temperature",
    /// How its integers stand for real values.
    output_quantization: Option<Quantization> = "output.quantization",
    /// Name of an output with features.
    embedding: Option<String> = "output.embedding",
    /// How each of independent labels is calibrated.
    independent: Independent = "output.independent",
    /// When to answer "unknown".
    rejection: Option<Rejection> = "rejection",
}

/// The parts of a manifest that only a trainer can write: no flag, no other convention.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrainerSections {
    /// Baselines for the monitor.
    pub drift: Option<Drift>,
    /// How the model came to be.
    pub training: Option<Training>,
    /// What `verify` replays.
    pub proof: Option<Proof>,
}

/// A fact from `origin`.
pub fn fact<T>(value: T, origin: &str) -> Option<Fact<T>> {
    Some(Fact {
        value,
        origin: origin.into(),
    })
}

impl Facts {
    /// The facts of a manifest, all of one origin.
    pub(crate) fn from_manifest(manifest: Manifest, origin: &str) -> (Facts, TrainerSections) {
        let (input, pre, output) = (manifest.input, manifest.preprocess, manifest.output);
        let facts = Facts {
            name: fact(manifest.name, origin),
            version: fact(manifest.version, origin),
            labels: fact(manifest.labels, origin),
            tensor: fact(input.tensor, origin),
            layout: fact(input.layout, origin),
            dtype: fact(input.dtype, origin),
            color: fact(input.color, origin),
            size: fact(
                Size {
                    width: input.width,
                    height: input.height,
                },
                origin,
            ),
            quantization: fact(input.quantization, origin),
            resize: fact(pre.resize, origin),
            filter: fact(pre.filter, origin),
            antialias: fact(pre.antialias, origin),
            crop: fact(pre.crop, origin),
            crop_rule: (pre.crop_rule != CropRule::default())
                .then_some(pre.crop_rule)
                .and_then(|rule| fact(rule, origin)),
            rescale: fact(pre.rescale, origin),
            mean: fact(pre.mean, origin),
            std: fact(pre.std, origin),
            output: fact(output.tensor, origin),
            kind: fact(output.kind, origin),
            temperature: fact(output.temperature, origin),
            output_quantization: fact(output.quantization, origin),
            embedding: fact(output.embedding, origin),
            independent: output.independent.and_then(|each| fact(each, origin)),
            rejection: fact(manifest.rejection, origin),
            open: Vec::new(),
        };
        let trainer = TrainerSections {
            drift: manifest.drift,
            training: manifest.training,
            proof: manifest.proof,
        };
        (facts, trainer)
    }

    /// Adds what follows from facts already known; none of it is a guess.
    #[must_use]
    pub(crate) fn with_consequences(mut self) -> Facts {
        let implied = self.crop.as_ref().and_then(|c| c.value).or_else(|| {
            match self.resize.as_ref()?.value {
                Resize::Shortest { .. } | Resize::Cover { .. } => None,
                Resize::Exact { width, height }
                | Resize::Central { width, height, .. }
                | Resize::Letterbox { width, height, .. } => Some(Size { width, height }),
            }
        });
        if self.size.is_none() {
            self.size = implied.and_then(|size| fact(size, "follows from preprocess"));
        }
        if let (None, Some(resize), Some(size)) = (&self.crop, &self.resize, &self.size) {
            let whole = match resize.value {
                Resize::Shortest { .. } | Resize::Cover { .. } => false,
                Resize::Exact { width, height }
                | Resize::Central { width, height, .. }
                | Resize::Letterbox { width, height, .. } => {
                    (width, height) == (size.value.width, size.value.height)
                }
            };
            self.crop = fact((!whole).then_some(size.value), "follows from input.size");
        }
        let plain = self.plain_pixels();
        if plain.quantization.is_some() {
            // The pixel itself is the integer, whatever real value the graph makes of it.
            self.quantization = None;
        }
        self.or(plain).or(Facts {
            version: fact("0".into(), "none given"),
            quantization: fact(None, "none given"),
            antialias: fact(true, "the filter's PIL definition"),
            temperature: fact(1.0, "no calibration given"),
            output_quantization: fact(None, "none given"),
            embedding: fact(None, "none given"),
            rejection: fact(None, "none given"),
            ..Facts::default()
        })
    }

    /// A `uint8` tensor that nobody says anything else about takes pixels as they are.
    fn plain_pixels(&self) -> Facts {
        let said = self.mean.is_some() || self.std.is_some() || self.rescale.is_some();
        let channels = self.color.as_ref().map(|c| c.value.channels());
        match (&self.dtype, channels) {
            (
                Some(Fact {
                    value: Dtype::Uint8,
                    ..
                }),
                Some(channels),
            ) if !said => {
                let origin = "uint8 tensor: pixels as they are";
                Facts {
                    rescale: fact(1.0, origin),
                    mean: fact(vec![0.0; channels], origin),
                    std: fact(vec![1.0; channels], origin),
                    quantization: fact(None, origin),
                    ..Facts::default()
                }
            }
            _ => Facts::default(),
        }
    }

    /// The manifest, once nothing is missing.
    ///
    /// # Errors
    /// All missing facts by their names in the manifest; or facts that contradict
    /// each other.
    pub(crate) fn into_manifest(self, place: &str, trainer: TrainerSections) -> Result<Manifest> {
        let missing: Vec<&'static str> = [
            (self.labels.is_none(), "labels"),
            (
                self.tensor.is_none() || self.dtype.is_none(),
                "input.tensor",
            ),
            (self.layout.is_none(), "input.layout"),
            (self.color.is_none(), "input.color"),
            (self.size.is_none(), "input.size"),
            (self.resize.is_none(), "preprocess.resize"),
            (self.filter.is_none(), "preprocess.filter"),
            (self.rescale.is_none(), "preprocess.rescale"),
            (self.mean.is_none(), "preprocess.mean"),
            (self.std.is_none(), "preprocess.std"),
            (self.output.is_none(), "output.tensor"),
            (self.kind.is_none(), "output.kind"),
        ]
        .into_iter()
        .filter_map(|(absent, name)| absent.then_some(name))
        .collect();
        let named = missing.iter().map(|name| self.with_reason(name));
        let named = named.collect::<Vec<_>>().join(", ");
        let complete = if missing.is_empty() {
            self.assemble(trainer)
        } else {
            None
        };
        let manifest = complete.ok_or_else(|| incomplete(place, &named, missing))?;
        manifest.check(place)?;
        Ok(manifest)
    }

    /// A missing fact's name, and why it is missing where that is known.
    fn with_reason(&self, name: &str) -> String {
        let reason = self.open.iter().find(|(open, _)| *open == name);
        reason.map_or(name.into(), |(_, reason)| format!("{name} ({reason})"))
    }

    fn assemble(self, trainer: TrainerSections) -> Option<Manifest> {
        let size = self.size?.value;
        let kind = self.kind?.value;
        Some(Manifest {
            format: FORMAT,
            name: self.name?.value,
            version: self.version?.value,
            labels: self.labels?.value,
            input: Input {
                tensor: self.tensor?.value,
                layout: self.layout?.value,
                dtype: self.dtype?.value,
                color: self.color?.value,
                width: size.width,
                height: size.height,
                quantization: self.quantization?.value,
            },
            preprocess: Preprocess {
                resize: self.resize?.value,
                filter: self.filter?.value,
                antialias: self.antialias?.value,
                crop: self.crop?.value,
                crop_rule: self.crop_rule.map(|f| f.value).unwrap_or_default(),
                rescale: self.rescale?.value,
                mean: self.mean?.value,
                std: self.std?.value,
            },
            output: Output {
                tensor: self.output?.value,
                kind,
                temperature: self.temperature?.value,
                quantization: self.output_quantization?.value,
                embedding: self.embedding?.value,
                // Of another kind by a flag, it has nothing to say.
                independent: self
                    .independent
                    .map(|each| each.value)
                    .filter(|_| kind.is_independent()),
            },
            rejection: self.rejection?.value,
            drift: trainer.drift,
            training: trainer.training,
            proof: trainer.proof,
        })
    }
}

/// What a model that leaves facts open is refused with.
fn incomplete(place: &str, named: &str, mut missing: Vec<&'static str>) -> Error {
    let mut remedy = "give these facts as the model's author documents them";
    if missing.iter().any(|name| name.starts_with("preprocess.")) {
        remedy = "give these facts as the model's author documents them, or a recipe that has them";
        missing.push("like");
    }
    Error::model(place, format!("the model does not say: {named}"))
        .with_remedy(remedy)
        .with_settings(&missing)
}
