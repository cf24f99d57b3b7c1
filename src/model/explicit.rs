//! Nodes said in full, for engines that know ONNX as it is today and its defaults in part:
//! the softmax of before opset 13, kernels and steps that are left to be inferred.

use super::onnx::{AttributeProto, ModelProto, NodeProto};

/// onnx.proto's numbers for the types of a setting.
const INT: i32 = 2;
const INTS: i32 = 7;

/// The nodes that say in full what `node` of `model` does; `None` where it does itself.
pub(super) fn explicit(node: &NodeProto, model: &ModelProto) -> Option<Vec<NodeProto>> {
    if !node.is_standard() {
        return None;
    }
    match node.op_type.as_str() {
        "Softmax" | "LogSoftmax" | "Hardmax" if model.opset() < 13 => softmax(node),
        "Conv" | "ConvInteger" | "ConvTranspose" | "MaxPool" | "AveragePool" => window(node, model),
        _ => None,
    }
}

/// Whether any node of `nodes`, or of the branches in them, has to be said in full.
pub(super) fn is_implicit(nodes: &[NodeProto], model: &ModelProto) -> bool {
    nodes.iter().any(|node| {
        let mut branches = node.attribute.iter().filter_map(|a| a.g.as_deref());
        explicit(node, model).is_some() || branches.any(|b| is_implicit(&b.node, model))
    })
}

/// Before opset 13 all axes from `axis` on were one, of which the softmax was taken.
fn softmax(node: &NodeProto) -> Option<Vec<NodeProto>> {
    let (input, output) = (node.input.first()?, node.output.first()?);
    let [flat, taken, shape] =
        ["flat", "taken", "shape"].map(|part| format!("{output}/ocelli/{part}"));
    let step = |operator: &str, input: &[&str], output: &str, axis: Option<i64>| NodeProto {
        op_type: operator.into(),
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: axis.map(|axis| number("axis", axis)).into_iter().collect(),
        ..NodeProto::default()
    };
    let axis = node.setting("axis").map_or(1, |axis| axis.i);
    Some(vec![
        step("Flatten", &[input], &flat, Some(axis)),
        step(&node.op_type, &[&flat], &taken, Some(1)),
        step("Shape", &[input], &shape, None),
        step("Reshape", &[&taken, &shape], output, None),
    ])
}

/// The rows and columns of a convolution's weights: `[out, in, rows, columns]`.
fn kernel(model: &ModelProto, weights: &str) -> Option<Vec<i64>> {
    let mut tensors = model.graph().initializer.iter();
    let dims = &tensors.find(|tensor| tensor.name == weights)?.dims;
    dims.get(2..).map(<[i64]>::to_vec)
}

/// A convolution or a pool with its kernel, its steps and, where these are 1, its padding.
fn window(node: &NodeProto, model: &ModelProto) -> Option<Vec<NodeProto>> {
    let mut said = node.clone();
    let kernel = match node.setting("kernel_shape") {
        Some(kernel) => kernel.ints.clone(),
        None => kernel(model, node.input.get(1)?)?,
    };
    if node.setting("kernel_shape").is_none() {
        said.attribute.push(numbers("kernel_shape", kernel.clone()));
    }
    if node.setting("strides").is_none() {
        let strides = vec![1; kernel.len()];
        said.attribute.push(numbers("strides", strides));
    }
    if pads_in_front(node) && !pads_by_size(node) {
        let dilations = node.setting("dilations").map(|d| d.ints.clone());
        let dilations = dilations.unwrap_or_else(|| vec![1; kernel.len()]);
        let sides = kernel.iter().zip(&dilations);
        let padding: Vec<i64> = sides.map(|(side, by)| (side - 1) * by).collect();
        let (front, back) = (
            padding.iter().map(|p| p - p / 2),
            padding.iter().map(|p| p / 2),
        );
        said.attribute
            .retain(|a| !matches!(a.name.as_str(), "auto_pad" | "pads"));
        said.attribute
            .push(numbers("pads", front.chain(back).collect()));
    }
    (said != *node).then(|| vec![said])
}

/// Whether the odd pixel of the padding is in front, which rten puts behind.
fn pads_in_front(node: &NodeProto) -> bool {
    node.setting("auto_pad")
        .is_some_and(|pad| &pad.s[..] == b"SAME_LOWER")
}

/// The same where how much there is depends on the picture's size, so that it cannot be
/// written into the node.
pub(super) fn pads_by_size(node: &NodeProto) -> bool {
    let strides = node.setting("strides").map(|strides| &strides.ints[..]);
    let has_steps = strides.is_some_and(|strides| strides.iter().any(|step| *step != 1));
    pads_in_front(node) && (has_steps || node.op_type == "ConvTranspose")
}

/// A setting that is a number.
pub(super) fn number(name: &str, number: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: number,
        r#type: INT,
        ..AttributeProto::default()
    }
}

fn numbers(name: &str, numbers: Vec<i64>) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: numbers,
        r#type: INTS,
        ..AttributeProto::default()
    }
}
