//! Formats whose header, or whose blocks, say where the image ends: BMP, WebP, GIF, TIFF,
//! binary PNM and PAM.

use super::{Length, Malformed, pnm, tiff_file};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sized {
    Bmp,
    Webp,
    Pnm,
    Pam,
    Gif,
    Tiff,
}

impl Sized {
    /// The format that starts at the first byte.
    pub(super) fn at_start(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'B', b'M', ..] => Some(Self::Bmp),
            [b'P', b'4'..=b'6', space, ..] if space.is_ascii_whitespace() => Some(Self::Pnm),
            [b'P', b'7', b'\n', ..] => Some(Self::Pam),
            [b'G', b'I', b'F', b'8', ..] => Some(Self::Gif),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            _ if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => {
                Some(Self::Webp)
            }
            _ => None,
        }
    }

    /// How far the image goes that `bytes` begin with.
    pub(super) fn measure(self, bytes: &[u8]) -> Result<Length, Malformed> {
        match self {
            Self::Bmp => Ok(bmp(bytes)),
            Self::Webp => {
                // The size counts what follows it, and is padded to a whole word (RFC 9649).
                let size = number(bytes, 4, 4);
                let known = size.map(|size| Length::Known(size.saturating_add(8 + size % 2)));
                Ok(known.unwrap_or(Length::AtLeast(8)))
            }
            Self::Pnm => pnm::binary(bytes),
            Self::Pam => pnm::arbitrary(bytes),
            Self::Gif => gif(bytes),
            Self::Tiff => Ok(tiff_file::measure(bytes).unwrap_or_else(|missing| missing)),
        }
    }
}

/// Little-endian, of up to four bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let digits = bytes.get(at..at + width)?;
    let value = digits.iter().rev();
    Some(value.fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

/// Length of a BMP file. Its size field is believed unless it is less than the pixels take:
/// writers that do not know the size leave it 0.
fn bmp(bytes: &[u8]) -> Length {
    let field = |at, width| number(bytes, at, width);
    let read = || {
        let (stated, pixels, header) = (field(2, 4)?, field(10, 4)?, field(14, 4)?);
        // The oldest header has sizes of two bytes, and no compression.
        let (width, height, depth, packed) = if header == 12 {
            (field(18, 2)?, field(20, 2)?, field(24, 2)?, None)
        } else {
            // Rows from the top down have a negative height.
            let height = (field(22, 4)? as u32).cast_signed().unsigned_abs() as usize;
            let is_packed = !matches!(field(30, 4)?, 0 | 3 | 6);
            let packed = is_packed.then_some(field(34, 4)?);
            (field(18, 4)?, height, field(28, 2)?, packed)
        };
        let row = width.saturating_mul(depth).div_ceil(32).saturating_mul(4);
        let size = packed.unwrap_or_else(|| row.saturating_mul(height));
        // Version 5 may have a colour profile behind the pixels.
        let profile = if header == 124 {
            (14 + field(126, 4)?).saturating_add(field(130, 4)?)
        } else {
            0
        };
        let pixels = pixels.max(14 + header).saturating_add(size);
        Some(stated.max(pixels).max(profile))
    };
    match read() {
        Some(length) => Length::Known(length),
        None => Length::AtLeast(bytes.len() + 1),
    }
}

/// Length of a GIF file: a header, then blocks of sub-blocks up to the trailer (GIF89a),
/// which some writers leave out.
fn gif(bytes: &[u8]) -> Result<Length, Malformed> {
    let table = |flags: u8| {
        if flags & 0x80 != 0 {
            3 << ((flags & 7) + 1)
        } else {
            0
        }
    };
    let Some(flags) = bytes.get(10) else {
        return Ok(Length::AtLeast(11));
    };
    let mut at = 13 + table(*flags);
    let mut has_image = false;
    loop {
        let blocks = match bytes.get(at) {
            None => return Ok(Length::AtLeast(at + 1)),
            Some(0x3b) => return Ok(Length::Known(at + 1)),
            Some(0x21) => at + 2,
            Some(0x2c) => match bytes.get(at + 9) {
                Some(flags) => {
                    has_image = true;
                    at + 11 + table(*flags)
                }
                None => return Ok(Length::AtLeast(at + 10)),
            },
            Some(_) if has_image => return Ok(Length::Known(at)),
            Some(_) => return Err(Malformed),
        };
        at = blocks;
        loop {
            match bytes.get(at) {
                None => return Ok(Length::AtLeast(at + 1)),
                Some(0) => break,
                Some(length) => at += 1 + usize::from(*length),
            }
        }
        at += 1;
    }
}
