//! Raw pixels to RGB. Luma and chroma follow ITU-R BT.601, which cameras and FFmpeg use
//! unless they say otherwise; only the region that is needed is converted.

use super::{Need, Picture, Refusal};
use crate::pipeline::capture::{PixelFormat, RawFormat};

/// Converts the needed region of a frame.
pub fn decode(
    bytes: &[u8],
    format: RawFormat,
    need: &dyn Need,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    let (width, height) = (format.width, format.height);
    if format.frame_bytes() != Some(bytes.len()) {
        return Err(format!(
            "{} bytes for a {width}x{height} {:?} frame",
            bytes.len(),
            format.pixels
        )
        .into());
    }
    picture.set_whole(width, height);
    picture.region = need.region(width, height);
    let region = picture.region;
    picture.pixels.resize(region.width * region.height * 3, 0);
    let columns = region.x..region.x + region.width;
    let rows = picture
        .pixels
        .chunks_exact_mut(region.width * 3)
        .enumerate();
    let range = Range::new(format.full_range);
    let planes = Planes {
        bytes,
        width,
        height,
    };
    for (row, out) in rows {
        let y = region.y + row;
        match format.pixels {
            PixelFormat::Rgb24 => out.copy_from_slice(planes.packed(y, &columns)),
            PixelFormat::Bgr24 => {
                for (to, from) in out
                    .chunks_exact_mut(3)
                    .zip(planes.packed(y, &columns).chunks_exact(3))
                {
                    to.copy_from_slice(&[from[2], from[1], from[0]]);
                }
            }
            PixelFormat::Gray8 => {
                let luma = &bytes[y * width..][columns.clone()];
                for (to, from) in out.chunks_exact_mut(3).zip(luma) {
                    to.fill(*from);
                }
            }
            _ => {
                for (to, x) in out.chunks_exact_mut(3).zip(columns.clone()) {
                    let (luma, cb, cr) = planes.yuv(format.pixels, x, y);
                    to.copy_from_slice(&range.rgb(luma, cb, cr));
                }
            }
        }
    }
    Ok(())
}

/// A frame's bytes, addressed by pixel.
struct Planes<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
}

impl Planes<'_> {
    /// Three bytes per pixel of row `y`.
    fn packed(&self, y: usize, columns: &std::ops::Range<usize>) -> &[u8] {
        let start = y * self.width;
        &self.bytes[(start + columns.start) * 3..(start + columns.end) * 3]
    }

    /// Luma and the two chromas of a pixel; chroma is repeated, not interpolated.
    #[inline(always)]
    fn yuv(&self, pixels: PixelFormat, x: usize, y: usize) -> (u8, u8, u8) {
        let (bytes, width, height) = (self.bytes, self.width, self.height);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let luma = width * height;
        if pixels == PixelFormat::Yuyv {
            let pair = (y * half_width + x / 2) * 4;
            return (bytes[pair + 2 * (x % 2)], bytes[pair + 1], bytes[pair + 3]);
        }
        let (cb, cr) = match pixels {
            PixelFormat::Nv12 => {
                let at = luma + (y / 2 * half_width + x / 2) * 2;
                (at, at + 1)
            }
            PixelFormat::Yuv420p => {
                let at = luma + y / 2 * half_width + x / 2;
                (at, at + half_width * half_height)
            }
            PixelFormat::Yuv422p => {
                let at = luma + y * half_width + x / 2;
                (at, at + half_width * height)
            }
            _ => {
                let at = luma + y * width + x;
                (at, at + luma)
            }
        };
        (bytes[y * width + x], bytes[cb], bytes[cr])
    }
}

/// BT.601 in 16-bit fixed point.
struct Range {
    black: i32,
    luma: i32,
    red: i32,
    green: (i32, i32),
    blue: i32,
}

impl Range {
    fn new(full: bool) -> Self {
        let fixed = |v: f64| (v * 65536.0).round() as i32;
        // Kr = 0.299, Kb = 0.114; video range has 219 steps of luma and 224 of chroma.
        let (black, luma, chroma) = if full {
            (0, 1.0, 1.0)
        } else {
            (16, 255.0 / 219.0, 255.0 / 224.0)
        };
        Self {
            black,
            luma: fixed(luma),
            red: fixed(1.402 * chroma),
            green: (fixed(-0.344_136 * chroma), fixed(-0.714_136 * chroma)),
            blue: fixed(1.772 * chroma),
        }
    }

    #[inline(always)]
    fn rgb(&self, luma: u8, cb: u8, cr: u8) -> [u8; 3] {
        let y = (i32::from(luma) - self.black) * self.luma + 0x8000;
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        let channel = |v: i32| (v >> 16).clamp(0, 255) as u8;
        [
            channel(y + cr * self.red),
            channel(y + cb * self.green.0 + cr * self.green.1),
            channel(y + cb * self.blue),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    /// Reference values: ITU-R BT.601 computed in double precision and rounded.
    #[test]
    fn colours_are_those_of_bt601() {
        let cases = [
            (false, [16, 128, 128], [0, 0, 0]),
            (false, [235, 128, 128], [255, 255, 255]),
            (false, [81, 90, 240], [254, 0, 0]),
            (false, [145, 54, 34], [0, 255, 1]),
            (false, [41, 240, 110], [0, 0, 255]),
            (true, [76, 85, 255], [254, 0, 0]),
            (true, [0, 128, 128], [0, 0, 0]),
        ];
        for (full, [y, cb, cr], expected) in cases {
            let rgb = Range::new(full).rgb(y, cb, cr);
            assert_eq!(rgb, expected, "{y} {cb} {cr} full={full}");
        }
    }
}
