//! The tensors at a network's two ends, as its file declares them.

use super::manifest::Dtype;
use super::onnx::{
    BFLOAT16, DOUBLE, FLOAT, FLOAT16, INT8, INT32, INT64, ModelProto, STRING, TypeProto, UINT8,
    ValueInfoProto,
};

/// A tensor at one end of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Port {
    /// Its name.
    pub name: String,
    /// Its element type, where it is one that images or scores can have. Engines take and
    /// give 64-bit floats as 32-bit ones.
    pub dtype: Option<Dtype>,
    /// Its element type as people know it.
    pub elements: &'static str,
    /// Its axes; `None` where the length may vary.
    pub shape: Vec<Option<usize>>,
    /// The names of those that vary; empty where the length is known or has no name.
    pub axis_names: Vec<String>,
}

impl Port {
    fn of(value: &ValueInfoProto) -> Self {
        let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let dtype = tensor.and_then(|t| match t.elem_type {
            FLOAT | DOUBLE => Some(Dtype::Float32),
            FLOAT16 => Some(Dtype::Float16),
            UINT8 => Some(Dtype::Uint8),
            INT8 => Some(Dtype::Int8),
            _ => None,
        });
        let axes = tensor
            .and_then(|t| t.shape.as_ref())
            .map_or(&[][..], |s| &s.dim);
        let shape = axes
            .iter()
            .map(|d| usize::try_from(d.dim_value).ok().filter(|v| *v > 0))
            .collect();
        Self {
            name: value.name.clone(),
            dtype,
            elements: value.r#type.as_ref().map_or("no type", elements),
            shape,
            axis_names: axes.iter().map(|d| d.dim_param.clone()).collect(),
        }
    }

    /// Name, type and shape, for messages.
    pub(super) fn described(&self) -> String {
        format!("`{}` ({}{})", self.name, self.elements, self.axes())
    }

    /// Its axes as people write them; nothing where they are not declared.
    pub(super) fn axes(&self) -> String {
        if self.shape.is_empty() {
            return String::new();
        }
        let axes = self.shape.iter();
        let axes: Vec<String> = axes
            .map(|axis| axis.map_or("?".into(), |length| length.to_string()))
            .collect();
        format!(" [{}]", axes.join(", "))
    }
}

/// What a value holds.
fn elements(kind: &TypeProto) -> &'static str {
    let Some(tensor) = &kind.tensor_type else {
        return match (&kind.sequence_type, &kind.map_type) {
            (Some(_), _) => "a sequence",
            (_, Some(_)) => "a map",
            _ => "no tensor",
        };
    };
    match tensor.elem_type {
        FLOAT => "float32",
        DOUBLE => "float64",
        FLOAT16 => "float16",
        BFLOAT16 => "bfloat16",
        UINT8 => "uint8",
        INT8 => "int8",
        INT32 => "int32",
        INT64 => "int64",
        STRING => "text",
        _ => "other numbers",
    }
}

/// Ports as a list for messages.
pub(super) fn described(ports: &[Port]) -> String {
    let described = ports.iter().map(Port::described);
    described.collect::<Vec<_>>().join(", ")
}

impl ModelProto {
    /// The inputs that a caller has to give (older files list their weights here, too).
    pub(super) fn inputs(&self) -> Vec<Port> {
        let graph = self.graph();
        let weights: std::collections::HashSet<&str> =
            graph.initializer.iter().map(|t| t.name.as_str()).collect();
        graph
            .input
            .iter()
            .filter(|v| !weights.contains(v.name.as_str()))
            .map(Port::of)
            .collect()
    }

    /// The outputs, whatever they hold.
    pub(super) fn outputs(&self) -> Vec<Port> {
        self.graph().output.iter().map(Port::of).collect()
    }
}
