//! LZW as GIF and TIFF use it. Every string is a piece of what was decoded before, so a code
//! stands for a place and a length in it, and is decoded by copying some bytes at once: a
//! third of the time of decoders that follow chains of prefixes.

/// Codes have at most 12 bits.
const CODES: usize = 1 << 12;
/// Bytes that are copied at once, and that may be written beyond the end.
const STEP: usize = 8;

/// The order of a code's bits, and when codes grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// Lowest bit first.
    Gif,
    /// Highest bit first; codes grow one code too early.
    Tiff,
}

/// A decoder, reused from strip to strip.
pub(crate) struct Lzw {
    flavor: Flavor,
    /// Bits of a value.
    bits: u32,
    /// Start of each code's string in `bytes`, and its length in the lower 16 bits.
    strings: Box<[u64; CODES]>,
    /// Every value once, then what was decoded.
    bytes: Vec<u8>,
}

/// Codes out of bytes, the lowest bit first or the highest.
struct Codes<'a, const HIGHEST_FIRST: bool> {
    data: &'a [u8],
    /// Bytes taken over.
    read: usize,
    /// From the lowest bit up, or from the highest down; beyond `count` stands what the next
    /// bytes will put there again.
    held: u64,
    count: u32,
}

impl Lzw {
    /// A decoder of values of `bits`; `None` where codes cannot be longer than these.
    pub(crate) fn new(flavor: Flavor, bits: u32) -> Option<Self> {
        if !(1..=11).contains(&bits) {
            return None;
        }
        let mut strings = Box::new([0; CODES]);
        for (value, string) in strings.iter_mut().enumerate().take(1 << bits) {
            *string = (value as u64) << 16 | 1;
        }
        Some(Self {
            flavor,
            bits,
            strings,
            bytes: (0..1_u32 << bits).map(|value| value as u8).collect(),
        })
    }

    /// Decodes until there are `wanted` bytes.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub(crate) fn decode(&mut self, data: &[u8], wanted: usize) -> Result<&[u8], String> {
        let values = 1 << self.bits;
        self.bytes.resize(values + wanted + CODES + STEP, 0);
        let end = match self.flavor {
            Flavor::Gif => self.run::<false>(data, wanted),
            Flavor::Tiff => self.run::<true>(data, wanted),
        }?;
        let found = end - values;
        if found < wanted {
            return Err(format!(
                "its LZW data give {found} bytes, expected {wanted}"
            ));
        }
        Ok(&self.bytes[values..values + wanted])
    }

    /// Where the decoded bytes end.
    fn run<const TIFF: bool>(&mut self, data: &[u8], wanted: usize) -> Result<usize, String> {
        let (strings, bytes) = (&mut *self.strings, &mut self.bytes[..]);
        let values = 1 << self.bits;
        let (clear, end, stop) = (values, values + 1, values + wanted);
        let mut codes = Codes::<TIFF> {
            data,
            read: 0,
            held: 0,
            count: 0,
        };
        let full = |width: u32| (1 << width) - usize::from(TIFF);
        let first = (self.bits + 1, full(self.bits + 1), end + 1);
        let (mut width, mut grow, mut next) = first;
        let mut at = values;
        // Start and length, as in `strings`, of the string before; none since the clearing.
        let mut before = 0;
        while at < stop {
            let Some(code) = codes.take(width) else { break };
            if before != 0 && next < CODES {
                // What it was, and the first byte of what now follows it.
                strings[next] = before + 1;
                next += 1;
                if next == grow && width < 12 {
                    width += 1;
                    grow = full(width);
                }
            }
            let string = strings[code & (CODES - 1)];
            let length = (string & 0xffff) as usize;
            if code >= next || length == 0 {
                if code == clear {
                    ((width, grow, next), before) = (first, 0);
                    continue;
                }
                if code == end {
                    break;
                }
                let known = next - 1;
                return Err(format!(
                    "its LZW data have code {code}, expected at most {known}"
                ));
            }
            copy(bytes, (string >> 16) as usize, at, length);
            before = (at as u64) << 16 | length as u64;
            at += length;
        }
        Ok(at)
    }
}

/// Copies a string to the end of all. Its last byte may be the first that is written.
#[inline(always)]
fn copy(bytes: &mut [u8], start: usize, end: usize, length: usize) {
    step(bytes, start, end);
    if length > STEP {
        copy_rest(bytes, start, end, length);
    }
    bytes[end + length - 1] = bytes[start + length - 1];
}

/// Copies what one step has left; apart, because strings are short.
#[inline(never)]
fn copy_rest(bytes: &mut [u8], start: usize, end: usize, length: usize) {
    for done in (STEP..length).step_by(STEP) {
        step(bytes, start + done, end + done);
    }
}

#[inline(always)]
fn step(bytes: &mut [u8], from: usize, to: usize) {
    if let Some(step) = bytes[from..].first_chunk::<STEP>().copied()
        && let Some(place) = bytes[to..].first_chunk_mut::<STEP>()
    {
        *place = step;
    }
}

impl<const HIGHEST_FIRST: bool> Codes<'_, HIGHEST_FIRST> {
    /// The next code; `None` at the end.
    #[inline(always)]
    fn take(&mut self, width: u32) -> Option<usize> {
        if self.count < width {
            self.refill();
            if self.count < width {
                return None;
            }
        }
        self.count -= width;
        let code = if HIGHEST_FIRST {
            self.held >> (64 - width)
        } else {
            self.held & ((1 << width) - 1)
        };
        if HIGHEST_FIRST {
            self.held <<= width;
        } else {
            self.held >>= width;
        }
        Some(code as usize)
    }

    /// Takes over as many whole bytes as there is room for.
    #[inline(always)]
    fn refill(&mut self) {
        let room = ((64 - self.count) / 8) as usize;
        let (word, taken) = match self.data[self.read..].first_chunk::<8>() {
            Some(word) => (*word, room),
            None => self.last(room),
        };
        self.held |= if HIGHEST_FIRST {
            u64::from_be_bytes(word) >> self.count
        } else {
            u64::from_le_bytes(word) << self.count
        };
        self.read += taken;
        self.count += 8 * taken as u32;
    }

    /// The last bytes, fewer than eight, and how many there is room for.
    #[cold]
    fn last(&self, room: usize) -> ([u8; 8], usize) {
        let rest = &self.data[self.read..];
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        (word, room.min(rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Flavor, Lzw};

    /// Codes of the given widths in the order of bits of TIFF, or else of GIF.
    fn packed(codes: &[(u32, u32)], tiff: bool) -> Vec<u8> {
        let mut bits = Vec::new();
        for (code, width) in codes {
            let order: Vec<u32> = if tiff {
                (0..*width).rev().collect()
            } else {
                (0..*width).collect()
            };
            bits.extend(order.iter().map(|bit| (code >> bit & 1) as u8));
        }
        let join = |bits: &[u8]| {
            bits.iter().enumerate().fold(0_u8, |byte, (at, bit)| {
                byte | bit << if tiff { 7 - at } else { at }
            })
        };
        bits.chunks(8).map(join).collect()
    }

    #[test]
    fn a_string_may_be_the_one_that_is_just_made() {
        // Values of two bits: 4 clears, 5 ends; 6 is made while it is read.
        let codes = [(4, 3), (1, 3), (6, 3), (6, 4), (2, 4), (5, 4)];
        let data = packed(&codes, false);
        let mut lzw = Lzw::new(Flavor::Gif, 2).unwrap();
        assert_eq!(lzw.decode(&data, 6).unwrap(), [1, 1, 1, 1, 1, 2]);
        // The same again: nothing is left of the first time.
        assert_eq!(lzw.decode(&data, 6).unwrap(), [1, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn runs_grow_beyond_the_bytes_that_are_copied_at_once() {
        // Each code is the string before and its first byte: 1, 2, 3 ... times the value.
        for (flavor, early) in [(Flavor::Gif, 0), (Flavor::Tiff, 1)] {
            let mut codes = vec![(256, 9), (7, 9)];
            let mut width = 9;
            for code in 258..600 {
                // The code before this one has just been made known.
                if code + early == 1 << width {
                    width += 1;
                }
                codes.push((code, width));
            }
            let data = packed(&codes, flavor == Flavor::Tiff);
            let wanted = (1..=343).sum();
            let mut lzw = Lzw::new(flavor, 8).unwrap();
            assert_eq!(
                lzw.decode(&data, wanted).unwrap(),
                vec![7; wanted],
                "{flavor:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_an_error() {
        let mut lzw = Lzw::new(Flavor::Tiff, 8).unwrap();
        let short = packed(&[(256, 9), (65, 9), (66, 9), (257, 9)], true);
        assert_eq!(lzw.decode(&short, 2).unwrap(), b"AB");
        assert_eq!(
            lzw.decode(&short, 3).unwrap_err(),
            "its LZW data give 2 bytes, expected 3"
        );
        assert!(lzw.decode(&[], 1).is_err());
        let unknown = packed(&[(256, 9), (65, 9), (300, 9)], true);
        assert_eq!(
            lzw.decode(&unknown, 3).unwrap_err(),
            "its LZW data have code 300, expected at most 258"
        );
        assert!(Lzw::new(Flavor::Gif, 0).is_none() && Lzw::new(Flavor::Gif, 12).is_none());
    }
}
