//! Facts that the network itself states: its ends, their shapes and types, and the
//! operators next to them.

use super::facts::{Facts, fact};
use super::manifest::{Color, Dtype, Layout, Size};
use super::onnx::{ModelProto, Port};
use crate::error::{Error, Result};

/// What the graph says about its own input and output. `input` and `output` are names
/// that were asked for, where the graph has several.
///
/// # Errors
/// Ends that no image classifier has: several inputs, a tensor of text, another rank.
pub fn facts(
    place: &str,
    model: &ModelProto,
    input: Option<&str>,
    output: Option<&str>,
) -> Result<Facts> {
    let input = one(place, "input", "--input", model.inputs(), input)?;
    let mut facts = input_facts(place, model, &input)?;
    let outputs = model.outputs();
    if outputs.len() == 1 || output.is_some() {
        let output = one(place, "output", "--output-tensor", outputs, output)?;
        if let Some((kind, operator)) = model.output_kind(&output.name) {
            facts.kind = fact(kind, &format!("graph: the last operator is {operator}"));
        }
        facts.output_quantization = model
            .output_quantization(&output.name)
            .and_then(|q| fact(Some(q), "graph: QuantizeLinear"));
        facts.output = fact(output.name, "graph");
    }
    Ok(facts)
}

fn input_facts(place: &str, model: &ModelProto, input: &Port) -> Result<Facts> {
    let dtype = input.dtype.ok_or_else(|| {
        Error::model(
            place,
            format!(
                "input `{}` holds no float32, float16, uint8 or int8 values",
                input.name
            ),
        )
        .remedy("an image classifier is needed: one image tensor in, one score per class out")
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
    let layout = match (is_channels(a), is_channels(c)) {
        (true, false) => Some(Layout::Nchw),
        (false, true) => Some(Layout::Nhwc),
        _ => None,
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
        layout: layout.and_then(|l| fact(l, "graph")),
        size: size.and_then(|s| fact(s, "graph")),
        color: (channels == Some(1))
            .then_some(Color::Gray)
            .and_then(|c| fact(c, "graph: one channel")),
        quantization: quantization.and_then(|q| fact(Some(q), "graph: DequantizeLinear")),
        ..Facts::default()
    })
}

fn one(
    place: &str,
    what: &str,
    flag: &str,
    ports: Vec<Port>,
    wanted: Option<&str>,
) -> Result<Port> {
    let names = ports
        .iter()
        .map(|p| format!("`{}`", p.name))
        .collect::<Vec<_>>()
        .join(", ");
    match wanted {
        Some(name) => ports.into_iter().find(|p| p.name == name).ok_or_else(|| {
            Error::model(
                place,
                format!("no {what} named `{name}`, the model has {names}"),
            )
        }),
        None => <[Port; 1]>::try_from(ports)
            .map(|[port]| port)
            .map_err(|_| {
                Error::model(place, format!("expected one {what}, found {names}"))
                    .remedy(format!("name it with {flag}"))
            }),
    }
}

/// Refuses a manifest that the graph contradicts: sizes, channels, number of classes.
///
/// # Errors
/// What the manifest says and what the graph says.
pub fn check(place: &str, model: &ModelProto, manifest: &super::manifest::Manifest) -> Result<()> {
    let inputs = model.inputs();
    if inputs.len() > 1 {
        let names = inputs
            .iter()
            .map(|p| format!("`{}`", p.name))
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::model(
            place,
            format!(
                "the network takes {} inputs ({names}), expected one image",
                inputs.len()
            ),
        ));
    }
    let input = one(
        place,
        "input",
        "--input",
        inputs,
        Some(&manifest.input.tensor),
    )?;
    let (w, h, c) = (
        manifest.input.width,
        manifest.input.height,
        manifest.input.color.channels(),
    );
    let expected = match manifest.input.layout {
        Layout::Nchw => [c, h, w],
        Layout::Nhwc => [h, w, c],
    };
    let fits = input.shape.len() == 4
        && input.shape[1..]
            .iter()
            .zip(expected)
            .all(|(axis, want)| axis.is_none_or(|a| a == want));
    if !fits {
        let shape: Vec<String> = input
            .shape
            .iter()
            .map(|a| a.map_or("?".into(), |n| n.to_string()))
            .collect();
        return Err(Error::model(
            place,
            format!(
                "input `{}` is [{}], but the facts give [?, {}, {}, {}]",
                input.name,
                shape.join(", "),
                expected[0],
                expected[1],
                expected[2]
            ),
        )
        .remedy("correct --layout, --size or --color"));
    }
    if input.dtype != Some(manifest.input.dtype) {
        return Err(Error::model(
            place,
            format!(
                "input `{}` is {:?}, but the manifest says {:?}",
                input.name, input.dtype, manifest.input.dtype
            ),
        ));
    }
    let output = one(
        place,
        "output",
        "--output-tensor",
        model.outputs(),
        Some(&manifest.output.tensor),
    )?;
    if output.dtype.is_some_and(Dtype::is_integer) && manifest.output.quantization.is_none() {
        return Err(Error::model(
            place,
            format!(
                "output `{}` holds integers, and nothing says what they stand for",
                output.name
            ),
        )
        .remedy("give --output-quantization SCALE,ZERO_POINT"));
    }
    let classes: Option<usize> = output.shape.iter().skip(1).copied().product();
    match classes {
        Some(classes) if output.shape.len() > 1 => {
            check_classes(place, manifest.labels.len(), classes)
        }
        _ => Ok(()),
    }
}

/// Refuses a number of labels that is not the number of scores.
///
/// # Errors
/// Both numbers.
pub fn check_classes(place: &str, labels: usize, classes: usize) -> Result<()> {
    if labels == classes {
        return Ok(());
    }
    let error = Error::model(
        place,
        format!("{labels} labels for an output of {classes} scores"),
    );
    Err(if classes == labels + 1 {
        error
            .remedy("the model may have a background class first: add that line to the labels file")
    } else {
        error.remedy("give the right file with --labels")
    })
}
