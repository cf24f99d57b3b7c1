//! Pictures that are nearly the same, and folds that keep them together: neighbouring frames on
//! both sides of a split make any head look good. Near is what is far nearer than the pictures
//! of a class usually are to one another, so no scale has to be known.

use fastrand::Rng;

use super::samples::Samples;

/// Nearly the same: nearer than this share of the distance that [`USUAL`] of a class's pairs
/// keep. Of independent pictures with many features next to none are.
const NEAR: f32 = 0.3;
/// The quantile of the distances that counts as usual: above one half, so that a few long
/// episodes do not make their own frames the usual ones.
const USUAL: f64 = 0.75;
/// Pictures of a class that the usual distance is taken from: of so many, 45,000 pairs.
const ENOUGH: usize = 300;
/// Folds at most.
pub(super) const FOLDS: usize = 5;

/// The pictures of a class, in groups of nearly the same ones.
pub(super) struct Groups {
    /// For each class its groups, each with its pictures.
    pub of_class: Vec<Vec<Vec<usize>>>,
    /// For each class, how near nearly the same is.
    pub near: Vec<f32>,
}

impl Groups {
    /// A picture belongs to the first group whose first picture it is near to.
    pub(super) fn of(samples: &Samples) -> Self {
        let mut groups = Self {
            of_class: Vec::new(),
            near: Vec::new(),
        };
        for class in 0..samples.count {
            let members: Vec<usize> = (0..samples.len())
                .filter(|picture| samples.classes[*picture] == class)
                .collect();
            let near = NEAR * usual_distance(samples, &members);
            let mut found: Vec<Vec<usize>> = Vec::new();
            for picture in members {
                let mut open = found.iter_mut();
                match open.find(|group| samples.distance(group[0], picture) <= near) {
                    Some(group) => group.push(picture),
                    None => found.push(vec![picture]),
                }
            }
            groups.of_class.push(found);
            groups.near.push(near);
        }
        groups
    }

    /// How many groups the class with the fewest has.
    pub(super) fn fewest(&self) -> usize {
        self.of_class.iter().map(Vec::len).min().unwrap_or_default()
    }

    /// How many groups there are.
    pub(super) fn total(&self) -> usize {
        self.of_class.iter().map(Vec::len).sum()
    }

    /// The pictures of each fold: as many of each class in each, as far as groups let them.
    pub(super) fn folds(&self, seed: u64) -> Vec<Vec<usize>> {
        let count = self.fewest().clamp(2, FOLDS);
        let mut rng = Rng::with_seed(seed);
        let mut folds = vec![Vec::new(); count];
        for groups in &self.of_class {
            let mut order: Vec<&Vec<usize>> = groups.iter().collect();
            rng.shuffle(&mut order);
            order.sort_by_key(|group| std::cmp::Reverse(group.len()));
            let mut own = vec![0; count];
            for group in order {
                let emptiest = (0..count).min_by_key(|fold| (own[*fold], folds[*fold].len()));
                let fold = emptiest.unwrap_or_default();
                own[fold] += group.len();
                folds[fold].extend(group);
            }
        }
        folds.iter_mut().for_each(|fold| fold.sort_unstable());
        folds
    }
}

fn usual_distance(samples: &Samples, members: &[usize]) -> f32 {
    let some = &members[..members.len().min(ENOUGH)];
    let mut distances: Vec<f32> = Vec::with_capacity(some.len() * some.len() / 2);
    for (place, a) in some.iter().enumerate() {
        distances.extend(some[..place].iter().map(|b| samples.distance(*a, *b)));
    }
    if distances.is_empty() {
        return 0.0;
    }
    let at = ((distances.len() - 1) as f64 * USUAL) as usize;
    *distances.select_nth_unstable_by(at, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::Groups;
    use crate::teach::samples::{Samples, Scaling};
    use fastrand::Rng;

    /// Two classes: the first of 4 episodes of 5 frames each, the second of 20 pictures; then
    /// a copy of its last one.
    fn samples() -> Samples {
        let mut rng = Rng::with_seed(5);
        let mut random = || -> Vec<f32> { (0..64).map(|_| rng.f32() - 0.5).collect() };
        let mut rows = Vec::new();
        for _ in 0..4 {
            let scene = random();
            for _ in 0..5 {
                let frame = scene
                    .iter()
                    .zip(random())
                    .map(|(s, noise)| s + noise * 0.05);
                rows.push(frame.collect::<Vec<f32>>());
            }
        }
        rows.extend((0..20).map(|_| random()));
        rows.push(rows[39].clone());
        let classes = (0..41).map(|n| usize::from(n >= 20)).collect();
        Samples::new(
            rows.iter().map(|row| &row[..]),
            classes,
            (2, 1),
            Scaling::Together,
        )
    }

    #[test]
    fn frames_of_an_episode_and_copies_stay_together_in_a_fold() {
        let groups = Groups::of(&samples());
        let episodes: Vec<Vec<usize>> = (0..4).map(|n| (n * 5..n * 5 + 5).collect()).collect();
        assert_eq!(groups.of_class[0], episodes);
        assert_eq!(groups.of_class[1].len(), 20);
        assert_eq!(groups.of_class[1][19], [39, 40]);
        let folds = groups.folds(0);
        assert_eq!(folds.len(), 4);
        for fold in &folds {
            let of_first = fold.iter().filter(|picture| **picture < 20).count();
            assert_eq!(of_first, 5, "{folds:?}");
            assert!((5..=6).contains(&(fold.len() - of_first)), "{folds:?}");
            assert_eq!(fold.contains(&39), fold.contains(&40));
        }
        let mut all: Vec<usize> = folds.concat();
        all.sort_unstable();
        assert_eq!(all, (0..41).collect::<Vec<_>>());
    }
}
