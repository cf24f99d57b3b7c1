//! Formats whose header, or whose blocks, say where the image ends: BMP, WebP, binary PNM
//! and GIF.

use super::Progress;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sized {
    Bmp,
    Webp,
    Pnm,
    Gif,
}

impl Sized {
    /// The format that starts at the first byte.
    pub(super) fn at_start(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'B', b'M', size @ ..] if size.get(..4) != Some(&[0; 4]) => Some(Self::Bmp),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::Webp),
            [b'P', b'4'..=b'6', space, ..] if space.is_ascii_whitespace() => Some(Self::Pnm),
            [b'G', b'I', b'F', b'8', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// How far the image goes that `bytes` begin with.
    pub(super) fn measure(self, bytes: &[u8]) -> Progress {
        let length = match self {
            Self::Bmp => word(bytes, 2),
            // The size counts what follows it, and is padded to a whole word (RFC 9649).
            Self::Webp => word(bytes, 4).map(|size| size.saturating_add(8 + size % 2)),
            Self::Pnm => match pnm(bytes) {
                Ok(length) => length,
                Err(Malformed) => return Progress::Damaged(2),
            },
            Self::Gif => match gif(bytes) {
                Ok(length) => length,
                Err(Malformed) => return Progress::Damaged(2),
            },
        };
        match length {
            Some(length) if length <= bytes.len() => Progress::Complete(length),
            _ => Progress::More,
        }
    }
}

/// No such image can begin like this.
struct Malformed;

/// Little-endian.
fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
}

/// Length of a PNM file: its header is numbers between white space and comments.
fn pnm(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let bits = bytes.get(1) == Some(&b'4');
    let mut numbers = [0; 3];
    let wanted = if bits { 2 } else { 3 };
    let mut at = 2;
    for number in &mut numbers[..wanted] {
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'#' => match memchr::memchr(b'\n', &bytes[at..]) {
                    Some(end) => at += end,
                    None => return Ok(None),
                },
                space if space.is_ascii_whitespace() => at += 1,
                _ => break,
            }
        }
        let digits = bytes.get(at..).unwrap_or_default();
        let Some(count) = digits.iter().position(|byte| !byte.is_ascii_digit()) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&digits[..count]).map_err(|_| Malformed)?;
        *number = text.parse::<usize>().map_err(|_| Malformed)?;
        at += count;
    }
    let [width, height, most] = numbers;
    let channels = if bytes.get(1) == Some(&b'6') { 3 } else { 1 };
    let row = match (bits, most) {
        (true, _) => Some(width.div_ceil(8)),
        (false, 1..=255) => width.checked_mul(channels),
        (false, 256..=65535) => width.checked_mul(2 * channels),
        _ => None,
    };
    // One white space stands between the header and the pixels.
    let pixels = row.and_then(|row| row.checked_mul(height));
    let length = pixels.and_then(|pixels| pixels.checked_add(at + 1));
    length.map(Some).ok_or(Malformed)
}

/// Length of a GIF file: a header, then blocks of sub-blocks up to the trailer (GIF89a).
fn gif(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let table = |flags: u8| {
        if flags & 0x80 != 0 {
            3 << ((flags & 7) + 1)
        } else {
            0
        }
    };
    let Some(flags) = bytes.get(10) else {
        return Ok(None);
    };
    let mut at = 13 + table(*flags);
    loop {
        let blocks = match bytes.get(at) {
            None => return Ok(None),
            Some(0x3b) => return Ok(Some(at + 1)),
            Some(0x21) => at + 2,
            Some(0x2c) => match bytes.get(at + 9) {
                Some(flags) => at + 11 + table(*flags),
                None => return Ok(None),
            },
            Some(_) => return Err(Malformed),
        };
        at = blocks;
        loop {
            match bytes.get(at) {
                None => return Ok(None),
                Some(0) => break,
                Some(length) => at += 1 + usize::from(*length),
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Sized;
    use crate::pipeline::capture::split::Progress;

    fn golden(name: &str) -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn files_are_as_long_as_they_say() {
        for name in [
            "plain.bmp",
            "lossless.webp",
            "plain.pgm",
            "plain.ppm",
            "first.gif",
        ] {
            let mut bytes = golden(name);
            let length = bytes.len();
            bytes.extend_from_slice(b"the next one");
            let format = Sized::at_start(&bytes).unwrap();
            assert_eq!(format.measure(&bytes), Progress::Complete(length), "{name}");
            for cut in [0, 1, 5, 12, length / 2, length - 1] {
                assert_eq!(
                    format.measure(&bytes[..cut]),
                    Progress::More,
                    "{name} {cut}"
                );
            }
        }
    }

    #[test]
    fn headers_with_comments_bits_and_nonsense() {
        let complete = |text: &[u8]| Sized::Pnm.measure(text);
        assert_eq!(complete(b"P4 # bits\n9 2\nabcd"), Progress::Complete(18));
        assert_eq!(complete(b"P5\n2 1 65535\nabcdEF"), Progress::Complete(17));
        assert_eq!(complete(b"P5\n2 1 70000\nabcd"), Progress::Damaged(2));
        assert_eq!(complete(b"P6 x 1 255\n"), Progress::Damaged(2));
        assert_eq!(
            complete(b"P6 99999999999999999999 1 255\n"),
            Progress::Damaged(2)
        );
    }
}
