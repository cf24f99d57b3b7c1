//! The network as an engine can run it: cut down to the values that are asked for, and with
//! the softmax of before opset 13 written out for engines that know only today's. Done in
//! memory, field by field, so that weights are copied and nothing else changes.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::wire::{append, fields};

/// Field numbers of onnx.proto.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;

/// What is asked of a network.
pub(super) struct Edit<'a> {
    /// The values that it gives, be they outputs of it or inside.
    pub(super) outputs: Vec<&'a str>,
    /// Whether softmax has to be written out where it takes several axes as one.
    pub(super) writes_softmax_out: bool,
}

/// The bytes of `model`, which is `bytes` parsed, after `edit`; `None` if they are no
/// protobuf message.
pub(super) fn edited(model: &ModelProto, bytes: &[u8], edit: &Edit) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(bytes.len() + 4096);
    for field in fields(bytes)? {
        if field.number == MODEL_GRAPH {
            let graph = edited_graph(model.graph(), field.content, edit)?;
            append(&mut edited, MODEL_GRAPH, &graph);
        } else {
            edited.extend_from_slice(field.bytes);
        }
    }
    Some(edited)
}

fn edited_graph(graph: &GraphProto, bytes: &[u8], edit: &Edit) -> Option<Vec<u8>> {
    let needed = Needed::of(graph, &edit.outputs);
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let is_kept = |name: &str| needed.values.contains(name);
    let mut edited = Vec::with_capacity(bytes.len());
    let mut outputs = HashMap::new();
    let (mut nodes, mut tensors, mut inputs) = (0, graph.initializer.iter(), graph.input.iter());
    for field in fields(bytes)? {
        match field.number {
            GRAPH_NODE => {
                if needed.nodes.contains(&nodes) {
                    edited_node(field.content, edit.writes_softmax_out, &mut edited)?;
                }
                nodes += 1;
            }
            GRAPH_INITIALIZER if !is_kept(&tensors.next()?.name) => {}
            GRAPH_INPUT => {
                // Older files list weights as inputs, too.
                let name = inputs.next()?.name.as_str();
                if is_kept(name) || !weights.contains(name) {
                    edited.extend_from_slice(field.bytes);
                }
            }
            GRAPH_OUTPUT => {
                let output = ValueInfoProto::decode(field.content).ok()?;
                outputs.insert(output.name, field.content);
            }
            _ => edited.extend_from_slice(field.bytes),
        }
    }
    for name in &edit.outputs {
        match outputs.get(*name) {
            Some(declared) => append(&mut edited, GRAPH_OUTPUT, declared),
            None => {
                let output = ValueInfoProto {
                    name: (*name).to_owned(),
                    ..ValueInfoProto::default()
                };
                append(&mut edited, GRAPH_OUTPUT, &output.encode_to_vec());
            }
        }
    }
    Some(edited)
}

/// What some values are made of.
struct Needed<'a> {
    nodes: HashSet<usize>,
    values: HashSet<&'a str>,
}

impl<'a> Needed<'a> {
    fn of(graph: &'a GraphProto, outputs: &[&'a str]) -> Self {
        let mut makers = HashMap::new();
        for (index, node) in graph.node.iter().enumerate() {
            makers.extend(node.output.iter().map(|name| (name.as_str(), index)));
        }
        let mut needed = Self {
            nodes: HashSet::new(),
            values: HashSet::new(),
        };
        let mut open: Vec<&str> = outputs.to_vec();
        while let Some(name) = open.pop() {
            if !needed.values.insert(name) {
                continue;
            }
            if let Some(index) = makers.get(name)
                && needed.nodes.insert(*index)
            {
                taken(&graph.node[*index], &mut open);
            }
        }
        needed
    }
}

/// The values that a node takes, those that its branches take from around them included.
fn taken<'a>(node: &'a NodeProto, names: &mut Vec<&'a str>) {
    names.extend(node.input.iter().map(String::as_str));
    for branch in node.attribute.iter().filter_map(|a| a.g.as_deref()) {
        names.extend(branch.output.iter().map(|output| output.name.as_str()));
        branch.node.iter().for_each(|inner| taken(inner, names));
    }
}

/// Appends a node to a graph, as several where it is a softmax to be written out.
fn edited_node(bytes: &[u8], writes_softmax_out: bool, graph: &mut Vec<u8>) -> Option<()> {
    if !writes_softmax_out {
        append(graph, GRAPH_NODE, bytes);
        return Some(());
    }
    let node = NodeProto::decode(bytes).ok()?;
    if is_old_softmax(&node) {
        for node in written_out(&node)? {
            append(graph, GRAPH_NODE, &node.encode_to_vec());
        }
        return Some(());
    }
    let has_branches = node.attribute.iter().any(|a| a.g.is_some());
    if has_branches {
        append(graph, GRAPH_NODE, &with_edited_branches(bytes)?);
    } else {
        append(graph, GRAPH_NODE, bytes);
    }
    Some(())
}

/// Whether an operator took several axes as one before opset 13.
pub(super) fn is_old_softmax(node: &NodeProto) -> bool {
    node.is_standard() && matches!(node.op_type.as_str(), "Softmax" | "LogSoftmax" | "Hardmax")
}

/// A node whose attributes hold graphs of their own.
fn with_edited_branches(bytes: &[u8]) -> Option<Vec<u8>> {
    let within = |bytes: &[u8], number: u64, edit: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        let mut edited = Vec::with_capacity(bytes.len());
        for field in fields(bytes)? {
            if field.number == number {
                append(&mut edited, number, &edit(field.content)?);
            } else {
                edited.extend_from_slice(field.bytes);
            }
        }
        Some(edited)
    };
    within(bytes, NODE_ATTRIBUTE, &|attribute| {
        within(attribute, ATTRIBUTE_GRAPH, &|graph| {
            let mut edited = Vec::with_capacity(graph.len());
            for field in fields(graph)? {
                if field.number == GRAPH_NODE {
                    edited_node(field.content, true, &mut edited)?;
                } else {
                    edited.extend_from_slice(field.bytes);
                }
            }
            Some(edited)
        })
    })
}

/// The softmax of before opset 13: all axes from `axis` on are one, of which it is taken.
fn written_out(softmax: &NodeProto) -> Option<[NodeProto; 4]> {
    let (input, output) = (softmax.input.first()?, softmax.output.first()?);
    let [flat, taken, shape] =
        ["flat", "taken", "shape"].map(|part| format!("{output}/ocelli/{part}"));
    let node = |operator: &str, input: &[&str], output: &str, axis: Option<i64>| NodeProto {
        op_type: operator.into(),
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: axis.map(axis_setting).into_iter().collect(),
        ..NodeProto::default()
    };
    let axis = softmax.setting("axis").map_or(1, |axis| axis.i);
    Some([
        node("Flatten", &[input], &flat, Some(axis)),
        node(&softmax.op_type, &[&flat], &taken, Some(1)),
        node("Shape", &[input], &shape, None),
        node("Reshape", &[&taken, &shape], output, None),
    ])
}

fn axis_setting(axis: i64) -> AttributeProto {
    /// onnx.proto's number for an integer.
    const INT: i32 = 2;
    AttributeProto {
        name: "axis".into(),
        i: axis,
        r#type: INT,
        ..AttributeProto::default()
    }
}
