//! What happens is kept a few times, however long it lasts: of frames that look alike, for one
//! reason, one in ten seconds and six in an hour.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reason::Reason;
use super::signature::Signature;

/// Time between two frames of one kind.
const BETWEEN: Duration = Duration::from_secs(10);
/// An episode's length; what still happens then is another one.
pub(super) const LENGTH: Duration = Duration::from_secs(60 * 60);
/// Frames of an episode.
const FRAMES: u32 = 6;
/// Episodes of a reason that are remembered at a time.
const REMEMBERED: usize = 256;

/// The episodes of one source that are not over.
#[derive(Default)]
pub(super) struct Episodes(BTreeMap<Reason, VecDeque<Episode>>);

struct Episode {
    like: Arc<Signature>,
    began: Instant,
    last: Instant,
    frames: u32,
}

impl Episodes {
    /// Whether a frame that looks like `signature`, captured at `at`, tells something that
    /// those kept for this reason do not.
    pub(super) fn has_room(&mut self, reason: Reason, signature: &Signature, at: Instant) -> bool {
        self.find(reason, signature, at).is_none_or(|episode| {
            let passed = at.saturating_duration_since(episode.last);
            episode.frames < FRAMES && passed >= BETWEEN
        })
    }

    /// It was kept.
    pub(super) fn enter(&mut self, reason: Reason, signature: &Arc<Signature>, at: Instant) {
        if let Some(episode) = self.find(reason, signature, at) {
            episode.last = at;
            episode.frames += 1;
            return;
        }
        let episodes = self.0.entry(reason).or_default();
        if episodes.len() >= REMEMBERED {
            episodes.pop_front();
        }
        episodes.push_back(Episode {
            like: signature.clone(),
            began: at,
            last: at,
            frames: 1,
        });
    }

    /// The episode that looks most like it, if one looks like it at all.
    fn find(&mut self, reason: Reason, signature: &Signature, at: Instant) -> Option<&mut Episode> {
        let episodes = self.0.entry(reason).or_default();
        episodes.retain(|episode| at.saturating_duration_since(episode.began) < LENGTH);
        let with_distance = episodes.iter_mut().map(|episode| {
            let distance = episode.like.distance(signature);
            (distance, episode)
        });
        let alike = with_distance.filter(|(distance, _)| *distance <= 1.0);
        let nearest = alike.min_by(|(a, _), (b, _)| a.total_cmp(b));
        nearest.map(|(_, episode)| episode)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::Episodes;
    use crate::monitor::ring::Reason;
    use crate::monitor::ring::signature::Signature;

    #[test]
    fn what_goes_on_and_on_is_kept_six_times_an_hour_and_something_else_at_once() {
        let look = |bright: usize| {
            let cells: Vec<u8> = (0..256).map(|at| 200 * u8::from(at == bright)).collect();
            Arc::new(Signature::new(0, &[], &cells))
        };
        let (same, other) = (look(3), look(77));
        let mut episodes = Episodes::default();
        let start = Instant::now();
        let mut kept = |second: u64, reason: Reason, look: &Arc<Signature>| {
            let at = start + Duration::from_secs(second);
            let room = episodes.has_room(reason, look, at);
            if room {
                episodes.enter(reason, look, at);
            }
            room
        };
        let seconds = (0..7200).filter(|s| kept(*s, Reason::Unsure, &same));
        let expected = [0, 3600].map(|hour| [0, 10, 20, 30, 40, 50].map(|s| hour + s));
        assert_eq!(seconds.collect::<Vec<u64>>(), expected.concat());
        assert!(kept(7200, Reason::Unsure, &other));
        assert!(kept(7200, Reason::Novel, &same));
        assert!(!kept(7205, Reason::Novel, &same));
    }
}
