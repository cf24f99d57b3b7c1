//! What the values of an output are: logits, probabilities or their logarithms, read off
//! the network from its constants on. An answer is given only where the operators leave no
//! other; softmax of what is no logits looks right and is wrong.

mod arithmetic;
mod classic;
mod operators;
mod value;

use std::collections::HashMap;

use super::manifest::OutputKind;
use super::onnx::{FunctionProto, GraphProto, ModelProto, NodeProto};
use arithmetic::is_one;
use operators::Made;
use value::{Meaning, Value};

/// Functions and branches inside one another; more is no classifier.
const DEEPEST: usize = 16;

/// What the graph says of one output.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// What the values are, where that is certain.
    pub(super) kind: Option<OutputKind>,
    /// How that is known, or why it is not.
    pub(super) why: String,
}

/// What the values of `output` are; `None` where no operator makes it.
pub(super) fn of(model: &ModelProto, output: &str) -> Option<Told> {
    let mut walk = Walk {
        functions: &model.functions,
        values: 0,
        depth: 0,
    };
    let scope = walk.graph(model.graph(), None);
    let Value {
        meaning, operator, ..
    } = scope
        .get(output)
        .filter(|value| !value.operator.is_empty())?;
    let last = format!("the last operator is {operator}");
    let (kind, why) = match meaning {
        Meaning::Linear | Meaning::Largest(_, true) => (Some(OutputKind::Logits), last),
        Meaning::Shares(mass) if is_one(mass) => (Some(OutputKind::Probabilities), last),
        Meaning::Bounded(low, high) if is_one(low + 1.0) && is_one(high) => {
            (Some(OutputKind::SigmoidProbabilities), last)
        }
        Meaning::LogShares => (Some(OutputKind::LogProbabilities), last),
        Meaning::Shares(mass) => (None, format!("{last}, and the values sum to {mass}")),
        Meaning::Bounded(low, high) => (
            None,
            format!("{last}, and each value is from {low} to {high}"),
        ),
        Meaning::Constant(..) => (None, format!("{last}, and the values are constants")),
        _ => (
            None,
            format!("{last}, which neither logits nor probabilities need"),
        ),
    };
    Some(Told { kind, why })
}

/// The values of one graph, and of those around it.
struct Scope<'a, 's> {
    values: HashMap<&'a str, Value<'a>>,
    outer: Option<&'s Scope<'a, 's>>,
}

impl<'a> Scope<'a, '_> {
    fn get(&self, name: &str) -> Option<Value<'a>> {
        let own = self.values.get(name).copied();
        own.or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }
}

struct Walk<'a> {
    functions: &'a [FunctionProto],
    values: usize,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, meaning: Meaning, operator: &'a str) -> Value<'a> {
        self.values += 1;
        Value {
            id: self.values,
            meaning,
            operator,
        }
    }

    /// Every value of a graph.
    fn graph<'s>(
        &mut self,
        graph: &'a GraphProto,
        outer: Option<&'s Scope<'a, 's>>,
    ) -> Scope<'a, 's> {
        let mut scope = Scope {
            values: HashMap::new(),
            outer,
        };
        for input in &graph.input {
            let value = self.value(Meaning::Unknown, "");
            scope.values.insert(&input.name, value);
        }
        for tensor in &graph.initializer {
            let value = self.value(operators::constant(tensor.numbers()), "");
            scope.values.insert(&tensor.name, value);
        }
        self.nodes(&graph.node, &mut scope);
        scope
    }

    /// Nodes in their order, in which ONNX wants each behind those that it takes from.
    fn nodes(&mut self, nodes: &'a [NodeProto], scope: &mut Scope<'a, '_>) {
        for node in nodes {
            let inputs: Vec<Option<Value>> = node.input.iter().map(|i| scope.get(i)).collect();
            let made = self.node(node, &inputs, scope);
            for (name, value) in node.output.iter().zip(made) {
                scope.values.insert(name, value);
            }
        }
    }

    /// The outputs of a node.
    fn node(
        &mut self,
        node: &'a NodeProto,
        inputs: &[Option<Value<'a>>],
        scope: &Scope<'a, '_>,
    ) -> Vec<Value<'a>> {
        let mut functions = self.functions.iter();
        let function = functions.find(|f| f.name == node.op_type && f.domain == node.domain);
        let inner = match function {
            Some(function) => self.deeper(|walk| walk.call(function, inputs)),
            None if node.op_type == "If" => self.deeper(|walk| walk.branches(node, scope)),
            None => None,
        };
        if let Some(values) = inner {
            return values;
        }
        let operator = node.op_type.as_str();
        let is_known = function.is_none()
            && (node.is_standard()
                || matches!(node.domain.as_str(), "com.microsoft" | "ai.onnx.ml"));
        let meanings: Vec<Meaning> = inputs
            .iter()
            .map(|i| i.map_or(Meaning::Unknown, |value| value.meaning))
            .collect();
        let outputs = 0..node.output.len();
        let made = outputs.map(|index| {
            let classic = classic::made(node, &meanings, index).map(Made::New);
            match classic.unwrap_or_else(|| operators::made(node, inputs, index)) {
                Made::Passed if is_known => match inputs.first().copied().flatten() {
                    // A constant is nobody's output: who passes it on makes it one.
                    Some(value) if value.operator.is_empty() => Value { operator, ..value },
                    Some(value) => value,
                    None => self.value(Meaning::Unknown, operator),
                },
                Made::New(meaning) if is_known => self.value(meaning, operator),
                _ => self.value(Meaning::Unknown, operator),
            }
        });
        made.collect()
    }

    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let given = inside(self);
        self.depth -= 1;
        given
    }

    /// The outputs of a function of the model's own.
    fn call(
        &mut self,
        function: &'a FunctionProto,
        inputs: &[Option<Value<'a>>],
    ) -> Option<Vec<Value<'a>>> {
        let names = function.input.iter().map(String::as_str);
        let given = names
            .zip(inputs)
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let mut scope = Scope {
            values: given.collect(),
            outer: None,
        };
        self.nodes(&function.node, &mut scope);
        let outputs = function.output.iter();
        outputs.map(|name| scope.get(name)).collect()
    }

    /// The outputs of an `If`, whichever branch is taken.
    fn branches(&mut self, node: &'a NodeProto, scope: &Scope<'a, '_>) -> Option<Vec<Value<'a>>> {
        let mut branch = |name: &str| -> Option<Vec<Value<'a>>> {
            let graph = node.setting(name)?.g.as_deref()?;
            let inside = self.graph(graph, Some(scope));
            let outputs = graph.output.iter();
            outputs.map(|output| inside.get(&output.name)).collect()
        };
        let (then, otherwise) = (branch("then_branch")?, branch("else_branch")?);
        let pairs = then.into_iter().zip(otherwise);
        let joined = pairs.map(|(a, b)| {
            let meaning = operators::chosen(a.meaning, b.meaning);
            self.value(meaning, a.operator)
        });
        Some(joined.collect())
    }
}
