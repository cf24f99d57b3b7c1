//! How a picture looks, from a sample of its pixels: what image health and drift are judged
//! by. A sample, because a look must not cost more than a fraction of decoding; small squares
//! of neighbours, because sharpness lives between neighbours.
//!
//! It is measured on what was decoded, before the motion gate and before any resizing.

mod patch;

use super::decode::{Chroma, Picture, Samples};
use crate::region::Region;
use patch::{PIXELS, Patch, SIDE};

/// Squares across, and down: one for each cell.
pub const GRID: usize = 32;
/// Cells of a summary.
pub const CELLS: usize = GRID * GRID;

/// Luma that counts as burnt out, and above which something can be seen.
const BRIGHT: f32 = 250.0;
const LIT: f32 = 40.0;

/// What a sample of a picture's pixels tells.
#[derive(Clone, Debug, Default)]
pub struct PictureSummary {
    /// Size, region, and whether luma is stretched: what makes two summaries comparable.
    origin: (usize, usize, Region, bool),
    /// The squares' luma as it was stored, one after the other.
    luma: Vec<u8>,
    means: Vec<f32>,
    ranges: Vec<f32>,
    brightness: f32,
    contrast: f32,
    detail: f32,
    bright: f32,
    lit: f32,
    colour: Option<Colour>,
}

/// The mean colour of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// Mean red, 0 to 255.
    pub red: f32,
    /// Mean green, 0 to 255.
    pub green: f32,
    /// Mean blue, 0 to 255.
    pub blue: f32,
    /// How far pixels are from gray: the mean of red's and of blue's distance from luma,
    /// added. Below 2 nobody sees a colour.
    pub chroma: f32,
}

/// How one summary differs from another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Share of sampled pixels that are not the same, 0 to 1.
    pub share: f32,
    /// Mean absolute difference, steps of luma.
    pub mean: f32,
    /// Standard deviation of the noise, steps of luma, from the cells that moved least.
    pub noise: f32,
}

impl PictureSummary {
    /// Measures `picture`. Without memory of its own after the first.
    pub fn measure(&mut self, picture: &Picture) {
        let Region { width, height, .. } = picture.region;
        let limited = matches!(picture.samples, Samples::Yuv(chroma) if !chroma.full_range);
        self.origin = (picture.width, picture.height, picture.region, limited);
        for buffer in [&mut self.means, &mut self.ranges] {
            buffer.clear();
        }
        self.luma.clear();
        if width < SIDE || height < SIDE {
            return;
        }
        let scale = Scale::new(limited);
        let (bright, lit) = (scale.stored(BRIGHT), scale.stored(LIT));
        let mut total = patch::Sums::default();
        let mut colours = Colours::default();
        let place = |cell: usize, length: usize| cell * (length - SIDE) / (GRID - 1);
        for row in 0..GRID {
            let y = place(row, height);
            for column in 0..GRID {
                let at = y * width + place(column, width);
                let patch = match picture.samples {
                    Samples::Rgb => Patch::of_rgb(&picture.pixels, at, width, &mut colours),
                    Samples::Luma | Samples::Yuv(_) => Patch::of_luma(&picture.pixels, at, width),
                };
                let sums = patch.sums(bright, lit);
                self.means
                    .push(scale.full(sums.luma as f32 / PIXELS as f32));
                self.ranges.push(sums.range as f32 * scale.factor);
                self.luma.extend_from_slice(&patch.0);
                total.add(&sums);
            }
        }
        if let Samples::Yuv(chroma) = picture.samples {
            colours.of_planes(picture, chroma);
        }
        self.conclude(&total, &scale);
        self.colour = match picture.samples {
            Samples::Luma => None,
            Samples::Rgb => colours.rgb(),
            Samples::Yuv(_) => colours.yuv(self.brightness, limited),
        };
    }

    fn conclude(&mut self, total: &patch::Sums, scale: &Scale) {
        let pixels = (CELLS * PIXELS) as f32;
        let mean = total.luma as f64 / f64::from(pixels);
        let square = total.squares as f64 / f64::from(pixels);
        self.brightness = scale.full(mean as f32);
        self.contrast = ((square - mean * mean).max(0.0)).sqrt() as f32 * scale.factor;
        let energy = total.detail as f64 / (CELLS * patch::LAPLACIANS) as f64;
        self.detail = energy.sqrt() as f32 * scale.factor;
        self.bright = total.bright as f32 / pixels;
        self.lit = total.lit as f32 / pixels;
    }

    /// Nothing is measured any more.
    pub(super) fn forget(&mut self) {
        self.luma.clear();
    }

    /// Whether there is anything to judge: the picture had at least 8 x 8 pixels.
    pub fn is_measured(&self) -> bool {
        !self.luma.is_empty()
    }

    /// Mean luma, 0 to 255.
    pub fn brightness(&self) -> f32 {
        self.brightness
    }

    /// Standard deviation of luma.
    pub fn contrast(&self) -> f32 {
        self.contrast
    }

    /// Root mean square of the Laplacian at half size, steps of luma. White noise of standard
    /// deviation s adds 5 s² to its square.
    pub fn detail(&self) -> f32 {
        self.detail
    }

    /// Share of pixels that are burnt out: luma of 250 and more.
    pub fn bright_share(&self) -> f32 {
        self.bright
    }

    /// Share of pixels in which something can be seen: luma above 40.
    pub fn lit_share(&self) -> f32 {
        self.lit
    }

    /// Its mean colour, where it has any.
    pub fn colour(&self) -> Option<Colour> {
        self.colour
    }

    /// Mean luma of every cell, row after row.
    pub fn cell_means(&self) -> &[f32] {
        &self.means
    }

    /// The range of luma in every cell, at half size: what structure and noise leave.
    pub fn cell_ranges(&self) -> &[f32] {
        &self.ranges
    }

    /// Keeps of `other` what [`difference`](Self::difference) needs of the picture before.
    pub fn remember(&mut self, other: &Self) {
        self.origin = other.origin;
        self.luma.clone_from(&other.luma);
    }

    /// How it differs from `before`; `None` where the two are not of the same part of
    /// pictures of one size. `spare` is room for counting.
    pub fn difference(&self, before: &Self, spare: &mut Vec<u16>) -> Option<Difference> {
        if self.origin != before.origin || !self.is_measured() {
            return None;
        }
        spare.clear();
        let (mut changed, mut sum) = (0, 0u32);
        let (now, _) = self.luma.as_chunks::<PIXELS>();
        let (then, _) = before.luma.as_chunks::<PIXELS>();
        for (now, then) in now.iter().zip(then) {
            let difference = patch::difference(now, then);
            changed += difference.changed;
            sum += u32::from(difference.sum);
            spare.push(difference.sum);
        }
        let (_, quarter, _) = spare.select_nth_unstable(CELLS / 4);
        // Both frames are noisy: the mean difference of normal noise is 2 / √π of its deviation.
        // Of the mean of 64 of them, the lower quartile is 0.936.
        let noise = f32::from(*quarter) / PIXELS as f32 / 0.936 / 1.128;
        let factor = Scale::new(self.origin.3).factor;
        let pixels = (CELLS * PIXELS) as f32;
        Some(Difference {
            share: changed as f32 / pixels,
            mean: sum as f32 / pixels * factor,
            noise: noise * factor,
        })
    }
}

/// Luma as it is stored, and as 0 to 255.
struct Scale {
    black: f32,
    factor: f32,
}

impl Scale {
    fn new(limited: bool) -> Self {
        match limited {
            true => Self {
                black: 16.0,
                factor: 255.0 / 219.0,
            },
            false => Self {
                black: 0.0,
                factor: 1.0,
            },
        }
    }

    fn full(&self, stored: f32) -> f32 {
        ((stored - self.black) * self.factor).clamp(0.0, 255.0)
    }

    fn stored(&self, full: f32) -> u8 {
        (full / self.factor + self.black).round() as u8
    }
}

/// Sums of colours, as they come: red, green, blue and chroma, or the two chromas.
#[derive(Default)]
struct Colours {
    sums: [u64; 4],
    count: u64,
}

impl Colours {
    fn of_planes(&mut self, picture: &Picture, chroma: Chroma) {
        let luma = picture.region.width * picture.region.height;
        let Region { width, height, .. } = chroma.region(picture.region);
        let (first, second) = picture.pixels[luma..].split_at(width * height);
        for row in 0..GRID {
            for column in 0..GRID {
                let at =
                    row * (height - 1) / (GRID - 1) * width + column * (width - 1) / (GRID - 1);
                let (cb, cr) = (u64::from(first[at]), u64::from(second[at]));
                let values = [cb, cr, cb.abs_diff(128), cr.abs_diff(128)];
                self.sums.iter_mut().zip(values).for_each(|(s, v)| *s += v);
                self.count += 1;
            }
        }
    }

    fn means(&self) -> Option<[f32; 4]> {
        let count = self.count as f32;
        (self.count > 0).then(|| self.sums.map(|sum| sum as f32 / count))
    }

    fn rgb(&self) -> Option<Colour> {
        self.means().map(|[red, green, blue, chroma]| Colour {
            red,
            green,
            blue,
            chroma,
        })
    }

    /// By BT.601 whatever the picture says: only how colours change matters.
    fn yuv(&self, luma: f32, limited: bool) -> Option<Colour> {
        let factor = if limited { 255.0 / 224.0 } else { 1.0 };
        self.means().map(|[cb, cr, far_cb, far_cr]| {
            let (cb, cr) = ((cb - 128.0) * factor, (cr - 128.0) * factor);
            Colour {
                red: luma + 1.402 * cr,
                green: luma - 0.344 * cb - 0.714 * cr,
                blue: luma + 1.772 * cb,
                chroma: (1.772 * far_cb + 1.402 * far_cr) * factor,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CELLS, PictureSummary};
    use crate::pipeline::capture::Matrix;
    use crate::pipeline::decode::{Chroma, Picture, Samples};

    /// A picture of `width` x `height` whose pixels are `rgb`.
    fn picture(width: usize, height: usize, rgb: impl Fn(usize, usize) -> [u8; 3]) -> Picture {
        let mut picture = Picture::default();
        picture.set_whole(width, height);
        picture.eighths = 8;
        let places = (0..width * height).map(|at| (at % width, at / width));
        picture.pixels = places.flat_map(|(x, y)| rgb(x, y)).collect();
        picture
    }

    fn summary(picture: &Picture) -> PictureSummary {
        let mut summary = PictureSummary::default();
        summary.measure(picture);
        summary
    }

    #[test]
    fn numbers_are_those_of_the_definition() {
        // Columns of 40 and 200, each two pixels wide: at half size they alternate, so that
        // the Laplacian is 2 * 160 everywhere.
        let stripes = summary(&picture(256, 256, |x, _| {
            [if x / 2 % 2 == 0 { 40 } else { 200 }; 3]
        }));
        assert_eq!(stripes.brightness(), 120.0);
        assert_eq!(stripes.contrast(), 80.0);
        assert_eq!(stripes.detail(), 320.0);
        assert_eq!(stripes.lit_share(), 0.5);
        assert_eq!(stripes.cell_ranges(), [160.0; CELLS]);
        let colour = stripes.colour().unwrap();
        assert_eq!([colour.red, colour.green, colour.blue], [120.0; 3]);
        assert_eq!(colour.chroma, 0.0);
        let red = summary(&picture(64, 48, |_, _| [200, 100, 60]));
        // Luma is (200 + 2 * 100 + 60) / 4.
        assert_eq!(red.brightness(), 115.0);
        assert_eq!(red.colour().unwrap().chroma, 85.0 + 55.0);
        assert_eq!((red.contrast(), red.detail()), (0.0, 0.0));
        assert_eq!(
            summary(&picture(64, 48, |_, _| [255; 3])).bright_share(),
            1.0
        );
        assert!(!summary(&picture(64, 7, |_, _| [9; 3])).is_measured());
    }

    #[test]
    fn planes_of_video_range_give_what_colours_give() {
        let mut planes = picture(64, 64, |_, _| [0; 3]);
        planes.samples = Samples::Yuv(Chroma {
            across: 2,
            down: 2,
            full_range: false,
            matrix: Matrix::Bt601,
        });
        // BT.601 of (255, 0, 0) is 81, 90, 240; stored 16 is black, 235 white.
        planes.pixels = [vec![81; 4096], vec![90; 1024], vec![240; 1024]].concat();
        let colour = summary(&planes).colour().unwrap();
        let near =
            |found: f32, expected: f32| assert!((found - expected).abs() < 2.0, "{colour:?}");
        near(colour.red, 255.0);
        near(colour.green, 0.0);
        near(colour.blue, 0.0);
        planes.pixels[..4096].fill(235);
        assert_eq!(summary(&planes).brightness(), 255.0);
        assert_eq!(summary(&planes).bright_share(), 1.0);
    }

    #[test]
    fn noise_is_told_from_what_moves() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut noisy = |moved: usize| {
            let mut shown = picture(320, 240, |x, y| {
                let bright = x < moved && y < 240;
                [if bright {
                    220
                } else {
                    60 + (x / 8 % 2 * 40) as u8
                }; 3]
            });
            for pixel in shown.pixels.as_chunks_mut::<3>().0 {
                // Uniform over 0 to 6: a variance of (7² - 1) / 12 = 4.
                let noise = random.u8(0..7);
                *pixel = pixel.map(|v| v + noise);
            }
            summary(&shown)
        };
        let (first, second, moved) = (noisy(0), noisy(0), noisy(160));
        let mut spare = Vec::new();
        let still = second.difference(&first, &mut spare).unwrap();
        assert!((still.noise - 2.0).abs() < 0.15, "{still:?}");
        assert!((still.share - 6.0 / 7.0).abs() < 0.01, "{still:?}");
        let half = moved.difference(&second, &mut spare).unwrap();
        assert!((half.noise - 2.0).abs() < 0.3, "{half:?}");
        assert!(half.mean > 50.0, "{half:?}");
        let same = second.difference(&second, &mut spare).unwrap();
        assert_eq!((same.share, same.mean, same.noise), (0.0, 0.0, 0.0));
        let small = summary(&picture(64, 48, |_, _| [9; 3]));
        assert_eq!(small.difference(&first, &mut spare), None);
    }
}
