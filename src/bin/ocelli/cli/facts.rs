//! Flags about the model: which one, and what it does not say itself.

use std::path::PathBuf;

use clap::{Args, Parser};
use ocelli::model::manifest::{Color, Filter, Layout, OutputKind, Quantization, Size};
use ocelli::model::{Facts, Overrides, fact};

use super::values::{self, ResizeArg};

/// Which model, and what it does not say itself. Groups with a heading stand behind a
/// command's own flags, which would else come under that heading.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelArgs {
    /// ONNX file, Hugging Face folder, or a model of the hub: hf:OWNER/NAME[@REVISION][:FILE]
    #[arg(short, long, env = "OCELLI_MODEL")]
    pub(crate) model: PathBuf,
    /// What the model does not say itself.
    #[command(flatten)]
    pub(crate) facts: FactArgs,
}

/// Facts about a model.
#[derive(Debug, Args)]
#[command(next_help_heading = "Facts, where the model does not state them")]
pub(crate) struct FactArgs {
    /// Prepare pictures as a known family does: resnet50.IMAGENET1K_V2, timm/…, keras/vgg16,
    /// clip, caffe, 0-1 … (docs/recipes.md; `ocelli inspect` names those that fit). Other flags
    /// are stronger, what the file says is weaker
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    like: Option<String>,
    /// Label file: a name per line, CSV, JSON, a Python dict or list, YAML, or pbtxt; or a set:
    /// imagenet-1k, cifar10, coco …
    #[arg(long, value_name = "FILE|SET")]
    labels: Option<PathBuf>,
    /// Name of the input, where there are several
    #[arg(long, value_name = "NAME")]
    input: Option<String>,
    /// Order of the input's axes: NCHW or NHWC
    #[arg(long, value_parser = values::by_upper_name::<Layout>)]
    layout: Option<Layout>,
    /// Order of the channels: RGB, BGR or GRAY
    #[arg(long, value_parser = values::by_upper_name::<Color>)]
    color: Option<Color>,
    /// Size of the input: 224 or 224x192 (width x height)
    #[arg(long, value_parser = values::size)]
    size: Option<Size>,
    /// Resize: shortest:256, exact, exact:256x192, letterbox or letterbox:R,G,B
    #[arg(long, value_parser = values::resize)]
    resize: Option<ResizeArg>,
    /// Centre crop after resizing: 224, 224x192 or none
    #[arg(long, value_parser = values::crop)]
    crop: Option<values::Crop>,
    /// PIL's filter: nearest, box, bilinear, hamming, bicubic or lanczos
    #[arg(long, value_parser = values::by_name::<Filter>)]
    filter: Option<Filter>,
    /// Do not widen the filter when shrinking (OpenCV's way, not PIL's)
    #[arg(long)]
    no_antialias: bool,
    /// Factor on pixels (0 to 255): 1/255 or 1
    #[arg(long, value_parser = values::fraction, allow_hyphen_values = true)]
    rescale: Option<f64>,
    /// Subtracted after rescaling, per channel in --color's order: 0.485,0.456,0.406
    #[arg(long, value_parser = values::numbers, allow_hyphen_values = true)]
    mean: Option<values::Numbers>,
    /// Divisor after that, per channel: 0.229,0.224,0.225
    #[arg(long, value_parser = values::numbers)]
    std: Option<values::Numbers>,
    /// How an integer input stands for real values: SCALE,ZERO_POINT
    #[arg(long, value_parser = values::quantization, allow_hyphen_values = true)]
    quantization: Option<Quantization>,
    /// Name of the output with the scores, where there are several
    #[arg(long, value_name = "NAME")]
    output_tensor: Option<String>,
    /// What it holds: logits, probabilities, log-probabilities; of independent labels
    /// sigmoid-logits, sigmoid-probabilities; binary-logit, binary-probability (one number for two)
    #[arg(long, value_name = "KIND", value_parser = values::by_name::<OutputKind>)]
    output: Option<OutputKind>,
    /// How integers in it stand for real values: SCALE,ZERO_POINT
    #[arg(long, value_parser = values::quantization, allow_hyphen_values = true)]
    output_quantization: Option<Quantization>,
    /// Calibration: softmax(logits / T)
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
}

/// Flags about a model, read without a command.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Alone {
    #[command(flatten)]
    facts: FactArgs,
}

impl FactArgs {
    /// The facts that these flags, written as one argument each, give; `None` if they are none.
    pub(crate) fn read(flags: impl Iterator<Item = String>) -> Option<Overrides> {
        let read = Alone::try_parse_from(flags).ok()?;
        Some(read.facts.overrides())
    }

    /// Whether any fact is given.
    pub(crate) fn any(&self) -> bool {
        let overrides = self.overrides();
        let beside = [
            overrides.labels.is_some(),
            overrides.fit.is_some(),
            overrides.like.is_some(),
        ];
        beside.contains(&true) || !overrides.facts.lines().is_empty()
    }

    /// The facts, each with its flag as origin.
    pub(crate) fn overrides(&self) -> Overrides {
        let size = self.size.and_then(|s| fact(s, "flag --size"));
        let facts = Facts {
            tensor: self.input.clone().and_then(|v| fact(v, "flag --input")),
            layout: self.layout.and_then(|v| fact(v, "flag --layout")),
            color: self.color.and_then(|v| fact(v, "flag --color")),
            size,
            resize: self
                .resize
                .and_then(ResizeArg::sized)
                .and_then(|v| fact(v, "flag --resize")),
            crop: self.crop.and_then(|v| fact(v.0, "flag --crop")),
            filter: self.filter.and_then(|v| fact(v, "flag --filter")),
            antialias: self
                .no_antialias
                .then_some(false)
                .and_then(|v| fact(v, "flag --no-antialias")),
            rescale: self.rescale.and_then(|v| fact(v, "flag --rescale")),
            mean: self.mean.clone().and_then(|v| fact(v.0, "flag --mean")),
            std: self.std.clone().and_then(|v| fact(v.0, "flag --std")),
            quantization: self
                .quantization
                .and_then(|v| fact(Some(v), "flag --quantization")),
            output: self
                .output_tensor
                .clone()
                .and_then(|v| fact(v, "flag --output-tensor")),
            kind: self.output.and_then(|v| fact(v, "flag --output")),
            output_quantization: self
                .output_quantization
                .and_then(|v| fact(Some(v), "flag --output-quantization")),
            temperature: self.temperature.and_then(|v| fact(v, "flag --temperature")),
            ..Facts::default()
        };
        Overrides {
            facts,
            labels: self.labels.clone().and_then(|file| {
                let origin = format!("flag --labels {}", file.display());
                fact(file, &origin)
            }),
            like: self.like.clone().and_then(|v| fact(v, "flag --like")),
            fit: self
                .resize
                .and_then(ResizeArg::fit)
                .and_then(|fit| fact(fit, "flag --resize")),
        }
    }
}
