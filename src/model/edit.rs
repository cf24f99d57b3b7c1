//! The network as an engine can run it: cut down to the values that are asked for, and with
//! what an engine does not know of ONNX said in full. Done in memory, field by field, so
//! that weights are copied and nothing else changes.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::explicit::explicit;
use super::onnx::{GraphProto, ModelProto, NodeProto, ValueInfoProto, parse};
use super::wire::{append, fields};
use super::{Features, Model};
use crate::error::{Error, Result};

/// Field numbers of onnx.proto.
const MODEL_GRAPH: u64 = 7;
pub(super) const GRAPH_NODE: u64 = 1;
pub(super) const GRAPH_INITIALIZER: u64 = 5;
pub(super) const GRAPH_INPUT: u64 = 11;
pub(super) const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE_INFO: u64 = 13;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;

impl Model {
    /// The network's bytes, changed as an engine needs them; `None` if the file will do.
    /// `is_modern` engines know only today's operators, no defaults and no words.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn edited(
        &self,
        features: Option<&Features>,
        is_modern: bool,
    ) -> Result<Option<Vec<u8>>> {
        let file = &self.file;
        let are_features_inside = matches!(features, Some(Features::Inside(_)));
        let is_foreign = is_modern && (file.is_implicit || file.gives_words);
        if !(file.has_scores_inside || are_features_inside || is_foreign) {
            return Ok(None);
        }
        let bytes = std::fs::read(&self.path)
            .map_err(|e| Error::model(self.place(), "the model cannot be read").caused_by(e))?;
        let bytes = bytes::Bytes::from(bytes);
        let proto = parse(&self.place(), bytes.clone())?;
        let scores = std::iter::once(self.manifest.output.tensor.as_str());
        let edit = Edit {
            outputs: scores.chain(features.map(Features::value)).collect(),
            kept: None,
            is_explicit: is_modern,
        };
        let changed = change_graph(&bytes, |graph| edited_graph(&proto, graph, &edit));
        let network = changed.ok_or_else(|| {
            Error::model(
                self.place(),
                "the network in it cannot be changed for the engine",
            )
        })?;
        Ok(Some(network))
    }
}

/// What is asked of a network.
pub(super) struct Edit<'a> {
    /// The values that it gives, be they outputs of it or inside.
    pub outputs: Vec<&'a str>,
    /// A value that is only kept, for what is to be added behind it.
    pub kept: Option<&'a str>,
    /// Whether nodes are said in full ([`explicit`]).
    pub is_explicit: bool,
}

/// The bytes of a model with its graph changed; `None` if they are no protobuf message.
pub(super) fn change_graph(
    bytes: &[u8],
    change: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(bytes.len() + 4096);
    for field in fields(bytes)? {
        if field.number == MODEL_GRAPH {
            append(&mut edited, MODEL_GRAPH, &change(field.content)?);
        } else {
            edited.extend_from_slice(field.bytes);
        }
    }
    Some(edited)
}

/// The bytes of `model`'s graph after `edit`; `None` if they are no protobuf message.
pub(super) fn edited_graph(model: &ModelProto, bytes: &[u8], edit: &Edit) -> Option<Vec<u8>> {
    let graph = model.graph();
    let explicit = edit.is_explicit.then_some(model);
    let needed = edit.needed(graph);
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let is_kept = |name: &str| needed.values.contains(name);
    let mut edited = Vec::with_capacity(bytes.len());
    let mut outputs = HashMap::new();
    let (mut nodes, mut tensors, mut inputs) = (0, graph.initializer.iter(), graph.input.iter());
    for field in fields(bytes)? {
        match field.number {
            GRAPH_NODE => {
                if needed.nodes.contains(&nodes) {
                    edited_node(field.content, explicit, &mut edited)?;
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
            GRAPH_VALUE_INFO if !is_kept(&ValueInfoProto::decode(field.content).ok()?.name) => {}
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
pub(super) struct Needed<'a> {
    nodes: HashSet<usize>,
    pub values: HashSet<&'a str>,
}

impl<'a> Edit<'a> {
    /// What is left of a graph.
    pub(super) fn needed(&self, graph: &'a GraphProto) -> Needed<'a> {
        let values: Vec<&str> = self.outputs.iter().copied().chain(self.kept).collect();
        Needed::of(graph, &values)
    }
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

/// Appends a node to a graph, in full where that is asked for a `model`.
fn edited_node(bytes: &[u8], model: Option<&ModelProto>, graph: &mut Vec<u8>) -> Option<()> {
    let Some(model) = model else {
        append(graph, GRAPH_NODE, bytes);
        return Some(());
    };
    let node = NodeProto::decode(bytes).ok()?;
    let has_branches = node.attribute.iter().any(|a| a.g.is_some());
    match explicit(&node, model) {
        Some(nodes) => {
            for node in nodes {
                append(graph, GRAPH_NODE, &node.encode_to_vec());
            }
        }
        None if has_branches => {
            append(graph, GRAPH_NODE, &with_edited_branches(bytes, model)?);
        }
        None => append(graph, GRAPH_NODE, bytes),
    }
    Some(())
}

/// A node whose attributes hold graphs of their own.
fn with_edited_branches(bytes: &[u8], model: &ModelProto) -> Option<Vec<u8>> {
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
                    edited_node(field.content, Some(model), &mut edited)?;
                } else {
                    edited.extend_from_slice(field.bytes);
                }
            }
            Some(edited)
        })
    })
}
