//! What can be known of the numbers that flow through a network, as far as it decides
//! whether they are logits, probabilities or neither.

/// Of one value's numbers. Other values are named by their [`Value::id`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// The same for every picture, within these bounds.
    Constant(f64, f64),
    /// Any real numbers, straight from a linear operator.
    Linear,
    /// For every picture numbers from 0 up, whose sum is this.
    Shares(f64),
    /// Each on its own between these, as sigmoids are.
    Bounded(f64, f64),
    /// Logarithms of numbers from 0 up whose sum is 1.
    LogShares,
    /// From 0 up, no more is known.
    Positive,
    /// One positive number for all classes.
    Scale,
    /// `exp` of this value.
    Exponential(usize),
    /// 1 + `exp` of some value, which is this.
    OnePlus(usize),
    /// The sum over classes of this value, which is `exp` of that one.
    Total(usize, Option<usize>),
    /// 1 / the sum over classes of this value.
    PerTotal(usize),
    /// The logarithm of the sum of `exp` of this value.
    LogTotal(usize),
    /// The largest of this value for each picture; whether that is linear.
    Largest(usize, bool),
    /// Nothing.
    Unknown,
}

impl Meaning {
    /// A constant of which only that is known.
    pub(super) const SOME_CONSTANT: Self = Self::Constant(f64::NEG_INFINITY, f64::INFINITY);

    /// The number, where it is one and the same everywhere.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Constant(low, high) if low == high => Some(low),
            _ => None,
        }
    }

    /// Whether it is never below 0.
    pub(super) fn is_positive(self) -> bool {
        match self {
            Self::Bounded(low, _) | Self::Constant(low, _) => low >= 0.0,
            Self::Shares(_) | Self::Positive | Self::Scale | Self::Exponential(_) => true,
            _ => false,
        }
    }

    pub(super) fn is_constant(self) -> bool {
        matches!(self, Self::Constant(..))
    }

    /// As a summand of logits: a linear value or a constant.
    pub(super) fn is_linear(self) -> bool {
        matches!(self, Self::Linear | Self::Largest(_, true)) || self.is_constant()
    }
}

/// A value as the network makes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    /// Names it. What an operator only passes on is the same value.
    pub(super) id: usize,
    /// What its numbers are.
    pub(super) meaning: Meaning,
    /// The operator that made them.
    pub(super) operator: &'a str,
}
