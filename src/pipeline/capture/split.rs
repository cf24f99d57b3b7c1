//! Finding where one image ends and the next begins in a stream of them, without seeking
//! and without waiting for the next one. After damage it finds its feet at the next start
//! of a JPEG or PNG; what the other formats begin with is too short to be looked for.

mod sized;

use sized::Sized;

use crate::jpeg::{self, EOI, SOI, SOS, Step};

/// Bytes by which the start of any image is known: WebP takes most.
pub(super) const LONGEST_START: usize = 12;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What is known after looking at the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The image goes on behind them.
    More,
    /// The image is this many bytes long.
    Complete(usize),
    /// It is damaged; the next one may begin at or after this byte.
    Damaged(usize),
}

/// Walks one image. Where it stopped for want of bytes it goes on, so that every byte is
/// looked at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    kind: Kind,
    at: usize,
    in_scan: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Jpeg,
    Png,
    Sized(Sized),
}

/// Where the first image starts in `bytes`: the number of bytes before it. When there is
/// none, all but the last few bytes, which may be the beginning of one.
pub(super) fn find_start(bytes: &[u8]) -> (usize, Option<Walker>) {
    if let Some(walker) = Walker::at_start(bytes) {
        return (0, Some(walker));
    }
    for at in memchr::memchr2_iter(0xff, PNG[0], bytes) {
        if let Some(walker) = Walker::at_start(&bytes[at..]) {
            return (at, Some(walker));
        }
    }
    (bytes.len().saturating_sub(LONGEST_START - 1), None)
}

impl Walker {
    /// A walker, if an image starts at the first byte.
    pub(super) fn at_start(bytes: &[u8]) -> Option<Self> {
        let (kind, at) = if bytes.starts_with(&[0xff, SOI, 0xff]) {
            (Kind::Jpeg, 2)
        } else if bytes.starts_with(PNG) {
            (Kind::Png, PNG.len())
        } else {
            (Kind::Sized(Sized::at_start(bytes)?), 0)
        };
        Some(Self {
            kind,
            at,
            in_scan: false,
        })
    }

    /// Whether an image that is shorter than it says may still be one: decoders do not
    /// need the length that BMP and its like state.
    pub(super) fn is_lenient(&self) -> bool {
        matches!(self.kind, Kind::Sized(_))
    }

    /// Walks as far as `bytes`, which begin with the image, allow.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Progress {
        match self.kind {
            Kind::Jpeg => self.walk_jpeg(bytes),
            Kind::Png => self.walk_png(bytes),
            Kind::Sized(format) => format.measure(bytes),
        }
    }

    fn walk_jpeg(&mut self, bytes: &[u8]) -> Progress {
        loop {
            if self.in_scan {
                let Some(end) = jpeg::scan_end(bytes, self.at) else {
                    // The last byte may be half of a marker.
                    self.at = self.at.max(bytes.len().saturating_sub(1));
                    return Progress::More;
                };
                self.at = end;
                self.in_scan = false;
            }
            match jpeg::step(bytes, self.at) {
                Step::Bare { marker: EOI, next } => return Progress::Complete(next),
                // A new image where this one's data should be: this one was cut short.
                Step::Bare { marker: SOI, next } => return Progress::Damaged(next - 2),
                Step::Bare { next, .. } => self.at = next,
                Step::Segment { next, .. } if next > bytes.len() => return Progress::More,
                Step::Segment { marker, next, .. } => {
                    self.at = next;
                    self.in_scan = marker == SOS;
                }
                Step::More => return Progress::More,
                Step::Broken => return Progress::Damaged(2),
            }
        }
    }

    /// A PNG is chunks: length, type, content, checksum; the last one is `IEND`.
    fn walk_png(&mut self, bytes: &[u8]) -> Progress {
        const FRAME: usize = 12;
        loop {
            let Some(header) = bytes.get(self.at..self.at + 8) else {
                return Progress::More;
            };
            let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let kind = &header[4..8];
            if length > i32::MAX as usize || !kind.iter().all(u8::is_ascii_alphabetic) {
                return Progress::Damaged(1);
            }
            let next = self.at + FRAME + length;
            if next > bytes.len() {
                return Progress::More;
            }
            self.at = next;
            if kind == b"IEND" {
                return Progress::Complete(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, Walker, find_start};

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x02xy\xff\x00z\xff\xd9";

    #[test]
    fn an_image_is_complete_with_its_last_byte_and_not_before() {
        for length in 3..JPEG.len() {
            let mut walker = Walker::at_start(JPEG).unwrap();
            assert_eq!(walker.walk(&JPEG[..length]), Progress::More, "{length}");
            assert_eq!(
                walker.walk(JPEG),
                Progress::Complete(JPEG.len()),
                "resumed at {length}"
            );
        }
    }

    #[test]
    fn a_cut_image_gives_way_to_the_next_one() {
        let mut bytes = JPEG[..14].to_vec();
        bytes.extend_from_slice(JPEG);
        assert_eq!(
            Walker::at_start(&bytes).unwrap().walk(&bytes),
            Progress::Damaged(14)
        );
    }

    #[test]
    fn a_start_is_found_behind_garbage() {
        let mut bytes = b"garbage\xff\xff".to_vec();
        bytes.extend_from_slice(JPEG);
        let (skipped, walker) = find_start(&bytes);
        assert_eq!(skipped, 9);
        assert!(walker.is_some());
        assert_eq!(find_start(b"no image at all").0, 4);
    }
}
