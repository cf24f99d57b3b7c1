//! What became of the frames that were captured and not classified: a live loop drops
//! frames by design, and says how many and why.

use serde::Serialize;

/// Frames that were not classified so far, by cause, and how often the source was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Drops", deny_unknown_fields))]
pub struct DropCounters {
    /// A newer frame came before this one was looked at.
    pub newer: u64,
    /// The driver skipped it: a gap in its sequence numbers.
    pub camera: u64,
    /// Flagged as faulty by the driver, cut short, or not decodable.
    pub damaged: u64,
    /// Left out on purpose: a lower rate, or every Nth frame only, was asked for.
    pub paced: u64,
    /// Not classified, because nothing moved.
    pub still: u64,
    /// Times the source was lost: unplugged, stalled, refused.
    pub outages: u64,
}

impl DropCounters {
    /// All frames that came and were not classified, but for those that would only have
    /// shown the same again.
    pub fn dropped(&self) -> u64 {
        self.newer + self.camera + self.damaged + self.paced
    }
}

impl std::ops::Add for DropCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            newer: self.newer + other.newer,
            camera: self.camera + other.camera,
            damaged: self.damaged + other.damaged,
            paced: self.paced + other.paced,
            still: self.still + other.still,
            outages: self.outages + other.outages,
        }
    }
}

/// `12 (newer 10, damaged 2), still 5, outages 1`
impl std::fmt::Display for DropCounters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.dropped())?;
        let causes = [
            ("newer", self.newer),
            ("camera", self.camera),
            ("damaged", self.damaged),
            ("paced", self.paced),
        ];
        let named = causes.iter().filter(|(_, count)| *count > 0);
        for (place, (cause, count)) in named.enumerate() {
            write!(f, "{}{cause} {count}", if place > 0 { ", " } else { " (" })?;
        }
        if self.dropped() > 0 {
            f.write_str(")")?;
        }
        for (cause, count) in [("still", self.still), ("outages", self.outages)] {
            if count > 0 {
                write!(f, ", {cause} {count}")?;
            }
        }
        Ok(())
    }
}
