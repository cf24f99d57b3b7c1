//! What decoding gives: a picture, or the part of it that the later stages need.

use crate::ffi::turbojpeg::scaled;
use crate::pipeline::capture::Matrix;
use crate::region::Region;

/// A decoded picture, or the region of it that is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels of the whole picture, upright.
    pub width: usize,
    /// Height in pixels of the whole picture, upright.
    pub height: usize,
    /// What `pixels` hold of it, in the scaled picture's coordinates.
    pub region: Region,
    /// Eighths of the full size at which `pixels` stand: 8 is full size.
    pub eighths: usize,
    /// How `pixels` are laid out.
    pub samples: Samples,
    /// 8 bits per value, row after row.
    pub pixels: Vec<u8>,
}

/// What the values of a picture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// Red, green, blue of each pixel.
    #[default]
    Rgb,
    /// Luma, 0 to 255.
    Luma,
    /// A plane of luma, one of Cb, one of Cr, as the camera gave them.
    Yuv(Chroma),
}

/// How chroma accompanies luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chroma {
    /// Pixels per chroma sample in a row, 1 or 2.
    pub across: usize,
    /// Rows per chroma row, 1 or 2.
    pub down: usize,
    /// Whether luma uses all of 0 to 255 instead of 16 to 235.
    pub full_range: bool,
    /// Which colours they mean.
    pub matrix: Matrix,
}

impl Chroma {
    /// The chroma samples that belong to a region of the picture.
    pub fn region(&self, luma: Region) -> Region {
        let (x, y) = (luma.x / self.across, luma.y / self.down);
        Region {
            x,
            y,
            width: (luma.x + luma.width).div_ceil(self.across) - x,
            height: (luma.y + luma.height).div_ceil(self.down) - y,
        }
    }
}

/// What the later stages need of a picture of a given size.
pub trait Need {
    /// The region of a `width` x `height` picture that is looked at.
    fn region(&self, width: usize, height: usize) -> Region;

    /// The smallest scale, in eighths, at which the picture may be decoded.
    fn eighths(&self, width: usize, height: usize) -> usize;
}

/// Every pixel, at its full size.
pub(crate) struct Whole;

impl Need for Whole {
    fn region(&self, width: usize, height: usize) -> Region {
        Region {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    fn eighths(&self, _: usize, _: usize) -> usize {
        8
    }
}

impl Picture {
    /// Width and height in pixels at the scale at which it was decoded.
    pub(crate) fn scaled_size(&self) -> (usize, usize) {
        (
            scaled(self.width, self.eighths),
            scaled(self.height, self.eighths),
        )
    }

    /// Gives back the memory of an unusually large picture: the next ones will be smaller.
    pub(crate) fn let_go(&mut self) {
        /// Bytes that are kept for the next picture: more than 8 megapixels of RGB.
        const KEPT: usize = 32 << 20;
        if self.pixels.capacity() > KEPT {
            self.pixels = Vec::new();
        }
    }

    /// Declares the picture whole, of this size, in RGB.
    pub(crate) fn set_whole(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.region = Region {
            x: 0,
            y: 0,
            width,
            height,
        };
        self.samples = Samples::Rgb;
    }
}

/// Luma in place: of colours by PIL's fixed-point form of ITU-R 601-2, of planes the first,
/// stretched to 0 to 255.
pub(crate) fn to_luma(picture: &mut Picture) {
    let count = picture.region.width * picture.region.height;
    match picture.samples {
        Samples::Rgb => {
            for at in 0..count {
                let [r, g, b] = [0, 1, 2].map(|c| u32::from(picture.pixels[3 * at + c]));
                picture.pixels[at] = ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8;
            }
        }
        Samples::Yuv(chroma) if !chroma.full_range => {
            let stretched: [u8; 256] = std::array::from_fn(|luma| {
                ((luma as f64 - 16.0) * 255.0 / 219.0)
                    .round()
                    .clamp(0.0, 255.0) as u8
            });
            for value in &mut picture.pixels[..count] {
                *value = stretched[usize::from(*value)];
            }
        }
        Samples::Luma | Samples::Yuv(_) => {}
    }
    picture.pixels.truncate(count);
    picture.samples = Samples::Luma;
}

/// CMYK, 255 being full ink, to RGB as PIL does it, which rounds `white * ink / 255` as
/// below.
pub(crate) fn cmyk_to_rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let white = 255 - u32::from(k);
    [c, m, y].map(|ink| {
        let product = u32::from(ink) * white + 128;
        let absorbed = (product + (product >> 8)) >> 8;
        (white - absorbed) as u8
    })
}
