//! What each operator makes of the meaning of its inputs. An operator that is not named
//! here makes numbers that nothing is known of.

use super::arithmetic::{
    add, bound, divide, exponential, logarithm, mean, multiply, negate, reciprocal, side_by_side,
    subtract,
};
use super::value::Meaning::{
    self, Bounded, Constant, Exponential, Largest, Linear, LogShares, LogTotal, Positive, Scale,
    Shares, Total, Unknown,
};
use super::value::Value;
use crate::model::onnx::{BFLOAT16, DOUBLE, FLOAT, FLOAT16, NodeProto};

/// What comes out of a node.
pub(super) enum Made {
    /// The first input, perhaps stored differently.
    Passed,
    /// Other numbers.
    New(Meaning),
}

/// A node's inputs; those left out are `None`.
pub(super) type Inputs<'a> = [Option<Value<'a>>];

fn meaning(inputs: &Inputs, index: usize) -> Meaning {
    let value = inputs.get(index).copied().flatten();
    value.map_or(Unknown, |value| value.meaning)
}

/// Output number `index` of `node`.
pub(super) fn made(node: &NodeProto, inputs: &Inputs, index: usize) -> Made {
    let given: Vec<Value> = inputs.iter().copied().flatten().collect();
    let Some(first) = given.first().copied() else {
        return Made::New(match node.op_type.as_str() {
            "Constant" => constant(node.numbers()),
            _ => Unknown,
        });
    };
    match node.op_type.as_str() {
        "DynamicQuantizeLinear" => return quantized_here(index),
        "Split" => return Made::New(part(node, inputs)),
        _ if index > 0 => return Made::New(Unknown),
        "DequantizeLinear" | "QuantizeLinear" if first.meaning.is_constant() => {
            return Made::New(stored_constant(node, inputs));
        }
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Transpose" | "Dropout"
        | "Expand" | "QuantizeLinear" | "DequantizeLinear" | "CastLike" | "ZipMap" => {
            return Made::Passed;
        }
        "Cast" => {
            let to = node.setting("to").map(|to| to.i as i32);
            let floats = [FLOAT, FLOAT16, DOUBLE, BFLOAT16];
            return if to.is_none_or(|to| floats.contains(&to)) || first.meaning.is_constant() {
                Made::Passed
            } else {
                Made::New(Unknown)
            };
        }
        _ => {}
    }
    let made = pointwise(node, inputs, &given, first);
    let made = made.or_else(|| pooled(node, inputs, first));
    let made = made.or_else(|| reduced(node, inputs, first));
    let is_constant = given.iter().all(|value| value.meaning.is_constant());
    Made::New(match made {
        Some(made) => made,
        None if is_constant => Meaning::SOME_CONSTANT,
        None => Unknown,
    })
}

/// A constant by its numbers.
pub(super) fn constant(numbers: Option<Vec<f64>>) -> Meaning {
    let numbers = numbers.unwrap_or_default();
    let bounds = numbers
        .iter()
        .copied()
        .map(|number| (number, number))
        .reduce(|(l, h), (m, i)| (l.min(m), h.max(i)));
    bounds.map_or(Meaning::SOME_CONSTANT, |(low, high)| Constant(low, high))
}

/// Operators that work on each number, and the activations.
fn pointwise(node: &NodeProto, inputs: &Inputs, given: &[Value], first: Value) -> Option<Meaning> {
    let second = inputs.get(1).copied().flatten();
    let pair = |of: fn(Value, Value) -> Meaning| second.map(|second| of(first, second));
    let quantized_pair = |of: fn(Value, Value) -> Meaning| {
        let real = |value: Value| {
            Value {
                meaning: unscaled(value.meaning),
                ..value
            }
            .meaning
        };
        let second = inputs.get(3).copied().flatten()?;
        let of_reals = |value: Value| real(value);
        let (a, b) = (of_reals(first), of_reals(second));
        Some(of(
            Value {
                meaning: a,
                ..*given.first()?
            },
            Value {
                meaning: b,
                ..second
            },
        ))
    };
    match node.op_type.as_str() {
        "Softmax" | "QLinearSoftmax" => Some(Shares(1.0)),
        "LogSoftmax" => Some(LogShares),
        "Sigmoid" | "QLinearSigmoid" => Some(Bounded(0.0, 1.0)),
        "Tanh" => Some(Bounded(-1.0, 1.0)),
        "Add" => pair(add),
        "Sub" => pair(subtract),
        "Mul" => pair(multiply),
        "Div" => pair(divide),
        "QLinearAdd" => quantized_pair(add),
        "QLinearMul" => quantized_pair(multiply),
        "Neg" => Some(negate(first.meaning)),
        "Exp" => Some(exponential(first)),
        "Log" => Some(logarithm(first.meaning)),
        "Reciprocal" => Some(reciprocal(first.meaning)),
        "Relu" => Some(bound(first.meaning, 0.0, f64::INFINITY)),
        "Abs" | "Softplus" | "Sqrt" if !first.meaning.is_constant() => Some(Positive),
        "Clip" | "Max" | "Min" => clipped(node, inputs),
        "Mean" => Some(mean(given)),
        "Sum" => given
            .iter()
            .copied()
            .reduce(|a, b| Value {
                meaning: add(a, b),
                ..a
            })
            .map(|v| v.meaning),
        "Where" => Some(chosen(meaning(inputs, 1), meaning(inputs, 2))),
        _ => None,
    }
}

/// Constants among quantised numbers are integers whose scale is not looked up.
fn unscaled(meaning: Meaning) -> Meaning {
    if meaning.is_constant() {
        Meaning::SOME_CONSTANT
    } else {
        meaning
    }
}

/// Operators that take several numbers together.
fn pooled(node: &NodeProto, inputs: &Inputs, first: Value) -> Option<Meaning> {
    Some(match node.op_type.as_str() {
        "Gemm"
        | "QGemm"
        | "FusedGemm"
        | "MatMul"
        | "FusedMatMul"
        | "QLinearMatMul"
        | "MatMulInteger"
        | "MatMulIntegerToFloat"
        | "DynamicQuantizeMatMul"
        | "MatMulNBits"
        | "Conv"
        | "FusedConv"
        | "QLinearConv"
        | "ConvInteger"
        | "ConvTranspose"
        | "Einsum" => linear(node, inputs),
        "BatchNormalization" => match first.meaning {
            Linear => Linear,
            _ => Unknown,
        },
        "ReduceMean"
        | "GlobalAveragePool"
        | "AveragePool"
        | "QLinearAveragePool"
        | "QLinearGlobalAveragePool"
        | "QLinearReduceMean" => match first.meaning {
            Linear | Shares(_) | Bounded(..) | Positive => first.meaning,
            _ => Unknown,
        },
        "GlobalMaxPool" | "MaxPool" => match first.meaning {
            Linear | Bounded(..) => first.meaning,
            _ => Unknown,
        },
        "Slice" | "Gather" | "GatherElements" | "GatherND" => part(node, inputs),
        "Concat" => concatenated(node, inputs.iter().copied().flatten()),
        // Scale and zero point of the output come first, then three inputs for each value.
        "QLinearConcat" => {
            let values = inputs.iter().copied().skip(2).step_by(3).flatten();
            concatenated(
                node,
                values.map(|value| Value {
                    meaning: unscaled(value.meaning),
                    ..value
                }),
            )
        }
        _ => return None,
    })
}

/// Sums and maxima over classes, the parts of a softmax.
fn reduced(node: &NodeProto, inputs: &Inputs, first: Value) -> Option<Meaning> {
    let is_over_batch = axes(node, inputs, 1) == Some(0.0);
    Some(match node.op_type.as_str() {
        "ReduceMax" => Largest(first.id, first.meaning == Linear),
        "ReduceSum" | "ReduceL1" | "ReduceLogSumExp" if is_over_batch => Unknown,
        "ReduceSum" if first.meaning == Linear => Linear,
        "ReduceSum" if !first.meaning.is_positive() => Unknown,
        "ReduceSum" | "ReduceL1" => Total(first.id, exponent(first.meaning)),
        "ReduceLogSumExp" => LogTotal(first.id),
        "ReduceLogSum" => exponent(first.meaning).map_or(Unknown, LogTotal),
        "LpNormalization" if first.meaning.is_positive() => match node.setting("p") {
            Some(p) if p.i == 1 => Shares(1.0),
            _ => Unknown,
        },
        _ => return None,
    })
}

fn exponent(meaning: Meaning) -> Option<usize> {
    match meaning {
        Exponential(of) => Some(of),
        _ => None,
    }
}

/// A matrix product or a convolution. One of probabilities mixes them, into other
/// probabilities or into an expected value: no logits.
fn linear(node: &NodeProto, inputs: &Inputs) -> Meaning {
    let is_activated = node.setting("activation").is_some_and(|a| !a.s.is_empty());
    let second = if node.op_type.starts_with('Q') { 3 } else { 1 };
    let operands = match node.op_type.as_str() {
        "Einsum" => [
            meaning(inputs, 0),
            meaning(inputs, inputs.len().saturating_sub(1)),
        ],
        _ => [meaning(inputs, 0), meaning(inputs, second)],
    };
    let are_shares = operands.map(|m| matches!(m, Shares(_) | LogShares | Total(..)));
    match (are_shares, operands) {
        _ if is_activated => Unknown,
        (_, [a, b]) if a.is_constant() && b.is_constant() => Meaning::SOME_CONSTANT,
        ([false, false], _) | ([true, false], [_, Linear]) | ([false, true], [Linear, _]) => Linear,
        _ => Unknown,
    }
}

fn clipped(node: &NodeProto, inputs: &Inputs) -> Option<Meaning> {
    let limit = |name: &str, index: usize, none: f64| match inputs.get(index).copied().flatten() {
        Some(value) => value.meaning.number(),
        None => Some(node.setting(name).map_or(none, |limit| f64::from(limit.f))),
    };
    let (low, high) = match node.op_type.as_str() {
        "Clip" => (
            limit("min", 1, f64::NEG_INFINITY)?,
            limit("max", 2, f64::INFINITY)?,
        ),
        _ => {
            let [Some(a), Some(b)] = inputs else {
                return Some(Unknown);
            };
            let (value, at) = match (a.meaning.number(), b.meaning.number()) {
                (None, Some(at)) => (a, at),
                (Some(at), None) => (b, at),
                _ => return Some(Unknown),
            };
            let (low, high) = match node.op_type.as_str() {
                "Max" => (at, f64::INFINITY),
                _ => (f64::NEG_INFINITY, at),
            };
            return Some(checked_bound(value.meaning, low, high));
        }
    };
    Some(checked_bound(meaning(inputs, 0), low, high))
}

fn checked_bound(meaning: Meaning, low: f64, high: f64) -> Meaning {
    if low <= high {
        bound(meaning, low, high)
    } else {
        Unknown
    }
}

/// One of two, number by number: a guard against NaN, or both branches of a choice.
pub(super) fn chosen(a: Meaning, b: Meaning) -> Meaning {
    match (a, b) {
        (Shares(mass), zero) | (zero, Shares(mass)) if zero.number() == Some(0.0) => Shares(mass),
        (a, b) if a == b => a,
        (a, b) if a.is_linear() && b.is_linear() => Linear,
        _ => Unknown,
    }
}

/// Some of the numbers: of probabilities only whole pictures stay probabilities.
fn part(node: &NodeProto, inputs: &Inputs) -> Meaning {
    let is_whole = match node.op_type.as_str() {
        "Gather" | "Split" => node.setting("axis").is_none_or(|axis| axis.i == 0),
        "Slice" => axes(node, inputs, 3) == Some(0.0),
        _ => false,
    };
    match meaning(inputs, 0) {
        Shares(mass) if is_whole => Shares(mass),
        Shares(_) => Positive,
        same @ (Linear | Bounded(..) | Positive | Constant(..)) => same,
        _ => Unknown,
    }
}

/// The only axis that a node works on, be it a setting or input `index`.
fn axes(node: &NodeProto, inputs: &Inputs, index: usize) -> Option<f64> {
    match node.setting("axes").map(|axes| &axes.ints[..]) {
        Some([axis]) => Some(*axis as f64),
        Some(_) => None,
        None => meaning(inputs, index).number(),
    }
}

fn concatenated<'a>(node: &NodeProto, values: impl Iterator<Item = Value<'a>>) -> Meaning {
    let values: Vec<Value> = values.collect();
    let is_over_batch = node.setting("axis").is_some_and(|axis| axis.i == 0);
    let of_one_mass = values
        .windows(2)
        .all(|pair| pair[0].meaning == pair[1].meaning);
    match values.first() {
        Some(first) if is_over_batch && of_one_mass => match first.meaning {
            same @ (Shares(_) | LogShares) => same,
            _ => side_by_side(&values),
        },
        _ => side_by_side(&values),
    }
}

/// Quantised here and now: the value, its scale, its zero point.
fn quantized_here(index: usize) -> Made {
    match index {
        0 => Made::Passed,
        1 => Made::New(Scale),
        _ => Made::New(Unknown),
    }
}

/// The real numbers of a quantised constant, where one scale is good for all.
fn stored_constant(node: &NodeProto, inputs: &Inputs) -> Meaning {
    let zero = match inputs.get(2).copied().flatten() {
        Some(value) => value.meaning.number(),
        None => Some(0.0),
    };
    match (
        node.op_type.as_str(),
        meaning(inputs, 0),
        meaning(inputs, 1).number(),
        zero,
    ) {
        ("DequantizeLinear", Constant(low, high), Some(scale), Some(zero)) => {
            Constant((low - zero) * scale, (high - zero) * scale)
        }
        _ => Meaning::SOME_CONSTANT,
    }
}
