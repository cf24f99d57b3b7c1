//! Facts that the network itself states: its ends, their shapes and types, and the
//! operators next to them.

use super::axes;
use super::explicit::{is_implicit, pads_by_size};
use super::facts::{Fact, Facts, fact};
use super::manifest::{Color, Dtype, Input, Layout, Manifest, OutputKind, Quantization, Size};
use super::onnx::{ModelProto, NodeProto};
use super::outputs;
use super::port::{Port, described};
use crate::error::{Error, Result};

/// Operators that pass values on, or store them differently.
const CARRIERS: [&str; 9] = [
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Identity",
    "Cast",
    "QuantizeLinear",
    "DequantizeLinear",
    "Transpose",
];

/// What the graph says about its own input and output. `input` and `output` are names
/// that were asked for, where the graph has several.
///
/// # Errors
/// Ends that no image classifier has: several inputs, a tensor of text, another rank.
pub(super) fn facts(
    place: &str,
    model: &ModelProto,
    input: Option<&str>,
    output: Option<&str>,
) -> Result<Facts> {
    let input = input_port(place, model, input)?;
    Ok(input_facts(place, model, &input)?.or(outputs::facts(place, model, output)?))
}

fn input_facts(place: &str, model: &ModelProto, input: &Port) -> Result<Facts> {
    let dtype = input.dtype.ok_or_else(|| {
        Error::model(
            place,
            format!(
                "input {} holds no float32, float64, float16, uint8 or int8 values",
                input.described()
            ),
        )
        .with_remedy("an image classifier is needed: one image tensor in, one score per class out")
    })?;
    let [_, a, b, c] = input.shape[..] else {
        return Err(Error::model(
            place,
            format!(
                "input `{}` has {} axes, expected 4 (batch, channels, height, width)",
                input.name,
                input.shape.len()
            ),
        ));
    };
    let is_channels = |axis: Option<usize>| matches!(axis, Some(1 | 3));
    let (layout, said_by) = match (is_channels(a), is_channels(c)) {
        (true, false) => (Some(Layout::Nchw), "graph"),
        (false, true) => (Some(Layout::Nhwc), "graph"),
        _ => (axes::layout(input), "graph: the names of its axes"),
    };
    let (channels, height, width) = match layout {
        Some(Layout::Nhwc) => (c, a, b),
        _ => (a, b, c),
    };
    let size = match (layout, width, height) {
        (Some(_), Some(width), Some(height)) => Some(Size { width, height }),
        _ => None,
    };
    let quantization = model.input_quantization(&input.name);
    Ok(Facts {
        tensor: fact(input.name.clone(), "graph"),
        dtype: fact(dtype, "graph"),
        layout: layout.and_then(|l| fact(l, said_by)),
        size: size.and_then(|s| fact(s, "graph")),
        color: (channels == Some(1))
            .then_some(Color::Gray)
            .and_then(|c| fact(c, "graph: one channel")),
        quantization: quantization.and_then(|q| fact(Some(q), "graph: DequantizeLinear")),
        ..Facts::default()
    })
}

impl ModelProto {
    /// How the integers of input `name` stand for real values, where the graph's first
    /// step on it is a `DequantizeLinear`.
    pub(super) fn input_quantization(&self, name: &str) -> Option<Quantization> {
        let first = self
            .graph()
            .node
            .iter()
            .find(|n| n.input.iter().any(|i| i == name))?;
        (first.op_type == "DequantizeLinear").then(|| self.quantization(first, 1))?
    }

    /// How the integers of output `name` stand for real values, and which operator says so.
    pub(super) fn output_quantization(&self, name: &str) -> Option<(Quantization, &str)> {
        let mut last = self.graph().maker(name)?;
        // A graph is acyclic, a hostile file may not be: stop after its number of nodes.
        for _ in 0..self.graph().node.len() {
            let passes_on = ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"];
            if !passes_on.contains(&last.op_type.as_str()) {
                break;
            }
            last = self.graph().maker(last.input.first()?)?;
        }
        // Where each operator has the scale of what it gives; the zero point is next.
        let scale = match last.op_type.as_str() {
            "QuantizeLinear" => 1,
            "QLinearSoftmax" | "QLinearSigmoid" | "QLinearGlobalAveragePool" => 3,
            "QLinearConv" | "QLinearMatMul" | "QLinearAdd" | "QLinearMul" => 6,
            "QGemm" => 7,
            _ => return None,
        };
        Some((self.quantization(last, scale)?, &last.op_type))
    }

    /// Whether an engine that knows only today's operators, with all their settings said,
    /// would misread a node.
    pub(super) fn is_implicit(&self) -> bool {
        is_implicit(&self.graph().node, self)
    }

    /// Whether a node pads in front by the picture's size.
    pub(super) fn pads_by_size(&self) -> bool {
        self.graph().node.iter().any(pads_by_size)
    }

    /// Whether real numbers stand between integers: each engine rounds them its own way.
    pub(super) fn is_quantized(&self) -> bool {
        let mut nodes = self.graph().node.iter();
        nodes.any(|node| {
            let operator = node.op_type.as_str();
            operator.starts_with("QLinear") || operator == "DequantizeLinear"
        })
    }

    /// The value below the classes of output `name`: the input of the last Gemm, MatMul or
    /// 1x1 Conv, behind which only a bias, pooling and a softmax may stand.
    pub(super) fn features(&self, name: &str) -> Option<&str> {
        self.first_computed(self.head(name)?)
    }

    /// The last Gemm, MatMul or 1x1 Conv before output `name`.
    pub(super) fn head(&self, name: &str) -> Option<&NodeProto> {
        const BETWEEN: [&str; 8] = [
            "Softmax",
            "LogSoftmax",
            "Sigmoid",
            "Relu",
            "Dropout",
            "GlobalAveragePool",
            "AveragePool",
            "ReduceMean",
        ];
        let mut value = name;
        for _ in 0..self.graph().node.len() {
            let node = self.graph().maker(value)?;
            value = match node.op_type.as_str() {
                "Gemm" | "MatMul" => return Some(node),
                "Conv" if is_pointwise(node) => return Some(node),
                "Add" => self.first_computed(node)?,
                between if BETWEEN.contains(&between) || CARRIERS.contains(&between) => {
                    node.input.first()?
                }
                _ => return None,
            };
        }
        None
    }

    /// The first input of an operator that is not a weight.
    fn first_computed<'a>(&'a self, node: &'a NodeProto) -> Option<&'a str> {
        let weights = &self.graph().initializer;
        let is_weight = |value: &str| weights.iter().any(|tensor| tensor.name == value);
        let mut inputs = node.input.iter().map(String::as_str);
        inputs.find(|value| !value.is_empty() && !is_weight(value))
    }

    /// The scale at input `at` and the zero point behind it.
    fn quantization(&self, node: &NodeProto, at: usize) -> Option<Quantization> {
        let first = |name: &String| self.graph().constant(name)?.first().copied();
        let scale = first(node.input.get(at)?)? as f32;
        let zero_point = match node.input.get(at + 1).filter(|name| !name.is_empty()) {
            Some(name) => first(name)? as i32,
            None => 0,
        };
        Some(Quantization { scale, zero_point })
    }
}

/// Whether a convolution mixes channels only.
fn is_pointwise(node: &NodeProto) -> bool {
    node.setting("kernel_shape")
        .is_some_and(|kernel| kernel.ints.iter().all(|side| *side == 1))
}

fn input_port(place: &str, model: &ModelProto, wanted: Option<&str>) -> Result<Port> {
    let ports = model.inputs();
    let all = described(&ports);
    let settings: [&'static str; 1] = ["input.tensor"];
    match wanted {
        Some(name) => ports.into_iter().find(|p| p.name == name).ok_or_else(|| {
            let what = format!("no input named `{name}`, the model has {all}");
            Error::model(place, what).with_settings(&settings)
        }),
        None => <[Port; 1]>::try_from(ports)
            .map(|[port]| port)
            .map_err(|_| {
                Error::model(place, format!("expected one input, found {all}"))
                    .with_remedy("name it")
                    .with_settings(&settings)
            }),
    }
}

/// Refuses a manifest that the graph contradicts: sizes, channels, number of classes.
///
/// # Errors
/// What the manifest says and what the graph says.
pub(crate) fn check(place: &str, model: &ModelProto, manifest: &Manifest) -> Result<()> {
    check_input(place, model, &manifest.input)?;
    let wanted = Some(manifest.output.tensor.as_str());
    let Some(Fact { value: output, .. }) = outputs::scores(place, model, wanted)? else {
        return Ok(());
    };
    if output.dtype.is_some_and(Dtype::is_integer) && manifest.output.quantization.is_none() {
        let what = format!(
            "output `{}` holds integers, and nothing says what they stand for",
            output.name
        );
        return Err(Error::model(place, what)
            .with_remedy("say what they stand for")
            .with_settings(&["output.quantization"]));
    }
    match outputs::classes(&output) {
        Some(classes) => check_classes(place, manifest.output.kind, manifest.labels.len(), classes),
        None => Ok(()),
    }
}

fn check_input(place: &str, model: &ModelProto, expected: &Input) -> Result<()> {
    let inputs = model.inputs();
    if inputs.len() > 1 {
        let count = inputs.len();
        let what = format!("the network takes {count} inputs ({})", described(&inputs));
        return Err(Error::model(place, what).with_expected("one image"));
    }
    let input = input_port(place, model, Some(&expected.tensor))?;
    let (w, h, c) = (expected.width, expected.height, expected.color.channels());
    let axes = match expected.layout {
        Layout::Nchw => [c, h, w],
        Layout::Nhwc => [h, w, c],
    };
    let fits = input.shape.len() == 4
        && input.shape[1..]
            .iter()
            .zip(axes)
            .all(|(axis, want)| axis.is_none_or(|a| a == want));
    if !fits {
        let what = format!(
            "input `{}` is{}, but the facts give [?, {}, {}, {}]",
            input.name,
            input.axes(),
            axes[0],
            axes[1],
            axes[2]
        );
        return Err(Error::model(place, what)
            .with_remedy("correct the layout, the size or the colour")
            .with_settings(&["input.layout", "input.size", "input.color"]));
    }
    if input.dtype != Some(expected.dtype) {
        return Err(Error::model(
            place,
            format!(
                "input `{}` is {:?}, but the manifest says {:?}",
                input.name, input.dtype, expected.dtype
            ),
        ));
    }
    Ok(())
}

/// Classes of ImageNet, without and with a background.
const IMAGENET: usize = 1000;
const BACKGROUND: usize = IMAGENET + 1;

/// Refuses a number of labels that is not the number of scores.
///
/// # Errors
/// Both numbers.
pub(crate) fn check_classes(
    place: &str,
    kind: OutputKind,
    labels: usize,
    classes: usize,
) -> Result<()> {
    if kind.values(labels) == classes {
        return Ok(());
    }
    let error = Error::model(
        place,
        format!("{labels} labels for an output of {classes} scores"),
    );
    let remedy = match (labels, classes) {
        (IMAGENET, BACKGROUND) => {
            "the model may have a background class first: of ImageNet's classes, give the set \
             imagenet-1k-background, else add that line to the labels file"
        }
        _ if classes == labels + 1 => {
            "the model may have a background class first: add that line to the labels file"
        }
        _ => "give the right labels",
    };
    Err(error.with_remedy(remedy).with_settings(&["labels"]))
}

#[cfg(test)]
mod tests {
    use super::{OutputKind, check_classes};

    #[test]
    fn labels_that_lack_a_background_are_refused_with_those_that_have_it() {
        let remedy = |labels, classes| {
            let checked = check_classes("m.onnx", OutputKind::Logits, labels, classes);
            checked.unwrap_err().remedy().unwrap().to_owned()
        };
        assert!(remedy(1000, 1001).contains("give the set imagenet-1k-background"));
        assert!(remedy(4, 5).ends_with("first: add that line to the labels file"));
        assert_eq!(remedy(5, 4), "give the right labels");
    }
}
