//! What drift is watched for in, and the places of these numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Classes whose shares are watched at most: each is a statistic with a memory of its own.
pub const SHARES: usize = 32;

/// A number that every frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The best class's calibrated probability.
    Score,
    /// Distance of the features from the nearest class in training.
    Distance,
    /// Mean luma.
    Brightness,
    /// Standard deviation of luma.
    Contrast,
    /// Logarithm of the detail in the picture.
    Sharpness,
    /// Mean red minus mean blue.
    RedBlue,
    /// How often the answer is the class of this number.
    Share(usize),
}

const PLAIN: [Statistic; 6] = [
    Statistic::Score,
    Statistic::Distance,
    Statistic::Brightness,
    Statistic::Contrast,
    Statistic::Sharpness,
    Statistic::RedBlue,
];

impl Statistic {
    /// The smallest deviation that is believed: what is steadier than this only seems so.
    pub(super) fn least_deviation(self) -> f32 {
        match self {
            Self::Score => 0.005,
            Self::Distance | Self::Sharpness => 0.02,
            Self::Brightness | Self::Contrast | Self::RedBlue => 0.5,
            Self::Share(_) => 0.02,
        }
    }
}

impl Statistic {
    /// Its name in records, metrics and rules: of a class's share, `share:` and the label.
    pub fn name(self, labels: &[String]) -> String {
        match self {
            Self::Share(class) => match labels.get(class) {
                Some(label) => format!("share:{label}"),
                None => format!("share:{class}"),
            },
            plain => plain.to_string(),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score => f.write_str("score"),
            Self::Distance => f.write_str("distance"),
            Self::Brightness => f.write_str("brightness"),
            Self::Contrast => f.write_str("contrast"),
            Self::Sharpness => f.write_str("sharpness"),
            Self::RedBlue => f.write_str("red-blue"),
            Self::Share(class) => write!(f, "share of class {class}"),
        }
    }
}

/// The statistics of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    shares: usize,
}

impl Statistics {
    /// Those of a model with so many classes; of more than [`SHARES`] none has its share
    /// watched.
    pub fn of_classes(classes: usize) -> Self {
        Self {
            shares: if classes <= SHARES { classes } else { 0 },
        }
    }

    /// How many there are.
    pub fn count(self) -> usize {
        PLAIN.len() + self.shares
    }

    /// Each, in the order of their places.
    pub fn iter(self) -> impl Iterator<Item = Statistic> {
        let shares = (0..self.shares).map(Statistic::Share);
        PLAIN.into_iter().chain(shares)
    }

    /// The place of `statistic`, if it is one of them.
    pub fn place(self, statistic: Statistic) -> Option<usize> {
        self.iter().position(|other| other == statistic)
    }
}
