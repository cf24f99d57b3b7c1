//! Why no class is decided for: a poor score and features unlike those of the class are two
//! different findings, and ask for different remedies.

use std::fmt;

use serde::Serialize;

/// Why no class is decided for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum UnknownReason {
    /// The best score is below the threshold.
    Score,
    /// The features are too far from those of the best class.
    Distance,
    /// Both.
    Both,
}

impl UnknownReason {
    /// The reason, if there is one.
    pub(super) fn of(is_low: bool, is_far: bool) -> Option<Self> {
        match (is_low, is_far) {
            (false, false) => None,
            (true, false) => Some(Self::Score),
            (false, true) => Some(Self::Distance),
            (true, true) => Some(Self::Both),
        }
    }
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Score => "score",
            Self::Distance => "distance",
            Self::Both => "both",
        })
    }
}
