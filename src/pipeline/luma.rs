//! How bright a picture is, and where: measured once, before anything is cut off, for
//! whoever wants to know.

use std::ops::Range;

use super::capture::{PixelFormat, RawFormat};
use crate::region::Region;

/// Cells across, and down.
const CELLS: usize = 32;
/// Every second row counts, and of colours every second pixel.
const STEP: usize = 2;

/// Mean luma (0 to 255) of 32 x 32 cells of a whole picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LumaSummary {
    width: usize,
    height: usize,
    means: Vec<f32>,
}

/// Luma in some pixels of a row, and how many count.
type Sum = (u32, usize);

impl LumaSummary {
    /// Measures raw pixels, whose number is that of their format.
    pub(crate) fn measure_raw(&mut self, bytes: &[u8], format: RawFormat) {
        let (width, height) = (format.width, format.height);
        match format.pixels {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                self.measure_rgb(bytes, width, height);
            }
            PixelFormat::Yuyv => {
                let (pairs, _) = bytes.as_chunks::<2>();
                let row_pixels = width.next_multiple_of(2);
                self.measure(width, height, |row, columns| {
                    let pixels = &pairs[row * row_pixels..][columns];
                    let sum = pixels.iter().map(|[luma, _]| u32::from(*luma)).sum();
                    (sum, pixels.len())
                });
            }
            PixelFormat::Gray8
            | PixelFormat::Nv12
            | PixelFormat::Yuv420p
            | PixelFormat::Yuv422p
            | PixelFormat::Yuv444p => {
                self.measure_luma(bytes, width, height);
            }
        }
    }

    /// Measures `width` x `height` pixels of red, green, blue, or the other way round.
    pub(crate) fn measure_rgb(&mut self, pixels: &[u8], width: usize, height: usize) {
        let (pixels, _) = pixels.as_chunks::<3>();
        self.measure(width, height, |row, columns| {
            let sampled = pixels[row * width..][columns].iter().step_by(STEP);
            let count = sampled.len();
            // Twice green, red and blue come near enough to luma.
            let luma = sampled.map(|pixel| {
                let [first, green, last] = pixel.map(u32::from);
                (first + 2 * green + last) / 4
            });
            (luma.sum(), count)
        });
    }

    /// Measures a plane of luma.
    pub(crate) fn measure_luma(&mut self, plane: &[u8], width: usize, height: usize) {
        self.measure(width, height, |row, columns| {
            let pixels = &plane[row * width..][columns];
            (pixels.iter().map(|v| u32::from(*v)).sum(), pixels.len())
        });
    }

    fn measure(&mut self, width: usize, height: usize, sum: impl Fn(usize, Range<usize>) -> Sum) {
        (self.width, self.height) = (width, height);
        self.means.clear();
        for down in 0..CELLS {
            let rows = bounds(down, height);
            for across in 0..CELLS {
                let columns = bounds(across, width);
                let (mut total, mut count) = (0, 0);
                for row in rows.clone().step_by(STEP) {
                    let (luma, pixels) = sum(row, columns.clone());
                    total += luma;
                    count += pixels;
                }
                self.means.push(total as f32 / count.max(1) as f32);
            }
        }
    }

    /// The largest difference of a cell that touches `region`; infinite where the pictures
    /// are not of one size.
    pub(crate) fn difference(&self, other: &Self, region: Region) -> f32 {
        if (self.width, self.height) != (other.width, other.height) {
            return f32::INFINITY;
        }
        let cells = |start: usize, length: usize, all: usize| {
            let first = start * CELLS / all.max(1);
            let last = (start + length).saturating_sub(1) * CELLS / all.max(1);
            first..(last + 1).min(CELLS)
        };
        let across = cells(region.x, region.width, self.width);
        let rows = cells(region.y, region.height, self.height);
        let pairs = rows.flat_map(|row| across.clone().map(move |column| row * CELLS + column));
        pairs
            .map(|cell| (self.means[cell] - other.means[cell]).abs())
            .fold(0.0, f32::max)
    }
}

/// The pixels of a cell along one side.
fn bounds(cell: usize, side: usize) -> Range<usize> {
    cell * side / CELLS..(cell + 1) * side / CELLS
}

#[cfg(test)]
mod tests {
    use super::LumaSummary;
    use crate::pipeline::capture::{PixelFormat, RawFormat};
    use crate::region::Region;

    fn format(pixels: PixelFormat) -> RawFormat {
        RawFormat {
            pixels,
            width: 64,
            height: 64,
            full_range: true,
        }
    }

    /// A dark picture with a bright square: columns 32 to 33, rows 16 to 17, one cell.
    fn bright(x: usize, y: usize) -> u8 {
        if (32..34).contains(&x) && (16..18).contains(&y) {
            200
        } else {
            40
        }
    }

    fn pixels(luma: impl Fn(usize, usize) -> u8, each: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
        (0..64 * 64)
            .flat_map(|at| each(luma(at % 64, at / 64)))
            .collect()
    }

    #[test]
    fn every_pixel_format_gives_the_same_luma() {
        let chroma = |count: usize| vec![128; count];
        let plane = pixels(bright, |luma| vec![luma]);
        let cases = [
            (PixelFormat::Gray8, plane.clone()),
            (PixelFormat::Rgb24, pixels(bright, |luma| vec![luma; 3])),
            (PixelFormat::Bgr24, pixels(bright, |luma| vec![luma; 3])),
            (PixelFormat::Yuyv, pixels(bright, |luma| vec![luma, 128])),
            (PixelFormat::Nv12, [plane.clone(), chroma(2048)].concat()),
            (PixelFormat::Yuv420p, [plane, chroma(2048)].concat()),
        ];
        for (pixels, bytes) in cases {
            let mut summary = LumaSummary::default();
            summary.measure_raw(&bytes, format(pixels));
            let cell = 8 * 32 + 16;
            assert_eq!(summary.means[cell], 200.0, "{pixels:?}");
            let others = summary.means.iter().filter(|mean| **mean == 40.0);
            assert_eq!(others.count(), 32 * 32 - 1, "{pixels:?}");
        }
    }

    #[test]
    fn only_cells_that_touch_the_region_count() {
        let summary = |luma: fn(usize, usize) -> u8| {
            let mut summary = LumaSummary::default();
            let bytes = pixels(luma, |luma| vec![luma]);
            summary.measure_raw(&bytes, format(PixelFormat::Gray8));
            summary
        };
        let (dark, bright) = (summary(|_, _| 40), summary(bright));
        let region = |x, y, width, height| Region {
            x,
            y,
            width,
            height,
        };
        assert_eq!(dark.difference(&bright, region(0, 0, 64, 64)), 160.0);
        assert_eq!(dark.difference(&bright, region(33, 17, 1, 1)), 160.0);
        assert_eq!(dark.difference(&bright, region(0, 0, 32, 64)), 0.0);
        assert_eq!(dark.difference(&bright, region(34, 0, 30, 64)), 0.0);
        assert_eq!(
            dark.difference(&LumaSummary::default(), region(0, 0, 64, 64)),
            f32::INFINITY
        );
    }
}
