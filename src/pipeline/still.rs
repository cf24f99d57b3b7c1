//! Whether anything moves. Most cameras look at the same scene most of the time, and
//! classifying it again costs energy and tells nothing.
//!
//! The picture is divided into 16 x 16 cells. It is still while no cell's mean luma is more
//! than a threshold away from that of the picture classified last: noise averages out, and
//! what creeps is noticed in the end. Frames are skipped once the picture has been still
//! for as long as the answer takes to settle, and never for longer than a limit.

use std::time::{Duration, Instant};

use super::decode::{Picture, Samples};

const CELLS: usize = 16;
/// Every so manieth pixel and row is looked at.
const STEP: usize = 2;

/// When frames are skipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StillOptions {
    /// Steps of luma, 0 to 255, by which a cell may change.
    pub threshold: f32,
    /// After so long without a classified frame one is classified in any case.
    pub limit: Duration,
}

/// Watches pictures for changes.
pub struct Stillness {
    options: StillOptions,
    settle: Duration,
    /// The picture classified last.
    reference: Cells,
    current: Cells,
    classified: Option<Instant>,
    moved: Option<Instant>,
}

/// Mean luma per cell, and the size of what it was taken from.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cells {
    size: (usize, usize),
    means: Vec<f32>,
}

impl Stillness {
    /// Skips as `options` say, but not before an answer has had time to `settle`.
    pub fn new(options: StillOptions, settle: Duration) -> Self {
        Self {
            options,
            settle,
            reference: Cells::default(),
            current: Cells::default(),
            classified: None,
            moved: None,
        }
    }

    /// Whether `picture`, captured at `at`, need not be classified. If it is not skipped,
    /// it counts as classified.
    pub fn skips(&mut self, picture: &Picture, at: Instant) -> bool {
        self.current.measure(picture);
        let since = |then: Option<Instant>| then.map(|then| at.saturating_duration_since(then));
        if self.current.differ(&self.reference, self.options.threshold) {
            self.moved = Some(at);
        } else if since(self.moved).is_some_and(|passed| passed >= self.settle)
            && since(self.classified).is_some_and(|passed| passed < self.options.limit)
        {
            return true;
        }
        std::mem::swap(&mut self.current, &mut self.reference);
        self.classified = Some(at);
        false
    }
}

impl Cells {
    fn differ(&self, other: &Self, threshold: f32) -> bool {
        let mut pairs = self.means.iter().zip(&other.means);
        self.size != other.size || pairs.any(|(a, b)| (a - b).abs() > threshold)
    }

    fn measure(&mut self, picture: &Picture) {
        let (width, height) = (picture.region.width, picture.region.height);
        self.size = (width, height);
        self.means.clear();
        for row in 0..CELLS {
            let rows = row * height / CELLS..(row + 1) * height / CELLS;
            for column in 0..CELLS {
                let columns = column * width / CELLS..(column + 1) * width / CELLS;
                let (mut sum, mut count) = (0_u32, 0_u32);
                for y in rows.clone().step_by(STEP) {
                    let start = y * width;
                    let range = start + columns.start..start + columns.end;
                    sum += match picture.samples {
                        Samples::Rgb => rgb(&picture.pixels.as_chunks::<3>().0[range]),
                        _ => luma(&picture.pixels[range]),
                    };
                    count += columns.len().div_ceil(STEP) as u32;
                }
                self.means.push(sum as f32 / count.max(1) as f32);
            }
        }
    }
}

fn luma(row: &[u8]) -> u32 {
    row.iter().step_by(STEP).map(|v| u32::from(*v)).sum()
}

/// Twice green, red and blue come near enough to luma.
fn rgb(row: &[[u8; 3]]) -> u32 {
    let pixels = row.iter().step_by(STEP);
    pixels
        .map(|[r, g, b]| (u32::from(*r) + 2 * u32::from(*g) + u32::from(*b)) / 4)
        .sum()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{StillOptions, Stillness};
    use crate::pipeline::decode::{Picture, Region, Samples};

    fn gray(luma: impl Fn(usize, usize) -> u8) -> Picture {
        let (width, height) = (64, 48);
        let pixels = (0..width * height).map(|at| luma(at % width, at / width));
        Picture {
            width,
            height,
            region: Region {
                x: 0,
                y: 0,
                width,
                height,
            },
            eighths: 8,
            samples: Samples::Luma,
            pixels: pixels.collect(),
        }
    }

    #[test]
    fn a_still_scene_is_skipped_and_what_moves_is_not() {
        let options = StillOptions {
            threshold: 4.0,
            limit: Duration::from_secs(10),
        };
        let mut stillness = Stillness::new(options, Duration::from_secs(1));
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let scene = gray(|x, _| x as u8);
        let noisy = gray(|x, y| x as u8 + ((x * 7 + y * 13) % 5) as u8);
        // An object in one of 256 cells.
        let object = gray(|x, y| if x < 4 && y < 3 { 90 } else { x as u8 });
        let steps = [
            (0.0, &scene, false),
            // The answer has a second to settle.
            (0.5, &scene, false),
            (1.0, &scene, true),
            (1.5, &noisy, true),
            (2.0, &object, false),
            (2.9, &object, false),
            (3.0, &object, true),
            // Ten seconds after the last look, another.
            (12.8, &object, true),
            (12.9, &object, false),
            (13.0, &object, true),
            (13.1, &scene, false),
        ];
        for (seconds, picture, skipped) in steps {
            assert_eq!(
                stillness.skips(picture, at(seconds)),
                skipped,
                "at {seconds} s"
            );
        }
    }

    #[test]
    fn what_creeps_is_noticed() {
        let options = StillOptions {
            threshold: 4.0,
            limit: Duration::from_secs(1000),
        };
        let mut stillness = Stillness::new(options, Duration::ZERO);
        let start = Instant::now();
        let looks: Vec<u8> = (0..20)
            .filter(|step| {
                let at = start + Duration::from_secs(u64::from(*step));
                !stillness.skips(&gray(|_, _| 100 + step), at)
            })
            .collect();
        assert_eq!(looks, [0, 5, 10, 15]);
    }
}
