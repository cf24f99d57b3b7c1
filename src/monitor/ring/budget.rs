//! How much is written in a day. Half of what is allowed is shared out among the reasons, the
//! other half is for whatever needs more, so that a flood of one kind leaves room for the
//! others; and it becomes available little by little, so that a morning leaves something for
//! the evening.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::reason::Reason;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The share of a day's bytes that may be written at its beginning.
const AT_ONCE: f64 = 0.25;

/// Bytes written in one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    /// Days since 1970.
    day: u64,
    /// Out of each reason's own share.
    own: BTreeMap<Reason, u64>,
    /// Out of the common one.
    common: u64,
}

/// Where bytes are charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Own(Reason),
    Common,
}

impl Written {
    /// The share out of which `bytes` can be written `now`, of `limit` in a day; none if
    /// they cannot.
    pub(super) fn room(
        &mut self,
        limit: u64,
        now: SystemTime,
        reason: Reason,
        bytes: u64,
    ) -> Option<Share> {
        let passed = self.turn_to(now);
        let half = limit as f64 / 2.0 * (AT_ONCE + (1.0 - AT_ONCE) * passed);
        let own = self.own.get(&reason).copied().unwrap_or(0) + bytes;
        if own as f64 <= half * reason.share() {
            Some(Share::Own(reason))
        } else {
            let fits = (self.common + bytes) as f64 <= half;
            fits.then_some(Share::Common)
        }
    }

    /// Which day it is about, in days since 1970.
    pub(super) fn day(&self) -> u64 {
        self.day
    }

    /// So many bytes were written by a run that could not say so, `now` at the latest.
    pub(super) fn charge_unfinished(&mut self, bytes: u64, now: SystemTime) {
        self.turn_to(now);
        self.common += bytes;
    }

    /// Begins another day if it is one; the share of it that has passed.
    fn turn_to(&mut self, now: SystemTime) -> f64 {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default().as_secs();
        let day = since / DAY.as_secs();
        if day != self.day {
            *self = Self {
                day,
                ..Self::default()
            };
        }
        (since % DAY.as_secs()) as f64 / DAY.as_secs_f64()
    }

    /// So many bytes are written out of this share.
    pub(super) fn charge(&mut self, share: Share, bytes: u64) {
        match share {
            Share::Own(reason) => *self.own.entry(reason).or_default() += bytes,
            Share::Common => self.common += bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Written;
    use crate::monitor::ring::Reason;

    const LIMIT: u64 = 100_000;

    fn at(day: u64, hour: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs((day * 24 + hour) * 3600)
    }

    /// Writes a hundred bytes at a time for as long as there is room.
    fn flood(written: &mut Written, now: SystemTime, reason: Reason) -> u64 {
        let mut total = 0;
        while let Some(share) = written.room(LIMIT, now, reason, 100) {
            written.charge(share, 100);
            total += 100;
        }
        total
    }

    #[test]
    fn a_flood_takes_its_share_and_the_common_one_and_no_other() {
        let mut written = Written::default();
        // A quarter of a day's at its beginning: of 12,500, a fifth, and the common 12,500.
        assert_eq!(flood(&mut written, at(9, 0), Reason::Unsure), 15_000);
        assert_eq!(flood(&mut written, at(9, 0), Reason::Novel), 3_700);
        // By noon there is more: 3,700 of its own, 18,700 of the common.
        assert_eq!(flood(&mut written, at(9, 12), Reason::Unsure), 22_400);
    }

    #[test]
    fn no_day_has_more_than_the_limit_and_the_next_begins_anew() {
        let mut written = Written::default();
        let hours = (0..24).map(|hour| {
            let all = Reason::ALL.into_iter();
            all.map(|reason| flood(&mut written, at(9, hour), reason))
                .sum::<u64>()
        });
        let total: u64 = hours.sum();
        assert!((95_000..=LIMIT).contains(&total), "{total}");
        assert_eq!(flood(&mut written, at(10, 0), Reason::Unsure), 15_000);
    }
}
