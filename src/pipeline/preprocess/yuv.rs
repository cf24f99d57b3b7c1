//! Colours from luma and chroma, by ITU-R BT.601 in 16-bit fixed point.

use pulp::{Arch, NullaryFnOnce};

use super::resample::PADDED;

/// Planes of one size to pixels of red, green, blue and one value that does not count.
pub(super) fn to_rgb(arch: Arch, planes: [&[u8]; 3], full_range: bool, out: &mut Vec<u8>) {
    out.resize(planes[0].len() * PADDED, 0);
    arch.dispatch(Convert {
        planes,
        range: Range::new(full_range),
        out,
    });
}

/// A struct, so that the loop is compiled for the processor at hand.
struct Convert<'a> {
    planes: [&'a [u8]; 3],
    range: Range,
    out: &'a mut [u8],
}

impl NullaryFnOnce for Convert<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (out, _) = self.out.as_chunks_mut::<PADDED>();
        let [luma, cb, cr] = self.planes.map(|plane| &plane[..out.len()]);
        for at in 0..out.len() {
            let [r, g, b] = self.range.rgb(luma[at], cb[at], cr[at]);
            out[at] = [r, g, b, 0];
        }
    }
}

#[derive(Clone, Copy)]
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
