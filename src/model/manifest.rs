//! The contract inside the model: everything that must be the same on the device as it
//! was in training. It travels as JSON in the ONNX file's metadata under the key
//! [`KEY`]. Nothing here has a default: a manifest says all of it, `null` included.

use serde::{Deserialize, Deserializer, Serialize};

pub use super::training::{Drift, Training};
use crate::error::{Error, Result};

/// The key in the ONNX file's `metadata_props`.
pub const KEY: &str = "ocelli";
/// The version of the manifest that this program reads and writes.
pub const FORMAT: u32 = 1;

/// Largest side in pixels that a picture is resized to.
const LARGEST: usize = 8192;

/// A self-describing model's description of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: u32,
    /// Short name, such as `shapes`.
    pub name: String,
    /// The author's version, such as `1`.
    pub version: String,
    /// Class names in the order of the output's values.
    pub labels: Vec<String>,
    /// The tensor that goes in.
    pub input: Input,
    /// The way from a picture to that tensor.
    pub preprocess: Preprocess,
    /// The tensor that comes out.
    pub output: Output,
    /// When to answer "unknown".
    #[serde(deserialize_with = "stated")]
    pub rejection: Option<Rejection>,
    /// What the world looked like in training, for the monitor.
    #[serde(deserialize_with = "stated")]
    pub drift: Option<Drift>,
    /// How the model came to be.
    #[serde(deserialize_with = "stated")]
    pub training: Option<Training>,
    /// Pictures with the probabilities that the trainer's own inference gave.
    #[serde(deserialize_with = "stated")]
    pub proof: Option<Proof>,
}

/// The input tensor: `[batch, C, H, W]` or `[batch, H, W, C]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// How an integer tensor stands for real values; `None` rounds the value itself.
    #[serde(deserialize_with = "stated")]
    pub quantization: Option<Quantization>,
}

/// Order of the axes of an image tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Layout {
    /// Channels, rows, columns (PyTorch).
    Nchw,
    /// Rows, columns, channels (TensorFlow).
    Nhwc,
}

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(deny_unknown_fields)]
pub struct Quantization {
    /// Real units per integer step, above 0.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

/// The way from a decoded picture (8-bit pixels, 0 to 255) to the input's values:
/// resize, centre crop, then `(pixel * rescale - mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Factor on the pixel: 1/255 for values from 0 to 1.
    pub rescale: f64,
    /// Subtracted from the rescaled pixel, per channel.
    pub mean: Vec<f64>,
    /// Divisor after that, per channel.
    pub std: Vec<f64>,
}

/// How the picture's size is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A resampling filter, as PIL understands the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Mean of the pixels covered.
    Box,
    /// Triangle, support 1.
    Bilinear,
    /// Cubic with a = -0.5, support 2.
    Bicubic,
    /// Windowed sinc, support 3.
    Lanczos,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
}

/// The output tensor: one value per class, `[batch, classes]` (more axes of length 1 are fine).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the graph's output.
    pub tensor: String,
    /// What the values are.
    pub kind: OutputKind,
    /// Calibration: probabilities are `softmax(logits / temperature)`.
    pub temperature: f64,
    /// How integers stand for real values: `real = (integer - zero_point) * scale`.
    #[serde(deserialize_with = "stated")]
    pub quantization: Option<Quantization>,
    /// Name of an output with features `[batch, D]`, for the monitor.
    #[serde(deserialize_with = "stated")]
    pub embedding: Option<String>,
}

/// What the output's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// Any real numbers; softmax makes them probabilities.
    Logits,
    /// Numbers from 0 to 1 whose sum is 1.
    Probabilities,
    /// Logarithms of probabilities.
    LogProbabilities,
}

/// When to answer "unknown", fitted on held-out pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// A best probability below this is rejected, 0 to 1.
    pub threshold: f64,
    /// Share of held-out pictures that is kept, 0 to 1.
    pub coverage: f64,
    /// Accuracy on those kept, 0 to 1.
    pub accuracy: f64,
}

/// What `ocelli verify` replays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Largest difference allowed between a probability here and there.
    pub tolerance: f32,
    /// The pictures.
    pub cases: Vec<ProofCase>,
}

/// One picture of the proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofCase {
    /// Where it came from, such as `circle/00012.png`.
    pub name: String,
    /// The label of its best probability: catches labels that changed places.
    pub label: String,
    /// An encoded picture (PNG or JPEG) in base64.
    pub image: String,
    /// What the trainer's own inference gave, one value per label.
    pub probabilities: Vec<f32>,
}

/// Makes an optional field required: `null` has to be written.
pub(super) fn stated<'de, D, T>(deserializer: D) -> std::result::Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

impl Manifest {
    /// Reads a manifest's JSON, found at `place`.
    ///
    /// # Errors
    /// Another format version, a missing or unknown key, or facts that contradict each other.
    pub fn from_json(place: &str, json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let broken = |e| {
            Error::model(
                place,
                format!("the `{KEY}` metadata is not a manifest of format {FORMAT}"),
            )
            .caused_by(e)
            .remedy("export it again with scripts/train, or write the facts with `ocelli pack`")
        };
        let Version { format } = serde_json::from_str(json).map_err(broken)?;
        if format != FORMAT {
            return Err(Error::model(
                place,
                format!("manifest format {format}, but this ocelli reads format {FORMAT}"),
            )
            .remedy("use the ocelli that belongs to the trainer"));
        }
        let manifest: Self = serde_json::from_str(json).map_err(broken)?;
        manifest.check(place)?;
        Ok(manifest)
    }

    /// The manifest as one line of JSON.
    ///
    /// # Errors
    /// None in practice: every field has a JSON form.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|e| Error::model(&self.name, "the manifest has no JSON form").caused_by(e))
    }

    /// The name with its version, `shapes@1`, as records carry it.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Refuses facts that contradict each other.
    ///
    /// # Errors
    /// Which fact, what it says and what it would have to say.
    pub fn check(&self, place: &str) -> Result<()> {
        let complain = |what: String| Err(Error::model(place, what));
        self.check_labels(place)?;
        let (input, pre) = (&self.input, &self.preprocess);
        let channels = input.color.channels();
        for (name, values) in [("mean", &pre.mean), ("std", &pre.std)] {
            if values.len() != channels {
                return complain(format!(
                    "preprocess.{name} has {} values, expected {channels} for color {:?}",
                    values.len(),
                    input.color
                ));
            }
            if values.iter().any(|v| !v.is_finite()) {
                return complain(format!(
                    "preprocess.{name} holds a value that is not a number"
                ));
            }
        }
        if pre.std.contains(&0.0) || !pre.rescale.is_finite() || pre.rescale == 0.0 {
            return complain("preprocess.std and preprocess.rescale must not be 0".into());
        }
        let resized = match pre.resize {
            Resize::Shortest { size } => (size, size),
            Resize::Exact { width, height } | Resize::Letterbox { width, height, .. } => {
                (width, height)
            }
        };
        if resized.0.max(resized.1) > LARGEST {
            return complain(format!(
                "preprocess.resize to {}x{}, expected at most {LARGEST}",
                resized.0, resized.1
            ));
        }
        let kept = pre.crop.map_or(resized, |c| (c.width, c.height));
        if kept.0 == 0 || kept.1 == 0 || kept.0 > resized.0 || kept.1 > resized.1 {
            return complain(format!(
                "preprocess.crop {}x{} does not lie inside the resized {}x{}",
                kept.0, kept.1, resized.0, resized.1
            ));
        }
        if kept != (input.width, input.height) {
            return complain(format!(
                "preprocess gives {}x{}, but the input tensor takes {}x{}",
                kept.0, kept.1, input.width, input.height
            ));
        }
        if pre.crop.is_none() && matches!(pre.resize, Resize::Shortest { .. }) {
            return complain("preprocess.resize shortest needs preprocess.crop".into());
        }
        if !(1e-6..=1e6).contains(&self.output.temperature) {
            return complain(format!(
                "output.temperature is {}, expected 1e-6 to 1e6",
                self.output.temperature
            ));
        }
        for quantization in [input.quantization, self.output.quantization]
            .into_iter()
            .flatten()
        {
            if !(quantization.scale > 0.0 && quantization.scale.is_finite()) {
                return complain(format!(
                    "a quantization scale is {}, expected above 0",
                    quantization.scale
                ));
            }
        }
        self.check_proof(place)
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
                        "proof case {} has {} probabilities for {classes} labels",
                        case.name,
                        case.probabilities.len()
                    ),
                ));
            }
        }
        Ok(())
    }
}
