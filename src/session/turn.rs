//! Whose turn it is: of the sources that have something waiting, that of the one that had the
//! fewest turns, and among equals that of the one whose last turn is longest ago; of that
//! source the newest frame is taken. Where all give more than can be classified, each so gets
//! as many turns as any other, also one that had nothing waiting at some of them; one that
//! gives less gets all of its own, at once. The age of what waits would not do: the fastest
//! source's newest frame is always the youngest.

use std::time::Instant;

use super::follower::Follower;

/// Turns that a source may be behind: what a busy machine keeps back of it for a moment is
/// made up for, and after a silence it does not keep the others waiting.
const BEHIND: u64 = 4;

/// The place of the source whose turn it is `now`, if something waits.
pub(super) fn next(followers: &mut [Follower], now: Instant) -> Option<usize> {
    let most = followers.iter().map(|f| f.turns).max()?;
    for follower in &mut *followers {
        follower.turns = follower.turns.max(most.saturating_sub(BEHIND));
    }
    let all = followers.iter_mut().enumerate();
    let waiting = all.filter_map(|(place, f)| {
        let waits = f.has_something(now);
        waits.then_some((f.turns, f.last_turn, place))
    });
    let (.., place) = waiting.min()?;
    followers[place].last_turn = Some(now);
    followers[place].turns += 1;
    Some(place)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::next;
    use crate::error::Error;
    use crate::pipeline::capture::{ChildHandles, Frame, Newest, Pull};
    use crate::pipeline::record::Record;
    use crate::session::follower::Follower;

    /// A source for a test: what it gives, how often, and how fast it may be taken.
    struct Played {
        every_ms: u64,
        max_fps: Option<f64>,
        fails: bool,
    }

    const fn frames(every_ms: u64) -> Played {
        Played {
            every_ms,
            max_fps: None,
            fails: false,
        }
    }

    /// Turns that each source gets in ten seconds, where a frame takes 20 ms to classify and
    /// a fault nothing.
    fn turns(played: &[Played]) -> Vec<u64> {
        let follow = |source: &Played| {
            let (newest, children) = (Newest::still(), ChildHandles::default());
            Follower::new(newest, children, source.max_fps, Record::default())
        };
        let mut followers: Vec<Follower> = played.iter().map(follow).collect();
        let mut turns = vec![0; played.len()];
        let (start, mut frame, mut busy) = (Instant::now(), Frame::default(), 0);
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            for (follower, source) in followers.iter().zip(played) {
                if ms.is_multiple_of(source.every_ms) {
                    let pull = match source.fails {
                        true => Pull::Failed(Error::input("camera:0", "a fault")),
                        false => Pull::Frame,
                    };
                    follower.newest.as_ref().unwrap().enter(pull);
                }
            }
            while ms >= busy
                && let Some(place) = next(&mut followers, now)
            {
                turns[place] += 1;
                let taken = followers[place].newest.as_ref().unwrap().take(&mut frame);
                if let Some(Pull::Frame) = taken {
                    followers[place].paced(now);
                    busy = ms + 20;
                }
            }
        }
        turns
    }

    #[test]
    fn under_overload_all_get_the_same_and_a_slow_one_all_of_its_own() {
        // Room for 500: 40 are the slow one's, and of the rest each gets a third.
        let shares = turns(&[frames(1), frames(10), frames(33), frames(250)]);
        assert_eq!(shares[3], 40);
        assert_eq!(shares.iter().sum::<u64>(), 500);
        for share in &shares[..3] {
            assert!((152..=155).contains(share), "{shares:?}");
        }
        assert_eq!(turns(&[frames(50), frames(100)]), [200, 100]);
    }

    #[test]
    fn a_limit_of_one_source_is_room_for_the_others() {
        let limited = Played {
            max_fps: Some(5.0),
            ..frames(1)
        };
        let shares = turns(&[limited, frames(1), frames(1)]);
        assert!((49..=51).contains(&shares[0]), "{shares:?}");
        assert!(shares[1].abs_diff(shares[2]) <= 1, "{shares:?}");
        assert_eq!(shares.iter().sum::<u64>(), 500);
    }

    #[test]
    fn a_source_that_gives_nothing_but_faults_costs_the_others_nothing() {
        let garbled = Played {
            fails: true,
            ..frames(1)
        };
        let shares = turns(&[garbled, frames(10), frames(10)]);
        assert_eq!(shares[1..], [250, 250]);
    }
}
