//! What a ring holds, and what has to go when there is no room: of the reason that has most
//! for its share, the frame that another one looks most like. Of the fair sample it is the
//! oldest, so that what is left is one of the time since.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::reason::Reason;
use super::sidecar::Nearest;
use super::signature::Signature;

/// One kept frame.
pub(super) struct Item {
    /// Its folder below the ring's, if it is not the ring's own.
    pub(super) folder: Option<Arc<str>>,
    pub(super) reason: Reason,
    /// Of both its files.
    pub(super) bytes: u64,
    pub(super) time: SystemTime,
    pub(super) signature: Arc<Signature>,
    /// The one before it that looks most like it; it may be gone.
    pub(super) nearest: Option<Nearest>,
}

/// All of them, by their numbers.
#[derive(Default)]
pub(super) struct Index {
    items: BTreeMap<u64, Item>,
    bytes: u64,
}

/// What shares its room: frames of one folder, for one reason.
type Quota = (Option<Arc<str>>, Reason);

impl Index {
    pub(super) fn insert(&mut self, number: u64, item: Item) {
        self.bytes += item.bytes;
        if let Some(before) = self.items.insert(number, item) {
            self.bytes -= before.bytes;
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Item> {
        let item = self.items.remove(&number)?;
        self.bytes -= item.bytes;
        Some(item)
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Frames.
    pub(super) fn frames(&self) -> usize {
        self.items.len()
    }

    /// The frames of a folder that were captured since `time`.
    pub(super) fn since(&self, folder: &Option<Arc<str>>, time: SystemTime) -> Vec<&Item> {
        let items = self.items.values();
        items
            .filter(|item| item.time >= time && item.folder == *folder)
            .collect()
    }

    /// The number that the next frame gets.
    pub(super) fn next_number(&self) -> u64 {
        self.newest().map_or(0, |newest| newest + 1)
    }

    fn newest(&self) -> Option<u64> {
        self.items.last_key_value().map(|(number, _)| *number)
    }

    /// Of the frames before `number` in the same quota, the one that looks most like it.
    pub(super) fn nearest(
        &self,
        number: u64,
        (folder, reason): (&Option<Arc<str>>, Reason),
        signature: &Signature,
    ) -> Option<Nearest> {
        let before = self.items.range(..number);
        let same = before.filter(|(_, item)| item.reason == reason && item.folder == *folder);
        let with_distance = same.map(|(number, item)| Nearest {
            number: *number,
            distance: item.signature.distance(signature),
        });
        with_distance.min_by(|a, b| a.distance.total_cmp(&b.distance))
    }

    /// The frame that goes first. The newest stays: it says what was written that day.
    pub(super) fn victim(&mut self) -> Option<u64> {
        let newest = self.newest()?;
        let (folder, reason) = self.fullest(newest)?;
        let mut nearly_same = Vec::new();
        if reason != Reason::Random {
            nearly_same = self.with_nearest(&folder, reason);
        }
        nearly_same.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let duplicate = nearly_same.first().map(|nearest| nearest.number);
        duplicate.or_else(|| {
            let of_quota = |item: &Item| item.reason == reason && item.folder == folder;
            let mut oldest = self.items.iter().filter(|(_, item)| of_quota(item));
            oldest.next().map(|(number, _)| *number)
        })
    }

    /// Frames that were captured before `time`.
    pub(super) fn before(&self, time: SystemTime) -> Vec<u64> {
        let old = self.items.iter().filter(|(_, item)| item.time < time);
        old.map(|(number, _)| *number).collect()
    }

    /// The quota with the most bytes for its share, of those that have something to give.
    fn fullest(&self, newest: u64) -> Option<Quota> {
        let mut quotas: BTreeMap<Quota, f64> = BTreeMap::new();
        for (_, item) in self.items.range(..newest) {
            let quota = (item.folder.clone(), item.reason);
            *quotas.entry(quota).or_default() += item.bytes as f64 / item.reason.share();
        }
        let fullest = quotas.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
        fullest.map(|(quota, _)| quota)
    }

    /// Of a quota's frames, those before them that look most like them: looked for anew where
    /// they are gone.
    fn with_nearest(&mut self, folder: &Option<Arc<str>>, reason: Reason) -> Vec<Nearest> {
        let is_gone = |nearest: Nearest| !self.items.contains_key(&nearest.number);
        let of_quota = |item: &Item| item.reason == reason && item.folder == *folder;
        let quota = self.items.iter().filter(|(_, item)| of_quota(item));
        let stale: Vec<u64> = quota
            .filter(|(_, item)| item.nearest.is_some_and(is_gone))
            .map(|(number, _)| *number)
            .collect();
        for number in stale {
            let signature = self.items[&number].signature.clone();
            let found = self.nearest(number, (folder, reason), &signature);
            if let Some(item) = self.items.get_mut(&number) {
                item.nearest = found;
            }
        }
        let quota = self.items.values().filter(|item| of_quota(item));
        quota.filter_map(|item| item.nearest).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::{Index, Item};
    use crate::monitor::ring::Reason;
    use crate::monitor::ring::signature::Signature;

    /// A frame of 1,000 bytes whose only cell that differs is as bright as `look` says.
    fn put(index: &mut Index, reason: Reason, look: u8) {
        let signature = Arc::new(Signature::new(0, &[], &[look, 0, 0, 0]));
        let number = index.next_number();
        let nearest = index.nearest(number, (&None, reason), &signature);
        let item = Item {
            folder: None,
            reason,
            bytes: 1000,
            time: SystemTime::UNIX_EPOCH,
            signature,
            nearest,
        };
        index.insert(number, item);
    }

    fn victims(index: &mut Index, count: usize) -> Vec<u64> {
        let next = |_| {
            let victim = index.victim()?;
            index.remove(victim);
            Some(victim)
        };
        (0..count).filter_map(next).collect()
    }

    #[test]
    fn the_fullest_quota_gives_what_it_has_nearly_the_same_of() {
        let mut index = Index::default();
        for look in [0, 100, 10, 200, 108] {
            put(&mut index, Reason::Novel, look);
        }
        put(&mut index, Reason::Unsure, 0);
        // 1 and 4 differ by 8, 0 and 2 by 10; then 2 and 4, then there are three.
        assert_eq!(victims(&mut index, 2), [1, 0]);
        // Three novel ones fill a share of 0.3, one unsure one its 0.2: still the fullest.
        assert_eq!(index.bytes(), 4000);
        assert_eq!(victims(&mut index, 1), [3]);
        assert_eq!(index.frames(), 3);
    }

    #[test]
    fn of_the_fair_sample_the_oldest_goes_and_the_newest_frame_stays() {
        let mut index = Index::default();
        for look in [0, 200, 200, 100] {
            put(&mut index, Reason::Random, look);
        }
        assert_eq!(victims(&mut index, 9), [0, 1, 2]);
        assert_eq!(index.frames(), 1);
        assert_eq!(index.next_number(), 4);
    }
}
