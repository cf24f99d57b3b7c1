//! The Netpbm formats: their headers say how many samples follow. In the binary ones and in
//! PAM samples have a fixed size; in the plain ones they are words, which have to be counted.

use super::{Length, Malformed, Progress};

/// Numbers of a header, behind white space and comments.
struct Header<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why there is no number.
enum Missing {
    /// The bytes end first.
    Bytes,
    /// Something else stands there.
    Number,
}

impl Header<'_> {
    fn number(&mut self) -> Result<usize, Missing> {
        loop {
            match self.bytes.get(self.at) {
                None => return Err(Missing::Bytes),
                Some(b'#') => match memchr::memchr(b'\n', &self.bytes[self.at..]) {
                    Some(end) => self.at += end,
                    None => return Err(Missing::Bytes),
                },
                Some(space) if space.is_ascii_whitespace() => self.at += 1,
                Some(_) => break,
            }
        }
        let digits = &self.bytes[self.at..];
        let count = digits.iter().position(|byte| !byte.is_ascii_digit());
        let count = count.ok_or(Missing::Bytes)?;
        let text = std::str::from_utf8(&digits[..count]).map_err(|_| Missing::Number)?;
        self.at += count;
        text.parse().map_err(|_| Missing::Number)
    }
}

/// Bytes of `samples` samples up to `most`; `None` if there can be none like that.
fn bytes_of(samples: Option<usize>, most: usize) -> Option<usize> {
    match most {
        1..=255 => samples,
        256..=65535 => samples?.checked_mul(2),
        _ => None,
    }
}

/// Length of a binary file, `P4` to `P6`.
pub(super) fn binary(bytes: &[u8]) -> Result<Length, Malformed> {
    let kind = bytes.get(1).copied().unwrap_or_default();
    let mut header = Header { bytes, at: 2 };
    let mut read = || {
        let (width, height) = (header.number()?, header.number()?);
        let most = if kind == b'4' { 1 } else { header.number()? };
        Ok((width, height, most))
    };
    let (width, height, most) = match read() {
        Ok(numbers) => numbers,
        Err(Missing::Bytes) => return Ok(Length::AtLeast(bytes.len() + 1)),
        Err(Missing::Number) => return Err(Malformed),
    };
    let row = match kind {
        b'4' => Some(width.div_ceil(8)),
        b'5' => bytes_of(Some(width), most),
        _ => bytes_of(width.checked_mul(3), most),
    };
    let pixels = row.and_then(|row| row.checked_mul(height));
    // One white space stands between the header and the pixels.
    let length = pixels.and_then(|pixels| pixels.checked_add(header.at + 1));
    length.map(Length::Known).ok_or(Malformed)
}

/// Length of a PAM file, `P7`: lines of a name and a value up to `ENDHDR`.
pub(super) fn arbitrary(bytes: &[u8]) -> Result<Length, Malformed> {
    /// Longer headers are none.
    const LONGEST: usize = 64 * 1024;
    let (mut samples, mut most, mut at) = (Some(1_usize), 0, 0);
    loop {
        let Some(end) = memchr::memchr(b'\n', &bytes[at..]) else {
            let is_endless = bytes.len() > LONGEST;
            return if is_endless {
                Err(Malformed)
            } else {
                Ok(Length::AtLeast(bytes.len() + 1))
            };
        };
        let line = std::str::from_utf8(&bytes[at..at + end]).map_err(|_| Malformed)?;
        at += end + 1;
        let mut words = line.split_ascii_whitespace();
        let (name, value) = (words.next().unwrap_or_default(), words.next());
        let number = || value.and_then(|value| value.parse().ok()).ok_or(Malformed);
        match name {
            "WIDTH" | "HEIGHT" | "DEPTH" => {
                let number = number()?;
                samples = samples.and_then(|samples| samples.checked_mul(number));
            }
            "MAXVAL" => most = number()?,
            "ENDHDR" => break,
            _ => {}
        }
    }
    let length = bytes_of(samples, most).and_then(|pixels| pixels.checked_add(at));
    length.map(Length::Known).ok_or(Malformed)
}

/// Walks a plain file, `P1` to `P3`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    kind: u8,
    at: usize,
    /// Samples that are still to come, once the header is read.
    left: Option<usize>,
    in_word: bool,
}

impl Plain {
    /// A walker, if such a file starts at the first byte.
    pub(super) fn at_start(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'P', kind @ b'1'..=b'3', space, ..] if space.is_ascii_whitespace() => Some(Self {
                kind: *kind,
                at: 2,
                left: None,
                in_word: false,
            }),
            _ => None,
        }
    }

    /// Whether all samples are there, though the last one's digits might go on.
    pub(super) fn is_whole(&self) -> bool {
        self.left == Some(0)
    }

    /// Walks as far as `bytes` allow.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Progress {
        let mut left = match self.left {
            Some(left) => left,
            None => match self.samples(bytes) {
                Ok(left) => left,
                Err(Missing::Bytes) => return Progress::More,
                Err(Missing::Number) => return Progress::Damaged(2),
            },
        };
        let complete = loop {
            if left == 0 && !self.in_word {
                break true;
            }
            let Some(byte) = bytes.get(self.at) else {
                break false;
            };
            match byte {
                // A pixel of a bitmap is a digit; they need not be set apart.
                b'0' | b'1' if self.kind == b'1' => left -= 1,
                digit if digit.is_ascii_digit() && self.kind != b'1' => {
                    left -= usize::from(!self.in_word);
                    self.in_word = true;
                }
                space if space.is_ascii_whitespace() => self.in_word = false,
                _ if left == 0 => break true,
                _ => return Progress::Damaged(self.at.max(2)),
            }
            self.at += 1;
        };
        self.left = Some(left);
        if complete {
            Progress::Complete(self.at)
        } else {
            Progress::More
        }
    }

    /// Reads the header: how many samples there are.
    fn samples(&mut self, bytes: &[u8]) -> Result<usize, Missing> {
        let mut header = Header { bytes, at: 2 };
        let (width, height) = (header.number()?, header.number()?);
        if self.kind != b'1' {
            header.number()?;
        }
        let channels = if self.kind == b'3' { 3 } else { 1 };
        let samples = width.checked_mul(height);
        let samples = samples.and_then(|samples| samples.checked_mul(channels));
        self.at = header.at;
        samples.ok_or(Missing::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Length, Plain, Progress, arbitrary, binary};

    #[test]
    fn nonsense_in_a_header_is_no_length() {
        assert!(binary(b"P5\n2 1 70000\nabcd").is_err());
        assert!(binary(b"P6 x 1 255\n").is_err());
        assert!(binary(b"P6 99999999999999999999 1 255\n").is_err());
        assert!(arbitrary(b"P7\nWIDTH two\nENDHDR\n").is_err());
        assert!(arbitrary(b"P7\nWIDTH 2\nENDHDR\n").is_err());
        assert_eq!(binary(b"P6 2 1").unwrap(), Length::AtLeast(7));
    }

    #[test]
    fn plain_samples_are_counted() {
        let cases: [(&[u8], Progress); 6] = [
            (b"P1\n# bits\n3 2\n101 0\n10P1", Progress::Complete(22)),
            (b"P2 2 1 255 7 255\nP2", Progress::Complete(17)),
            (b"P3 1 1 255 1 2 3", Progress::More),
            (b"P3 1 1 255 1 2 3\xff", Progress::Complete(16)),
            (b"P2 2 1 255 7 x", Progress::Damaged(13)),
            (b"P2 a", Progress::Damaged(2)),
        ];
        for (bytes, expected) in cases {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(
                Plain::at_start(bytes).unwrap().walk(bytes),
                expected,
                "{text}"
            );
            let mut bytewise = Plain::at_start(bytes).unwrap();
            let first = (3..=bytes.len())
                .map(|length| bytewise.walk(&bytes[..length]))
                .find(|progress| *progress != Progress::More);
            assert_eq!(first.unwrap_or(Progress::More), expected, "{text}");
        }
    }
}
