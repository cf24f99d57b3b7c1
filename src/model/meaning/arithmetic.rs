//! What sums, products and bounds make of numbers whose meaning is known. Softmax and
//! sigmoid are recognised here when an exporter wrote them out.

use super::value::Meaning::{
    self, Bounded, Constant, Exponential, Largest, Linear, LogShares, LogTotal, OnePlus, PerTotal,
    Positive, Scale, Shares, Total, Unknown,
};
use super::value::Value;

/// What is added against a division by 0, and what a bound may cut off probabilities.
const EPSILON: f64 = 1e-3;
/// Logits may be cut at that: softmax makes 5e-5 of the difference.
const FAR: f64 = 10.0;

pub(super) fn add(a: Value, b: Value) -> Meaning {
    match (a.meaning, b.meaning) {
        (Constant(l, h), Constant(m, i)) => Constant(l + m, h + i),
        (a, b) if a.is_linear() && b.is_linear() => Linear,
        (Shares(m), Shares(n)) => Shares(m + n),
        (Bounded(l, h), Bounded(m, i)) => Bounded(l + m, h + i),
        (Constant(..), _) => shift(b, a.meaning),
        (_, Constant(..)) => shift(a, b.meaning),
        (a, b) if a.is_positive() && b.is_positive() => Positive,
        _ => Unknown,
    }
}

/// A constant added.
fn shift(value: Value, by: Meaning) -> Meaning {
    match (value.meaning, by.number()) {
        (Bounded(low, high), Some(by)) => Bounded(low + by, high + by),
        (Exponential(_), Some(1.0)) => OnePlus(value.id),
        (meaning, Some(by)) if by.abs() <= EPSILON => meaning,
        (meaning, _) if meaning.is_positive() && by.is_positive() => Positive,
        _ => Unknown,
    }
}

pub(super) fn subtract(a: Value, b: Value) -> Meaning {
    match (a.meaning, b.meaning) {
        (_, LogTotal(of)) if of == a.id => LogShares,
        (meaning, Largest(of, _)) if of == a.id => {
            if meaning == Linear {
                Linear
            } else {
                Unknown
            }
        }
        _ => add(
            a,
            Value {
                meaning: negate(b.meaning),
                ..b
            },
        ),
    }
}

pub(super) fn negate(meaning: Meaning) -> Meaning {
    match meaning {
        Constant(low, high) => Constant(-high, -low),
        Bounded(low, high) => Bounded(-high, -low),
        Linear | Largest(_, true) => Linear,
        _ => Unknown,
    }
}

pub(super) fn multiply(a: Value, b: Value) -> Meaning {
    match (a.meaning, b.meaning) {
        (Constant(..), Constant(..)) => match (a.meaning.number(), b.meaning.number()) {
            (Some(x), Some(y)) => Constant(x * y, x * y),
            _ => Meaning::SOME_CONSTANT,
        },
        (meaning, PerTotal(of)) if of == a.id && meaning.is_positive() => Shares(1.0),
        (PerTotal(of), meaning) if of == b.id && meaning.is_positive() => Shares(1.0),
        (Constant(..), _) => scale(b.meaning, a.meaning),
        (_, Constant(..)) => scale(a.meaning, b.meaning),
        (Scale, Scale) => Scale,
        (Linear, Scale) | (Scale, Linear) => Linear,
        (a, b) if a.is_positive() && b.is_positive() => Positive,
        _ => Unknown,
    }
}

/// A constant as factor.
fn scale(meaning: Meaning, by: Meaning) -> Meaning {
    match (meaning, by.number()) {
        (Linear | Largest(_, true), _) => Linear,
        (Scale, _) => Scale,
        (meaning, Some(1.0)) => meaning,
        (Shares(mass), Some(by)) if by > 0.0 => Shares(mass * by),
        (Bounded(low, high), Some(by)) if by > 0.0 => Bounded(low * by, high * by),
        (Bounded(low, high), Some(by)) => Bounded(high * by, low * by),
        (meaning, _) if meaning.is_positive() && by.is_positive() => Positive,
        _ => Unknown,
    }
}

pub(super) fn divide(a: Value, b: Value) -> Meaning {
    match (a.meaning, b.meaning) {
        (meaning, Total(of, _)) if of == a.id && meaning.is_positive() => Shares(1.0),
        // exp(x) / (1 + exp(x)) is a sigmoid, too.
        (Exponential(_), OnePlus(of)) if of == a.id => Bounded(0.0, 1.0),
        (meaning, _) if meaning.number() == Some(1.0) => reciprocal(b.meaning),
        (Constant(..), Constant(..)) => Meaning::SOME_CONSTANT,
        (meaning, divisor) if divisor.is_constant() => scale(meaning, inverse(divisor)),
        (a, b) if a.is_positive() && b.is_positive() => Positive,
        _ => Unknown,
    }
}

pub(super) fn reciprocal(meaning: Meaning) -> Meaning {
    match meaning {
        Total(of, _) => PerTotal(of),
        OnePlus(_) => Bounded(0.0, 1.0),
        meaning if meaning.is_constant() => inverse(meaning),
        meaning if meaning.is_positive() => Positive,
        _ => Unknown,
    }
}

fn inverse(divisor: Meaning) -> Meaning {
    match divisor.number() {
        Some(number) if number != 0.0 => Constant(1.0 / number, 1.0 / number),
        _ => Meaning::SOME_CONSTANT,
    }
}

pub(super) fn exponential(value: Value) -> Meaning {
    match value.meaning {
        Constant(low, high) => Constant(low.exp(), high.exp()),
        LogShares => Shares(1.0),
        _ => Exponential(value.id),
    }
}

pub(super) fn logarithm(meaning: Meaning) -> Meaning {
    match meaning {
        Constant(low, high) if low > 0.0 => Constant(low.ln(), high.ln()),
        Constant(..) => Meaning::SOME_CONSTANT,
        Shares(mass) if is_one(mass) => LogShares,
        Total(_, Some(of)) => LogTotal(of),
        _ => Unknown,
    }
}

/// Everything outside of these bounds is cut off.
pub(super) fn bound(meaning: Meaning, low: f64, high: f64) -> Meaning {
    match meaning {
        Constant(l, h) => Constant(l.clamp(low, high.max(low)), h.clamp(low, high.max(low))),
        Linear if low <= -FAR && high >= FAR => Linear,
        Shares(_) if low <= EPSILON && high >= 1.0 - EPSILON => meaning,
        Bounded(l, h) => Bounded(l.clamp(low, high.max(low)), h.clamp(low, high.max(low))),
        Total(..) | OnePlus(_) if low <= EPSILON && high.is_infinite() => meaning,
        LogShares if low <= -FAR && high >= 0.0 => meaning,
        meaning if meaning.is_positive() || low >= 0.0 => Positive,
        _ => Unknown,
    }
}

/// The mean of several values.
pub(super) fn mean(values: &[Value]) -> Meaning {
    let Some((first, rest)) = values.split_first() else {
        return Unknown;
    };
    let sum = rest.iter().fold(*first, |sum, value| Value {
        meaning: add(sum, *value),
        ..sum
    });
    let count = values.len() as f64;
    scale(sum.meaning, Constant(1.0 / count, 1.0 / count))
}

/// Whether a number is 1 but for rounding.
pub(super) fn is_one(number: f64) -> bool {
    (number - 1.0).abs() <= EPSILON
}

/// Values side by side.
pub(super) fn side_by_side(values: &[Value]) -> Meaning {
    let meanings = values.iter().map(|value| value.meaning);
    let joined = meanings.reduce(|a, b| match (a, b) {
        (Constant(l, h), Constant(m, i)) => Constant(l.min(m), h.max(i)),
        (Bounded(l, h), Bounded(m, i)) => Bounded(l.min(m), h.max(i)),
        (a, b) if a.is_linear() && b.is_linear() => Linear,
        (a, b) if a.is_positive() && b.is_positive() => Positive,
        _ => Unknown,
    });
    joined.unwrap_or(Unknown)
}
