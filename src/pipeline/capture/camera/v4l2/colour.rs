//! Which colours a camera's luma and chroma mean, by what its driver says of the format that
//! was agreed on. Where it leaves something open, Linux's rules say what that means
//! (`V4L2_MAP_YCBCR_ENC_DEFAULT` and `V4L2_MAP_QUANTIZATION_DEFAULT` in `linux/videodev2.h`).

use v4l::format::{Colorspace, Format, Quantization};

use crate::pipeline::capture::Matrix;

/// Whether luma uses all of 0 to 255.
pub(super) fn full_range(format: &Format) -> bool {
    match format.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => format.colorspace as u32 == Colorspace::JPEG as u32,
    }
}

/// The matrix that `enum v4l2_ycbcr_encoding` and the colour space name; and what it
/// stands for, if it is only the next best.
pub(super) fn matrix(encoding: u32, colorspace: u32) -> (Matrix, Option<&'static str>) {
    const SMPTE_240M: Option<&str> = Some("SMPTE 240M");
    match encoding {
        1 | 3 | 5 => (Matrix::Bt601, None),
        2 | 4 => (Matrix::Bt709, None),
        6 => (Matrix::Bt2020, None),
        7 => (Matrix::Bt2020, Some("BT.2020 with constant luminance")),
        8 => (Matrix::Bt709, SMPTE_240M),
        _ => match colorspace {
            c if c == Colorspace::Rec709 as u32 || c == Colorspace::DCIP3 as u32 => {
                (Matrix::Bt709, None)
            }
            c if c == Colorspace::Rec2020 as u32 => (Matrix::Bt2020, None),
            c if c == Colorspace::SMPTE240M as u32 => (Matrix::Bt709, SMPTE_240M),
            _ => (Matrix::Bt601, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::matrix;
    use crate::pipeline::capture::Matrix::{Bt601, Bt709, Bt2020};

    /// Encodings and colour spaces by their numbers in `linux/videodev2.h`.
    #[test]
    fn a_named_encoding_counts_before_the_colour_space() {
        let cases = [
            ("default, default", (0, 0), Bt601),
            ("default, SMPTE 170M", (0, 1), Bt601),
            ("default, Rec. 709", (0, 3), Bt709),
            ("default, JPEG", (0, 7), Bt601),
            ("default, sRGB, as webcams say", (0, 8), Bt601),
            ("default, BT.2020", (0, 10), Bt2020),
            ("default, DCI-P3", (0, 12), Bt709),
            ("601, Rec. 709", (1, 3), Bt601),
            ("709, sRGB", (2, 8), Bt709),
            ("xvYCC 709, Rec. 709", (4, 3), Bt709),
            ("BT.2020, default", (6, 0), Bt2020),
        ];
        for (name, (encoding, colorspace), expected) in cases {
            assert_eq!(matrix(encoding, colorspace), (expected, None), "{name}");
        }
        assert_eq!(matrix(0, 2), (Bt709, Some("SMPTE 240M")));
    }
}
