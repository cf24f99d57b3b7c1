//! Means over blocks of time, and how long blocks have to be. Neighbouring blocks of a slow
//! world are alike, and a sum of what is alike raises alarms that mean nothing: so blocks
//! grow until they are nearly independent, and days differ no more than blocks let expect.

/// Seconds of the shortest block, of which all others are made.
pub(super) const BASE: u64 = 600;
/// Lengths that are tried, in shortest blocks: ten minutes, an hour, six hours, a day.
pub(super) const LENGTHS: [u64; 4] = [1, 6, 36, DAY];
/// Shortest blocks of a day.
pub(super) const DAY: u64 = 144;

/// Correlation of neighbouring blocks that is still taken for none.
const ALIKE: f32 = 0.25;
/// How much more the means of days may vary than independent blocks let expect.
const DAYS_APART: f32 = 1.8;
/// Blocks that an estimate takes at least.
const LEAST: usize = 10;

/// What blocks of one length usually are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f32,
    pub(super) deviation: f32,
    /// Correlation of neighbours.
    correlation: f32,
    pub(super) count: usize,
    /// Shortest blocks that a block has, in the mean: cameras rest.
    pub(super) filled: f32,
}

/// A mean that grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Growing {
    sum: f64,
    count: u32,
}

/// The means over blocks of `length`, with their numbers: of `values` beginning with shortest
/// block `first`.
fn means(values: &[Option<f32>], first: u64, length: u64) -> Vec<(u64, f32, u32)> {
    let mut blocks: Vec<(u64, Growing)> = Vec::new();
    for (value, base) in values.iter().zip(first..) {
        let Some(value) = value else { continue };
        let number = base / length;
        if blocks.last().is_none_or(|(last, _)| *last != number) {
            blocks.push((number, Growing::default()));
        }
        if let Some((_, block)) = blocks.last_mut() {
            block.sum += f64::from(*value);
            block.count += 1;
        }
    }
    let mean = |block: Growing| (block.sum / f64::from(block.count)) as f32;
    let whole = blocks.into_iter();
    whole
        .map(|(number, block)| (number, mean(block), block.count))
        .collect()
}

/// Whether a block with so many shortest ones stands for a usual one.
pub(super) fn is_filled(count: u32, filled: f32) -> bool {
    count as f32 >= filled / 2.0
}

fn estimate(values: &[Option<f32>], first: u64, length: u64) -> Option<Estimate> {
    let all = means(values, first, length);
    let filled = all.iter().map(|block| block.2 as f32).sum::<f32>() / all.len().max(1) as f32;
    let blocks: Vec<(u64, f32)> = all
        .into_iter()
        .filter(|(_, _, count)| is_filled(*count, filled))
        .map(|(number, mean, _)| (number, mean))
        .collect();
    let count = blocks.len();
    if count < LEAST {
        return None;
    }
    let mean = blocks.iter().map(|block| block.1).sum::<f32>() / count as f32;
    let squares: f32 = blocks.iter().map(|block| (block.1 - mean).powi(2)).sum();
    let neighbours = blocks.windows(2).filter(|pair| pair[1].0 == pair[0].0 + 1);
    let products: Vec<f32> = neighbours
        .map(|pair| (pair[0].1 - mean) * (pair[1].1 - mean))
        .collect();
    let variance = squares / (count - 1) as f32;
    let correlation = if products.is_empty() || variance == 0.0 {
        0.0
    } else {
        products.iter().sum::<f32>() / products.len() as f32 / variance
    };
    Some(Estimate {
        mean,
        deviation: variance.sqrt(),
        correlation,
        count,
        filled,
    })
}

/// The shortest length whose blocks are nearly independent, and what they usually are; the
/// deviation is that of independent blocks whose sums would vary as much.
pub(super) fn choose(values: &[Option<f32>], first: u64) -> Option<(u64, Estimate)> {
    let days = estimate(values, first, DAY)?;
    let found = LENGTHS
        .into_iter()
        .filter_map(|length| Some((length, estimate(values, first, length)?)));
    for (length, mut found) in found.filter(|(length, _)| *length < DAY) {
        let in_a_day = days.filled / found.filled;
        let more =
            days.deviation.powi(2) * in_a_day / found.deviation.powi(2).max(f32::MIN_POSITIVE);
        if found.correlation < ALIKE && more < DAYS_APART {
            // What days tell of the same is known less well: by one standard error.
            let more = more * (1.0 + (2.0 / days.count as f32).sqrt());
            found.deviation *= spread(found.correlation).max(more).sqrt();
            return Some((length, found));
        }
    }
    // The deviation of some weeks' days is known badly: by one standard error; and little
    // data makes a correlation look smaller than it is (Kendall's bias).
    let (r, count) = (days.correlation, days.count as f32);
    let r = r + (1.0 + 3.0 * r.max(0.0)) / count;
    let deviation = days.deviation * (1.0 + 1.0 / (2.0 * count).sqrt()) * spread(r).sqrt();
    Some((DAY, Estimate { deviation, ..days }))
}

/// How many times as much sums vary if neighbours are so much alike.
fn spread(correlation: f32) -> f32 {
    let r = correlation.clamp(0.0, 0.8);
    (1.0 + r) / (1.0 - r)
}

#[cfg(test)]
mod tests {
    use super::{DAY, choose};

    /// 28 days of shortest blocks: noise of deviation 1 and, for each day, a mean of its own.
    fn stream(memory: f32, days: f32) -> Vec<Option<f32>> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut normal = || (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
        let (mut slow, mut day) = (0.0, 0.0);
        (0..28 * DAY)
            .map(|base| {
                if base % DAY == 0 {
                    day = normal() * days;
                }
                slow = memory * slow + (1.0 - memory * memory).sqrt() * normal();
                Some(slow + day)
            })
            .collect()
    }

    #[test]
    fn blocks_are_as_long_as_they_have_to_be() {
        let length = |memory, days| choose(&stream(memory, days), 0).unwrap().0;
        assert_eq!(length(0.0, 0.0), 1);
        // A memory of an hour or so: exp(-10 / 60).
        assert!(length(0.85, 0.0) > 6);
        // Weather: the day is the sample.
        assert_eq!(length(0.0, 0.6), DAY);
    }

    #[test]
    fn a_camera_that_rests_at_night_is_judged_by_what_there_is() {
        let mut values = stream(0.0, 0.0);
        for (base, value) in values.iter_mut().enumerate() {
            if base as u64 % DAY >= 48 {
                *value = None;
            }
        }
        let (length, found) = choose(&values, 0).unwrap();
        assert_eq!((length, found.count), (1, 28 * 48));
        // 1, and a standard error of what days tell.
        assert!((1.0..1.4).contains(&found.deviation), "{found:?}");
        assert_eq!(choose(&values[..48], 0), None);
    }
}
