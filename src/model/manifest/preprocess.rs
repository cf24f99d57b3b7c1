//! The way from a picture to the input tensor.

use serde::{Deserialize, Serialize};

use super::stated::stated;

/// The way from a decoded picture (8-bit pixels, 0 to 255) to the input's values:
/// resize, centre crop, then `(pixel * rescale - mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// How the picture's size is changed.
    pub resize: Resize,
    /// Which pixels are mixed, and how, when it is.
    pub filter: Filter,
    /// Whether the filter widens when the picture shrinks, as PIL's does and OpenCV's does not.
    pub antialias: bool,
    /// The part kept after resizing.
    #[serde(deserialize_with = "stated")]
    pub crop: Option<Size>,
    /// Where that part lies to the pixel; left out where it is torchvision's rule.
    #[serde(default, skip_serializing_if = "CropRule::is_usual")]
    pub crop_rule: CropRule,
    /// Factor on the pixel: 1/255 for values from 0 to 1.
    pub rescale: f64,
    /// Subtracted from the rescaled pixel, per channel.
    pub mean: Vec<f64>,
    /// Divisor after that, per channel.
    pub std: Vec<f64>,
}

/// How the picture's size is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub enum Resize {
    /// The shorter side becomes `size`, the longer follows, truncated (torchvision's `Resize`).
    Shortest {
        /// Pixels.
        size: usize,
    },
    /// Both sides become what is said, whatever the aspect (a squash).
    Exact {
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
    },
    /// The picture keeps its shape and covers both sides, each rounded, halves to even
    /// (timm's `ResizeKeepRatio`).
    Cover {
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
    },
    /// The picture's centre becomes `width` x `height`: of its shorter side `width / of.width`
    /// across and `height / of.height` down, truncated. What lies outside has no part in it
    /// (transformers' `PerceiverImageProcessor`).
    Central {
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
        /// What `width` and `height` are shares of.
        of: Size,
    },
    /// The whole picture fits inside, centred, the rest filled.
    Letterbox {
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
        /// Colour of the rest, 0 to 255, red, green, blue.
        fill: [u8; 3],
    },
}

/// Where the part that is kept lies, if it cannot be centred to the pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CropRule {
    /// `CenterCrop`: half of what is over, halves to the even pixel. What the picture lacks
    /// is black, an odd pixel of it behind.
    #[default]
    Torchvision,
    /// `center_crop`: half of what is over, truncated. What the picture lacks is black, an
    /// odd pixel of it before.
    Transformers,
}

impl CropRule {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A resampling filter, as PIL understands the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Mean of the pixels covered.
    Box,
    /// Triangle, support 1.
    Bilinear,
    /// A raised cosine on a sinc, support 1.
    Hamming,
    /// Cubic with a = -0.5, support 2.
    Bicubic,
    /// Windowed sinc, support 3.
    Lanczos,
}

impl Size {
    /// The size of which a crop to this one keeps so large a `share` of each side: timm's
    /// rounding.
    pub(crate) fn of_share(self, share: f64) -> Self {
        let grown = |side: usize| (side as f64 / share).floor() as usize;
        Self {
            width: grown(self.width),
            height: grown(self.height),
        }
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
}
