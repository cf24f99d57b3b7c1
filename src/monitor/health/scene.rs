//! What a camera looks at, hour by hour: a small picture of it, without its light, and which
//! parts of it are usually flat. A camera has moved if it sees what it saw at no hour; a
//! view is hidden where it is flat and usually is not.

use serde::{Deserialize, Serialize};

use super::blob::{self, Cells};
use crate::monitor::hours;
use crate::pipeline::summary::{CELLS, GRID};

/// Seconds between two pictures that are learned from.
const LEARN_EVERY: u64 = 10;
/// Pictures after which an hour is known: ten minutes.
const KNOWN: u32 = 60;
/// Pictures that the newest one counts among at most: some three days of that hour.
const MEMORY: u32 = 1080;
/// Cells on each side whose mean is taken away, so that light does not count.
const AROUND: usize = 4;
/// Standard deviation, steps of luma, below which there is nothing to compare.
const FEATURELESS: f32 = 1.0;
/// Steps of one unit in a thumbnail's state.
const UNIT: f32 = 2000.0;

/// What of a picture is compared with what is usual.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) thumbnail: Thumbnail,
    /// The cells that are flat.
    pub(super) flat: Cells,
    pub(super) is_gray: bool,
}

/// The cells' luma relative to their surroundings, of length 1; or nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Thumbnail {
    cells: Vec<f32>,
    sums: Vec<f32>,
}

impl Thumbnail {
    /// Makes one of the cells' mean luma; empty if they show nothing.
    pub(super) fn make(&mut self, means: &[f32]) {
        // The sums over the rectangle up to each cell give that over any other.
        const STRIDE: usize = GRID + 1;
        self.sums.clear();
        self.sums.resize(STRIDE * STRIDE, 0.0);
        for row in 0..GRID {
            let mut sum = 0.0;
            for column in 0..GRID {
                sum += means[row * GRID + column];
                let at = (row + 1) * STRIDE + column + 1;
                self.sums[at] = sum + self.sums[at - STRIDE];
            }
        }
        self.cells.clear();
        for row in 0..GRID {
            let (top, bottom) = (row.saturating_sub(AROUND), (row + AROUND + 1).min(GRID));
            for column in 0..GRID {
                let (left, right) = (
                    column.saturating_sub(AROUND),
                    (column + AROUND + 1).min(GRID),
                );
                let sum = self.sums[bottom * STRIDE + right]
                    - self.sums[top * STRIDE + right]
                    - self.sums[bottom * STRIDE + left]
                    + self.sums[top * STRIDE + left];
                let count = ((bottom - top) * (right - left)) as f32;
                self.cells.push(means[row * GRID + column] - sum / count);
            }
        }
        let length = dot(&self.cells, &self.cells).sqrt();
        if length < FEATURELESS * GRID as f32 {
            self.cells.clear();
        } else {
            self.cells.iter_mut().for_each(|cell| *cell /= length);
        }
    }

    /// Their correlation; `None` if one of them shows nothing.
    fn likeness(&self, other: &Self) -> Option<f32> {
        if self.cells.is_empty() || other.cells.is_empty() {
            return None;
        }
        let length = dot(&self.cells, &self.cells).sqrt().max(f32::MIN_POSITIVE);
        Some(dot(&self.cells, &other.cells) / length)
    }

    /// The same over some cells only; 0 where nothing is to be seen in them.
    fn likeness_within(&self, other: &Self, within: &Cells) -> f32 {
        if self.cells.is_empty() || other.cells.is_empty() {
            return 0.0;
        }
        let (mut own, mut others, mut both) = (0.0, 0.0, 0.0);
        for (at, (a, b)) in self.cells.iter().zip(&other.cells).enumerate() {
            if within[at / GRID] >> (at % GRID) & 1 == 1 {
                own += a * a;
                others += b * b;
                both += a * b;
            }
        }
        let length: f32 = own * others;
        if length > 0.0 {
            both / length.sqrt()
        } else {
            0.0
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums side by side, as one of floats would have to be taken in its order.
    let mut sums = [0.0; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// What the largest flat piece of a picture hides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hidden {
    /// Its share of the view.
    pub(super) piece: f32,
    /// Share of the view that it hides: what is flat and usually is not.
    pub(super) cells: f32,
    /// The same of all that is usually not flat.
    pub(super) share: f32,
    /// How like the hidden cells are to what they usually show, -1 to 1.
    pub(super) likeness: f32,
    /// Share of the view in which something else can be seen.
    pub(super) rest: f32,
    /// How like that is to what it usually shows.
    pub(super) rest_likeness: f32,
}

/// What is usual at an hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Usual {
    pictures: u32,
    thumbnail: Thumbnail,
    /// How often each cell is flat, 0 to 1.
    flat: Vec<f32>,
    /// How often the picture is gray.
    gray: f32,
}

impl Usual {
    fn is_known(&self) -> bool {
        self.pictures >= KNOWN
    }

    /// What the flat cells of `piece` hide of what is usually to be seen.
    pub(super) fn hidden(&self, seen: &Seen, piece: &Cells) -> Hidden {
        let (mut hidden, mut shown) = (*piece, 0);
        for (row, usual) in self.flat.chunks_exact(GRID).enumerate() {
            for (column, usual) in usual.iter().enumerate() {
                let is_flat = *usual >= 0.5;
                hidden[row] &= !(u32::from(is_flat) << column);
                shown += u32::from(!is_flat);
            }
        }
        let rest: Cells = std::array::from_fn(|row| !piece[row] & !seen.flat[row]);
        let within = |cells| self.thumbnail.likeness_within(&seen.thumbnail, cells);
        Hidden {
            rest: blob::count(&rest) as f32 / CELLS as f32,
            rest_likeness: within(&rest),
            piece: blob::count(piece) as f32 / CELLS as f32,
            cells: blob::count(&hidden) as f32 / CELLS as f32,
            share: blob::count(&hidden) as f32 / shown.max(1) as f32,
            likeness: within(&hidden),
        }
    }

    fn learn(&mut self, seen: &Seen) {
        self.pictures = (self.pictures + 1).min(MEMORY);
        let share = 1.0 / self.pictures as f32;
        self.flat.resize(CELLS, 0.0);
        for (at, usual) in self.flat.iter_mut().enumerate() {
            let flat = (seen.flat[at / GRID] >> (at % GRID) & 1) as f32;
            *usual += (flat - *usual) * share;
        }
        self.gray += (f32::from(u8::from(seen.is_gray)) - self.gray) * share;
        if !seen.thumbnail.cells.is_empty() {
            self.thumbnail.cells.resize(CELLS, 0.0);
            let pairs = self.thumbnail.cells.iter_mut().zip(&seen.thumbnail.cells);
            pairs.for_each(|(usual, now)| *usual += (now - *usual) * share);
        }
    }
}

/// What is usual at every hour of the day.
#[derive(Default)]
pub(super) struct Scenes {
    hours: Vec<Usual>,
    /// The hour that was learned from last.
    latest: Option<usize>,
    learned: u64,
}

/// The same as it is kept, hour by hour, in small whole numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SceneState(Vec<UsualState>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsualState {
    hour: usize,
    pictures: u32,
    gray: f32,
    thumbnail: Vec<i16>,
    flat: Vec<u8>,
}

impl SceneState {
    /// Whether all of it is of the sizes that it has to have.
    pub(super) fn is_sound(&self) -> bool {
        self.0.iter().all(|usual| {
            let is_grid = |length: usize| length == 0 || length == CELLS;
            usual.hour < 24 && is_grid(usual.thumbnail.len()) && is_grid(usual.flat.len())
        })
    }
}

impl Scenes {
    pub(super) fn new(state: SceneState) -> Self {
        let mut scenes = Self::default();
        for usual in state.0 {
            let (thumbnail, flat) = (usual.thumbnail.iter(), usual.flat.iter());
            *scenes.at(usual.hour) = Usual {
                pictures: usual.pictures,
                gray: usual.gray,
                thumbnail: Thumbnail {
                    cells: thumbnail.map(|v| f32::from(*v) / UNIT).collect(),
                    sums: Vec::new(),
                },
                flat: flat.map(|v| f32::from(*v) / 255.0).collect(),
            };
        }
        scenes
    }

    pub(super) fn state(&self) -> SceneState {
        let hours = self.hours.iter().enumerate();
        let learned = hours.filter(|(_, usual)| usual.pictures > 0);
        SceneState(
            learned
                .map(|(hour, usual)| UsualState {
                    hour,
                    pictures: usual.pictures,
                    gray: usual.gray,
                    thumbnail: usual
                        .thumbnail
                        .cells
                        .iter()
                        .map(|v| (v * UNIT).round() as i16)
                        .collect(),
                    flat: usual
                        .flat
                        .iter()
                        .map(|v| (v * 255.0).round() as u8)
                        .collect(),
                })
                .collect(),
        )
    }

    fn at(&mut self, hour: usize) -> &mut Usual {
        self.hours.resize_with(24, Usual::default);
        &mut self.hours[hour]
    }

    /// What is usual at `hour`; as long as that is not known, at the hour before.
    pub(super) fn usual(&self, hour: usize) -> Option<&Usual> {
        let own = self.hours.get(hour).filter(|usual| usual.is_known());
        let latest = || {
            self.hours
                .get(self.latest?)
                .filter(|usual| usual.is_known())
        };
        own.or_else(latest)
    }

    /// How like the picture is to what was seen at this hour, or at the hour that it is most
    /// like: a lamp may be lit at any. Gray pictures and coloured ones are two worlds, and
    /// only those of one are compared.
    pub(super) fn likeness(&self, seen: &Seen, hour: usize) -> Option<f32> {
        const ENOUGH: f32 = 0.9;
        let known = |usual: &&Usual| usual.is_known() && (usual.gray >= 0.5) == seen.is_gray;
        let of = |usual: &Usual| usual.thumbnail.likeness(&seen.thumbnail);
        let own = self.hours.get(hour).filter(known).and_then(of);
        if own.is_some_and(|own| own > ENOUGH) {
            return own;
        }
        self.hours
            .iter()
            .filter(known)
            .filter_map(of)
            .fold(None, |best, found| {
                Some(best.map_or(found, |best: f32| best.max(found)))
            })
    }

    /// Takes what is seen for usual.
    pub(super) fn learn(&mut self, seen: &Seen, second: u64) {
        if second < self.learned + LEARN_EVERY && second >= self.learned {
            return;
        }
        self.learned = second;
        let hour = hours::of_day(second);
        self.at(hour).learn(seen);
        self.latest = Some(hour);
    }
}
