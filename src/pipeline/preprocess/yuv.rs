//! Colours from luma and chroma, by the ITU's recommendations, in 16-bit fixed point.

use pulp::{Arch, NullaryFnOnce};

use super::resample::CHANNELS;
use crate::pipeline::capture::Matrix;
use crate::pipeline::decode::Chroma;

/// Planes of one size to pixels of red, green, blue.
pub(super) fn to_rgb(arch: Arch, planes: [&[u8]; 3], chroma: Chroma, out: &mut Vec<u8>) {
    out.resize(planes[0].len() * CHANNELS, 0);
    arch.dispatch(Convert {
        planes,
        colours: Colours::new(chroma.matrix, chroma.full_range),
        out,
    });
}

/// A struct, so that the loop is compiled for the processor at hand.
struct Convert<'a> {
    planes: [&'a [u8]; 3],
    colours: Colours,
    out: &'a mut [u8],
}

impl NullaryFnOnce for Convert<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (out, _) = self.out.as_chunks_mut::<CHANNELS>();
        let [luma, cb, cr] = self.planes.map(|plane| &plane[..out.len()]);
        for at in 0..out.len() {
            let [r, g, b] = self.colours.rgb(luma[at], cb[at], cr[at]);
            out[at] = [r, g, b];
        }
    }
}

#[derive(Clone, Copy)]
struct Colours {
    black: i32,
    luma: i32,
    red: i32,
    green: (i32, i32),
    blue: i32,
}

impl Colours {
    fn new(matrix: Matrix, full: bool) -> Self {
        let fixed = |v: f64| (v * 65536.0).round() as i32;
        // The shares of red and blue in luma.
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        let kg = 1.0 - kr - kb;
        let (red, blue) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
        // Video range has 219 steps of luma and 224 of chroma.
        let (black, luma, chroma) = if full {
            (0, 1.0, 1.0)
        } else {
            (16, 255.0 / 219.0, 255.0 / 224.0)
        };
        Self {
            black,
            luma: fixed(luma),
            red: fixed(red * chroma),
            green: (
                fixed(-blue * kb / kg * chroma),
                fixed(-red * kr / kg * chroma),
            ),
            blue: fixed(blue * chroma),
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
    use super::Colours;
    use crate::pipeline::capture::Matrix::{self, Bt601, Bt709, Bt2020};

    /// Reference values: the recommendations computed in double precision and rounded.
    #[test]
    fn colours_are_those_of_the_recommendations() {
        let cases: [(Matrix, bool, [u8; 3], [u8; 3]); 14] = [
            (Bt601, false, [16, 128, 128], [0, 0, 0]),
            (Bt601, false, [235, 128, 128], [255, 255, 255]),
            (Bt601, false, [81, 90, 240], [254, 0, 0]),
            (Bt601, false, [145, 54, 34], [0, 255, 1]),
            (Bt601, false, [41, 240, 110], [0, 0, 255]),
            (Bt601, true, [76, 85, 255], [254, 0, 0]),
            (Bt601, true, [0, 128, 128], [0, 0, 0]),
            (Bt709, false, [92, 105, 190], [200, 60, 40]),
            (Bt709, false, [235, 128, 128], [255, 255, 255]),
            (Bt709, false, [63, 102, 240], [255, 1, 0]),
            (Bt709, true, [88, 102, 199], [200, 60, 40]),
            (Bt2020, false, [98, 102, 190], [200, 60, 40]),
            (Bt2020, false, [74, 97, 240], [255, 0, 1]),
            (Bt2020, true, [96, 98, 199], [201, 60, 40]),
        ];
        for (matrix, full, [y, cb, cr], expected) in cases {
            let rgb = Colours::new(matrix, full).rgb(y, cb, cr);
            assert_eq!(rgb, expected, "{matrix:?} {y} {cb} {cr} full={full}");
        }
    }
}
