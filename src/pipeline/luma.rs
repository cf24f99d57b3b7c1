//! How bright a picture is, and where: measured on what was decoded of it, for whoever
//! wants to know.

use std::ops::Range;

use super::decode::{Picture, Samples};
use crate::region::Region;

/// Cells across, and down, of a whole picture.
const CELLS: usize = 32;
/// Every second row counts, and of colours every second pixel.
const STEP: usize = 2;

/// Mean luma (0 to 255) in 32 x 32 cells of a picture, as far as it was decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LumaSummary {
    size: (usize, usize),
    region: Region,
    /// Of the cells that touch the region, row after row.
    means: Vec<f32>,
}

impl LumaSummary {
    /// Measures the pixels of `picture`.
    pub(crate) fn measure(&mut self, picture: &Picture) {
        let (across, down) = picture.scaled_size();
        let Region { width, height, .. } = picture.region;
        self.size = (across, down);
        self.region = picture.region;
        self.means.clear();
        for rows in cells(down, self.region.y, height) {
            for columns in cells(across, self.region.x, width) {
                let rows = rows.clone().step_by(STEP);
                self.means.push(match picture.samples {
                    Samples::Rgb => {
                        let (pixels, _) = picture.pixels.as_chunks::<3>();
                        // Twice green, red and blue come near enough to luma.
                        mean(rows, width, &columns, |at| {
                            let pixels = pixels[at].iter().step_by(STEP);
                            let count = pixels.len();
                            let luma = pixels.map(|pixel| {
                                let [red, green, blue] = pixel.map(u32::from);
                                (red + 2 * green + blue) / 4
                            });
                            (luma.sum(), count)
                        })
                    }
                    Samples::Luma | Samples::Yuv(_) => mean(rows, width, &columns, |at| {
                        let pixels = &picture.pixels[at];
                        (pixels.iter().map(|v| u32::from(*v)).sum(), pixels.len())
                    }),
                });
            }
        }
    }

    /// The largest difference of a cell; infinite where the two are not of the same part of
    /// pictures of one size.
    pub(crate) fn difference(&self, other: &Self) -> f32 {
        if (self.size, self.region) != (other.size, other.region) {
            return f32::INFINITY;
        }
        let pairs = self.means.iter().zip(&other.means);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }
}

/// The cells of a side that touch `length` pixels from `start`: the pixels of each, counted
/// from `start`.
fn cells(side: usize, start: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    let end = start + length;
    (0..CELLS)
        .map(move |cell| cell * side / CELLS..(cell + 1) * side / CELLS)
        .map(move |pixels| pixels.start.max(start)..pixels.end.min(end))
        .filter(|pixels| !pixels.is_empty())
        .map(move |pixels| pixels.start - start..pixels.end - start)
}

/// The mean of what `sum` gives of each row: luma, and of how many pixels.
fn mean(
    rows: impl Iterator<Item = usize>,
    width: usize,
    columns: &Range<usize>,
    sum: impl Fn(Range<usize>) -> (u32, usize),
) -> f32 {
    let (mut total, mut count) = (0, 0);
    for row in rows {
        let (luma, pixels) = sum(row * width + columns.start..row * width + columns.end);
        total += luma;
        count += pixels;
    }
    total as f32 / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::LumaSummary;
    use crate::pipeline::capture::Matrix;
    use crate::pipeline::decode::{Chroma, Picture, Samples};
    use crate::region::Region;

    const WHOLE: Region = Region {
        x: 0,
        y: 0,
        width: 64,
        height: 64,
    };

    /// A dark picture of 64 x 64 with a bright square: columns 32 to 33, rows 16 to 17, one
    /// cell.
    fn bright(x: usize, y: usize) -> u8 {
        if (32..34).contains(&x) && (16..18).contains(&y) {
            200
        } else {
            40
        }
    }

    fn summary(region: Region, samples: Samples, luma: fn(usize, usize) -> u8) -> LumaSummary {
        let repeat = if samples == Samples::Rgb { 3 } else { 1 };
        let (rows, columns) = (
            region.y..region.y + region.height,
            region.x..region.x + region.width,
        );
        let picture = Picture {
            width: WHOLE.width,
            height: WHOLE.height,
            region,
            eighths: 8,
            samples,
            pixels: rows
                .flat_map(|y| columns.clone().map(move |x| luma(x, y)))
                .flat_map(|luma| vec![luma; repeat])
                .collect(),
        };
        let mut summary = LumaSummary::default();
        summary.measure(&picture);
        summary
    }

    #[test]
    fn all_samples_give_the_same_luma() {
        let chroma = Chroma {
            across: 2,
            down: 2,
            full_range: true,
            matrix: Matrix::Bt601,
        };
        for samples in [Samples::Rgb, Samples::Luma, Samples::Yuv(chroma)] {
            let summary = summary(WHOLE, samples, bright);
            let cell = 8 * 32 + 16;
            assert_eq!(summary.means[cell], 200.0, "{samples:?}");
            let others = summary.means.iter().filter(|mean| **mean == 40.0);
            assert_eq!(others.count(), 32 * 32 - 1, "{samples:?}");
        }
    }

    #[test]
    fn only_what_was_decoded_counts() {
        let difference = |x, y, width, height| {
            let region = Region {
                x,
                y,
                width,
                height,
            };
            let dark = summary(region, Samples::Luma, |_, _| 40);
            let bright = summary(region, Samples::Luma, bright);
            dark.difference(&bright)
        };
        assert_eq!(difference(0, 0, 64, 64), 160.0);
        assert_eq!(difference(33, 16, 1, 1), 160.0);
        assert_eq!(difference(0, 0, 32, 64), 0.0);
        assert_eq!(difference(34, 0, 30, 64), 0.0);
        let whole = summary(WHOLE, Samples::Luma, bright);
        assert_eq!(whole.difference(&LumaSummary::default()), f32::INFINITY);
    }
}
