//! Plain BMPs: 8 bits with a palette, 16, 24 and 32 bits, not packed. All others, and what is
//! odd about these, is `image`'s, which reads each pixel's bytes one by one and so takes five
//! times as long as PIL, and rounds where PIL cuts off.

use super::limits::{Refusal, check_size};
use super::picture::Picture;

/// The sides that `image` allows.
const LARGEST: usize = 0xffff;

/// Where red, green and blue stand in 32 or 16 bits, where the file may choose.
const USUAL: [Option<u32>; 3] = [Some(0xff_0000), Some(0xff00), Some(0xff)];
const SIXTEEN: [Option<u32>; 3] = [Some(0xf800), Some(0x7e0), Some(0x1f)];
const FIFTEEN: [Option<u32>; 3] = [Some(0x7c00), Some(0x3e0), Some(0x1f)];

/// How the pixels of a plain BMP are stored.
struct Plain<'a> {
    width: usize,
    height: usize,
    /// Whether the first row is the topmost.
    top_down: bool,
    colors: Colors<'a>,
    /// The rows and what follows them.
    data: &'a [u8],
}

/// What the bytes of a pixel mean.
enum Colors<'a> {
    /// An index of these colours: blue, green, red and a byte without a meaning.
    Palette(&'a [u8]),
    /// Five, five or six, and five bits of red, green and blue in a number of 16.
    Sixteen { green_bits: u32 },
    /// Blue, green, red.
    Three,
    /// Blue, green, red, and alpha or nothing.
    Four,
}

/// Decodes a plain file; `None` where it is of another kind.
pub(crate) fn decode(
    bytes: &[u8],
    max_pixels: usize,
    picture: &mut Picture,
) -> Option<Result<(), Refusal>> {
    let plain = Plain::read(bytes)?;
    Some(plain.decode(max_pixels, picture))
}

impl<'a> Plain<'a> {
    /// Reads the header (BITMAPINFOHEADER and those that begin as it does).
    fn read(bytes: &'a [u8]) -> Option<Self> {
        /// Bytes of the file's header, and with it of the smallest picture's.
        const FILE: usize = 14;
        const SMALLEST: usize = FILE + 40;
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        if !bytes.starts_with(b"BM") || ![40, 52, 56, 64, 108, 124].contains(&number(FILE)?) {
            return None;
        }
        let header = FILE + number(FILE)? as usize;
        let width = usize::try_from(number(18)? as i32).ok()?;
        let height = number(22)? as i32;
        // One plane, in the lower half.
        let (planes, packing) = (number(26)?, number(30)?);
        let masks = [SMALLEST, SMALLEST + 4, SMALLEST + 8].map(number);
        // Where the rows begin if the header does not say it: behind all that is before.
        let mut behind = if packing == 3 {
            header.max(SMALLEST + 12)
        } else {
            header
        };
        let colors = match (planes >> 16, packing) {
            (8, 0) => {
                let used = match number(46)? as usize {
                    0 => 256,
                    used @ 1..=256 => used,
                    _ => return None,
                };
                behind += 4 * used;
                Colors::Palette(bytes.get(header..behind)?)
            }
            (16, 0) => Colors::Sixteen { green_bits: 5 },
            (16, 3) if masks == FIFTEEN => Colors::Sixteen { green_bits: 5 },
            (16, 3) if masks == SIXTEEN => Colors::Sixteen { green_bits: 6 },
            (24, 0) => Colors::Three,
            (32, 0) => Colors::Four,
            (32, 3) if masks == USUAL => Colors::Four,
            _ => return None,
        };
        let size = (width, height.unsigned_abs() as usize);
        if planes & 0xffff != 1 || size.0.max(size.1) > LARGEST {
            return None;
        }
        let start = match number(10)? as usize {
            0 => behind,
            // Some writers forget that the palette comes before the rows.
            start if start == header && packing == 0 => behind,
            start => start,
        };
        Some(Self {
            width,
            height: size.1,
            top_down: height < 0,
            colors,
            data: bytes.get(start..).unwrap_or_default(),
        })
    }

    fn decode(&self, max_pixels: usize, picture: &mut Picture) -> Result<(), Refusal> {
        let (width, height) = (self.width, self.height);
        check_size(width, height, max_pixels)?;
        let used = width * self.colors.bytes();
        let stride = used.next_multiple_of(4);
        // The padding of the last row may be missing.
        let needed = (height - 1) * stride + used;
        if self.data.len() < needed {
            let found = self.data.len();
            let text = format!("its pixels take {needed} bytes, it has {found}");
            return Err(format!("the BMP is damaged: {text}").into());
        }
        let palette = self.colors.palette();
        picture.pixels.resize(width * height * 3, 0);
        for (y, to) in picture.pixels.chunks_exact_mut(width * 3).enumerate() {
            let row = if self.top_down { y } else { height - 1 - y };
            let from = &self.data[row * stride..row * stride + used];
            let (to, _) = to.as_chunks_mut::<3>();
            match self.colors {
                Colors::Palette(_) => {
                    for (to, index) in to.iter_mut().zip(from) {
                        *to = palette[usize::from(*index)];
                    }
                }
                Colors::Sixteen { green_bits } => {
                    for (to, pair) in to.iter_mut().zip(from.as_chunks().0) {
                        *to = of_sixteen(u16::from_le_bytes(*pair), green_bits);
                    }
                }
                Colors::Three => {
                    for (to, [b, g, r]) in to.iter_mut().zip(from.as_chunks().0) {
                        *to = [*r, *g, *b];
                    }
                }
                Colors::Four => {
                    for (to, [b, g, r, _]) in to.iter_mut().zip(from.as_chunks().0) {
                        *to = [*r, *g, *b];
                    }
                }
            }
        }
        picture.set_whole(width, height);
        Ok(())
    }
}

impl Colors<'_> {
    /// Bytes per pixel.
    fn bytes(&self) -> usize {
        match self {
            Self::Palette(_) => 1,
            Self::Sixteen { .. } => 2,
            Self::Three => 3,
            Self::Four => 4,
        }
    }

    /// 256 colours: those that the file leaves out are black.
    fn palette(&self) -> [[u8; 3]; 256] {
        let mut palette = [[0; 3]; 256];
        if let Self::Palette(colors) = self {
            for (entry, [b, g, r, _]) in palette.iter_mut().zip(colors.as_chunks().0) {
                *entry = [*r, *g, *b];
            }
        }
        palette
    }
}

/// Few bits stretched to eight, fractions cut off, as PIL does it.
fn of_sixteen(bits: u16, green_bits: u32) -> [u8; 3] {
    let part = |from: u32, count: u32| {
        let most = (1 << count) - 1;
        ((u32::from(bits) >> from & most) * 255 / most) as u8
    };
    [part(5 + green_bits, 5), part(5, green_bits), part(0, 5)]
}

#[cfg(test)]
mod tests {
    use super::{Picture, decode};

    /// A file: the fields that differ, what stands between header and rows, and the rows.
    fn file(height: i32, bits: u16, packing: u32, between: &[u8], rows: &[u8]) -> Vec<u8> {
        let start = 54 + between.len() as u32;
        let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(start.to_le_bytes());
        bytes.extend([40_u32, 2].map(u32::to_le_bytes).concat());
        bytes.extend(height.to_le_bytes());
        bytes.extend([1, bits].map(u16::to_le_bytes).concat());
        bytes.extend(packing.to_le_bytes());
        // Sizes and resolutions that nobody asks for; two colours; all matter.
        bytes.extend([0_u32, 0, 0, 2, 0].map(u32::to_le_bytes).concat());
        [&bytes, between, rows].concat()
    }

    fn pixels(file: &[u8]) -> Vec<u8> {
        let mut picture = Picture::default();
        assert!(matches!(decode(file, 4, &mut picture), Some(Ok(()))));
        assert_eq!((picture.width, picture.height), (2, 2));
        picture.pixels
    }

    fn masks(masks: [u32; 3]) -> Vec<u8> {
        masks.map(u32::to_le_bytes).concat()
    }

    /// Two rows of two pixels, numbered.
    const RGB: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    #[test]
    fn rows_come_from_below_or_from_above_with_padding() {
        let below = [9, 8, 7, 12, 11, 10, 0, 0, 3, 2, 1, 6, 5, 4, 0, 0];
        assert_eq!(pixels(&file(2, 24, 0, &[], &below)), RGB);
        let above = [3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10];
        assert_eq!(pixels(&file(-2, 24, 0, &[], &above)), RGB);
        let four = [3, 2, 1, 0, 6, 5, 4, 99, 9, 8, 7, 0, 12, 11, 10, 0];
        assert_eq!(pixels(&file(-2, 32, 0, &[], &four)), RGB);
        let usual = masks([0xff_0000, 0xff00, 0xff]);
        assert_eq!(pixels(&file(-2, 32, 3, &usual, &four)), RGB);
    }

    #[test]
    fn palettes_and_few_bits_become_colours() {
        let palette = [3, 2, 1, 0, 6, 5, 4, 0];
        let rows = [0, 1, 0, 0, 1, 2, 0, 0];
        let expected = [1, 2, 3, 4, 5, 6, 4, 5, 6, 0, 0, 0];
        let whole = file(-2, 8, 0, &palette, &rows);
        assert_eq!(pixels(&whole), expected);
        // The rows are said to begin where the palette does.
        let mut forgetful = whole;
        forgetful[10] = 54;
        assert_eq!(pixels(&forgetful), expected);
        forgetful[10] = 0;
        assert_eq!(pixels(&forgetful), expected);
        // 11 of 31 is 90.48 of 255, and 19 of 63 is 76.9.
        let values = |green: u32| [11 << (5 + green) | 19 << 5 | 31, 0, 0, 0].map(u16::to_le_bytes);
        let first = |packing, between: &[u8], green| {
            pixels(&file(-2, 16, packing, between, &values(green).concat()))[..3].to_vec()
        };
        assert_eq!(first(0, &[], 5), [90, 156, 255]);
        assert_eq!(first(3, &masks([0x7c00, 0x3e0, 0x1f]), 5), [90, 156, 255]);
        assert_eq!(first(3, &masks([0xf800, 0x7e0, 0x1f]), 6), [90, 76, 255]);
    }

    #[test]
    fn what_is_too_large_or_short_is_refused_and_other_kinds_are_left() {
        let rows = [0; 16];
        let refusal = |file: &[u8], max| match decode(file, max, &mut Picture::default()) {
            Some(Err(refusal)) => refusal.text,
            Some(Ok(())) => "none".into(),
            None => "another kind".into(),
        };
        assert!(refusal(&file(2, 24, 0, &[], &rows), 3).starts_with("the picture is 2x2"));
        assert!(refusal(&file(0, 24, 0, &[], &rows), 4).starts_with("the picture is 2x0"));
        assert_eq!(
            refusal(&file(2, 24, 0, &[], &rows[..13]), 4),
            "the BMP is damaged: its pixels take 14 bytes, it has 13"
        );
        let odd = masks([0xff, 0xff00, 0xff_0000]);
        for other in [
            file(2, 4, 0, &[], &rows),
            file(2, 8, 1, &[0; 8], &rows),
            file(2, 32, 3, &odd, &rows),
            file(i32::MIN, 24, 0, &[], &rows),
            b"GIF89a".to_vec(),
        ] {
            assert_eq!(refusal(&other, 4), "another kind");
        }
        let whole = file(2, 24, 0, &[], &rows);
        for end in 0..54 {
            assert_ne!(refusal(&whole[..end], 4), "none");
        }
    }
}
