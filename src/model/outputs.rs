//! Which of a network's outputs holds the scores, and which names its classes have: maps of
//! scores and pairs of a label with scores are taken apart here.

use super::facts::{Fact, Facts, fact};
use super::meaning;
use super::onnx::{GraphProto, ModelProto, NodeProto, STRING};
use super::port::{Port, described};
use crate::error::{Error, Result};

/// The output that holds the scores: the one that is `wanted`, or the only one that can.
/// `None` where several can.
///
/// # Errors
/// No output can hold scores, or not the one that is wanted; all that there are.
pub(super) fn scores(
    place: &str,
    model: &ModelProto,
    wanted: Option<&str>,
) -> Result<Option<Fact<Port>>> {
    let outputs = model.outputs();
    let holding = outputs.iter().map(|output| model.scores_of(output));
    let candidates: Vec<Option<Port>> = holding.collect();
    let refused =
        |what: String| {
            Error::model(place, what).with_remedy(
            "export the scores of all classes (logits or probabilities), or name their output",
        ).with_settings(&["output.tensor"])
        };
    if let Some(name) = wanted {
        let is_it = |output: &Port, port: &Option<Port>| {
            output.name == name || port.as_ref().is_some_and(|port| port.name == name)
        };
        let mut pairs = outputs.iter().zip(&candidates);
        return match pairs.find(|(output, port)| is_it(output, port)) {
            Some((_, Some(port))) => Ok(fact(port.clone(), "graph")),
            Some((output, None)) => Err(refused(format!(
                "output {} holds no scores",
                output.described()
            ))),
            None => Err(Error::model(
                place,
                format!(
                    "no output named `{name}`, the model has {}",
                    described(&outputs)
                ),
            )
            .with_remedy("name one of these")
            .with_settings(&["output.tensor"])),
        };
    }
    let mut found: Vec<Port> = candidates.into_iter().flatten().collect();
    found.dedup_by(|a, b| a.name == b.name);
    match (found.len(), outputs.len()) {
        (0, _) => Err(refused(format!(
            "no output holds scores: {}",
            described(&outputs)
        ))),
        (1, 1) => Ok(found.pop().and_then(|port| fact(port, "graph"))),
        (1, _) => {
            let others: Vec<Port> = outputs
                .into_iter()
                .filter(|o| model.scores_of(o).is_none())
                .collect();
            let others = described(&others);
            let origin = match others.is_empty() {
                true => "graph".into(),
                false => format!("graph: the scores, beside {others}"),
            };
            Ok(found.pop().and_then(|port| fact(port, &origin)))
        }
        _ => Ok(None),
    }
}

/// How many classes an output has, where its shape tells.
pub(super) fn classes(scores: &Port) -> Option<usize> {
    let classes: Option<usize> = scores.shape.iter().skip(1).copied().product();
    classes.filter(|_| scores.shape.len() > 1)
}

impl ModelProto {
    /// The tensor of scores that an output is or stands for.
    fn scores_of(&self, output: &Port) -> Option<Port> {
        match self.graph().maker(&output.name) {
            Some(map) if map.op_type == "ZipMap" => Some(Port {
                name: map.input.first()?.clone(),
                dtype: Some(super::manifest::Dtype::Float32),
                elements: "float32",
                axis_names: Vec::new(),
                shape: vec![None, class_names(map).map(|(names, _)| names.len())],
            }),
            _ => output.dtype.is_some().then(|| output.clone()),
        }
    }

    /// Whether `name` is a value inside the network, not one of its outputs.
    pub(super) fn is_inside(&self, name: &str) -> bool {
        self.graph().output.iter().all(|output| output.name != name)
    }

    /// The names of the scores' classes, where the network itself holds them; whether these
    /// are words, not numbers.
    pub(super) fn class_labels(&self, scores: &str) -> Option<(Fact<Vec<String>>, bool)> {
        let graph = self.graph();
        let mut takers = graph
            .node
            .iter()
            .filter(|n| n.input.iter().any(|i| i == scores));
        let map = takers.find(|node| node.op_type == "ZipMap");
        let node = map.or_else(|| classifier(graph, scores));
        if let Some((names, are_words)) = node.and_then(class_names) {
            let origin = format!("graph: {}", node?.op_type);
            return Some((fact(names, &origin)?, are_words));
        }
        let names = graph
            .output
            .iter()
            .find_map(|o| looked_up(graph, &o.name))?;
        Some((fact(names, "graph: the names that it gives")?, true))
    }
}

/// The classifier of classic machine learning that makes the scores.
fn classifier<'a>(graph: &'a GraphProto, scores: &str) -> Option<&'a NodeProto> {
    let mut node = graph.maker(scores)?;
    for _ in 0..4 {
        match node.op_type.as_str() {
            "Normalizer" | "Cast" | "Identity" | "Reshape" => {
                node = graph.maker(node.input.first()?)?;
            }
            _ => break,
        }
    }
    (node.domain == "ai.onnx.ml").then_some(node)
}

fn class_names(node: &NodeProto) -> Option<(Vec<String>, bool)> {
    let words = node.setting("classlabels_strings").map(|s| &s.strings[..]);
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        return Some((words.iter().map(|word| text(word)).collect(), true));
    }
    // The older operators say `ints`.
    let numbers = ["classlabels_int64s", "classlabels_ints"];
    let mut numbers = numbers.iter().filter_map(|name| node.setting(name));
    let numbers = &numbers.next()?.ints;
    (!numbers.is_empty()).then(|| (numbers.iter().map(i64::to_string).collect(), false))
}

/// All the words among which an output's word is looked up by the number of its class.
fn looked_up(graph: &GraphProto, output: &str) -> Option<Vec<String>> {
    let mut node = graph.maker(output)?;
    for _ in 0..4 {
        match node.op_type.as_str() {
            "Reshape" | "Identity" | "Squeeze" => node = graph.maker(node.input.first()?)?,
            _ => break,
        }
    }
    let is_lookup = matches!(node.op_type.as_str(), "Gather" | "ArrayFeatureExtractor");
    let table = node.input.first().filter(|_| is_lookup)?;
    let mut tensors = graph.initializer.iter();
    let table = tensors.find(|t| t.name == *table && t.data_type == STRING)?;
    let words = table.string_data.iter().map(|word| text(word));
    Some(words.collect()).filter(|words: &Vec<String>| !words.is_empty())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the graph says of its output: the tensor, what its values are, and how integers
/// stand for them.
///
/// # Errors
/// As [`scores`]; a network that gives no classes.
pub(super) fn facts(place: &str, model: &ModelProto, wanted: Option<&str>) -> Result<Facts> {
    let mut facts = Facts::default();
    let Some(Fact {
        value: port,
        origin,
    }) = scores(place, model, wanted)?
    else {
        let outputs = format!("one of {}", described(&model.outputs()));
        facts.open.push(("output.tensor", outputs));
        return Ok(facts);
    };
    refuse_regressor(place, model, &port.name)?;
    if let Some(told) = meaning::of(model, &port.name) {
        let reason = format!("output {}: {}", port.described(), told.why);
        match told.kind {
            Some(kind) => facts.kind = fact(kind, &format!("graph: {}", told.why)),
            None => facts.open.push(("output.kind", reason)),
        }
    }
    facts.output_quantization = model
        .output_quantization(&port.name)
        .and_then(|(q, operator)| fact(Some(q), &format!("graph: {operator}")));
    facts.output = fact(port.name, &origin);
    Ok(facts)
}

fn refuse_regressor(place: &str, model: &ModelProto, output: &str) -> Result<()> {
    match classifier(model.graph(), output).map(|node| node.op_type.as_str()) {
        Some(regressor) if regressor.ends_with("Regressor") => {
            let what = format!("output `{output}` is made by {regressor}: a quantity, no classes");
            Err(Error::model(place, what).with_remedy("export a classifier"))
        }
        _ => Ok(()),
    }
}
