//! The tensor that goes into a network.

use serde::{Deserialize, Serialize};

use super::stated::stated;

/// The input tensor: `[batch, C, H, W]` or `[batch, H, W, C]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the graph's input.
    pub tensor: String,
    /// Order of the axes.
    pub layout: Layout,
    /// Type of the elements.
    pub dtype: Dtype,
    /// Order of the channels.
    pub color: Color,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// How an integer tensor stands for real values; without it, the value itself is rounded.
    #[serde(deserialize_with = "stated")]
    pub quantization: Option<Quantization>,
}

/// Order of the axes of an image tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Layout {
    /// Channels, rows, columns (PyTorch).
    Nchw,
    /// Rows, columns, channels (TensorFlow).
    Nhwc,
}

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floating point.
    Float32,
    /// 16-bit floating point.
    Float16,
    /// Unsigned 8-bit integer.
    Uint8,
    /// Signed 8-bit integer.
    Int8,
}

impl Dtype {
    /// Whether the elements are integers.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Uint8 | Self::Int8)
    }
}

/// Order of the channels; `mean` and `std` have one value per channel in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Color {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red (OpenCV, Caffe).
    Bgr,
    /// One channel of luma, by ITU-R 601-2 as PIL's `convert("L")`.
    Gray,
}

impl Color {
    /// Number of channels.
    pub fn channels(self) -> usize {
        if self == Self::Gray { 1 } else { 3 }
    }
}

/// `integer = round(real / scale) + zero_point`, as in ONNX `QuantizeLinear`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Quantization {
    /// Real units per integer step, above 0.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}
