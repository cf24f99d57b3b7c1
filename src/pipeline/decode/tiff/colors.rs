//! What the values of a TIFF mean, as RGB: PIL's rules, its odd ones included, because
//! models were trained on pictures that PIL read.

use super::layout::{Kind, Layout, Meaning};
use crate::pipeline::decode::picture::cmyk_to_rgb;

/// Makes RGB of the stored values.
pub(super) fn to_rgb(samples: Vec<u8>, layout: &Layout, pixels: &mut Vec<u8>) {
    if layout.is_rgb() {
        *pixels = samples;
        return;
    }
    pixels.clear();
    pixels.reserve(layout.width * layout.height * 3);
    let values = Values {
        samples: &samples,
        layout,
        row: layout.row_bytes(),
    };
    for y in 0..layout.height {
        for x in 0..layout.width {
            pixels.extend_from_slice(&values.color(x, y));
        }
    }
}

struct Values<'a> {
    samples: &'a [u8],
    layout: &'a Layout,
    /// Bytes of a row.
    row: usize,
}

impl Values<'_> {
    fn color(&self, x: usize, y: usize) -> [u8; 3] {
        let byte = |channel| self.high_byte(x, y, channel);
        match &self.layout.meaning {
            Meaning::Gray => [self.gray(x, y); 3],
            // Of larger greys PIL does not invert any.
            Meaning::Inverted if self.layout.bits > 8 => [self.gray(x, y); 3],
            Meaning::Inverted => [255 - self.gray(x, y); 3],
            Meaning::Palette(colors) => {
                let index = usize::from(self.small(x, y));
                colors.get(index).copied().unwrap_or_default()
            }
            Meaning::Rgb if self.layout.premultiplied => {
                let alpha = u32::from(byte(3));
                [0, 1, 2].map(|channel| match (alpha, byte(channel)) {
                    (0, _) => 0,
                    (_, value) => (u32::from(value) * 255 / alpha).min(255) as u8,
                })
            }
            Meaning::Rgb => [byte(0), byte(1), byte(2)],
            Meaning::Cmyk => cmyk_to_rgb([byte(0), byte(1), byte(2), byte(3)]),
            Meaning::Ycc => ycc_to_rgb([byte(0), byte(1), byte(2)]),
        }
    }

    /// A grey in 8 bits: few bits are stretched, many are cut off at 255.
    fn gray(&self, x: usize, y: usize) -> u8 {
        let Layout { bits, kind, .. } = self.layout;
        let at = y * self.row + x * bits / 8;
        match (bits, kind) {
            (1 | 2 | 4, _) => (u32::from(self.small(x, y)) * 255 / ((1 << bits) - 1)) as u8,
            (16, Kind::Signed) => i16::from_ne_bytes(self.bytes(at)).clamp(0, 255) as u8,
            (16, _) => u16::from_ne_bytes(self.bytes(at)).min(255) as u8,
            // The conversion cuts off at 0 and 255, too.
            (32, Kind::Float) => f32::from_ne_bytes(self.bytes(at)) as u8,
            (32, _) => i32::from_ne_bytes(self.bytes(at)).clamp(0, 255) as u8,
            _ => self.high_byte(x, y, 0),
        }
    }

    /// A value of at most 8 bits.
    fn small(&self, x: usize, y: usize) -> u8 {
        let bits = self.layout.bits;
        if bits == 8 {
            return self.high_byte(x, y, 0);
        }
        let bit = x * bits;
        let [byte] = self.bytes(y * self.row + bit / 8);
        (byte >> (8 - bits - bit % 8)) & ((1 << bits) - 1)
    }

    /// The upper 8 bits of a value of 8 or 16.
    fn high_byte(&self, x: usize, y: usize, channel: usize) -> u8 {
        let Layout {
            bits,
            channels,
            planar,
            height,
            ..
        } = self.layout;
        let (row, column) = if *planar {
            (channel * height + y, x)
        } else {
            (y, x * channels + channel)
        };
        let high = usize::from(*bits == 16 && cfg!(target_endian = "little"));
        let [byte] = self.bytes(row * self.row + column * (bits / 8) + high);
        byte
    }

    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|offset| self.samples.get(at + offset).copied().unwrap_or(0))
    }
}

/// Full-range YCbCr of ITU-R BT.601 to RGB.
fn ycc_to_rgb([luma, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (luma, cb, cr) = (
        f32::from(luma),
        f32::from(cb) - 128.0,
        f32::from(cr) - 128.0,
    );
    let rgb = [
        luma + 1.402 * cr,
        luma - 0.344_136 * cb - 0.714_136 * cr,
        luma + 1.772 * cb,
    ];
    // The conversion cuts off at 0 and 255.
    rgb.map(|value| value.round() as u8)
}
