//! The marker structure of JPEG (ITU-T T.81, annex B), as far as it tells where a file
//! ends and what stands before the pixels. Both the splitting of streams and the reading
//! of EXIF walk it.

use std::borrow::Cow;

/// The first of the eight restart markers, which stand inside a scan.
pub(crate) const RST0: u8 = 0xd0;
/// The last of them.
pub(crate) const RST7: u8 = 0xd7;
/// Start of image.
pub(crate) const SOI: u8 = 0xd8;
/// End of image.
pub(crate) const EOI: u8 = 0xd9;
/// Start of scan: entropy-coded data follows its segment.
pub(crate) const SOS: u8 = 0xda;
/// Define Huffman tables.
pub(crate) const DHT: u8 = 0xc4;
/// Define quantisation tables.
pub(crate) const DQT: u8 = 0xdb;
/// Define the restart interval.
pub(crate) const DRI: u8 = 0xdd;
/// Application segment 0, the first of sixteen.
pub(crate) const APP0: u8 = 0xe0;
/// Application segment 1, where EXIF and XMP are.
pub(crate) const APP1: u8 = 0xe1;
/// Application segment 2, where the index of a file of several pictures is.
pub(crate) const APP2: u8 = 0xe2;
/// The last application segment.
pub(crate) const APP15: u8 = 0xef;
/// A comment.
pub(crate) const COM: u8 = 0xfe;

/// One step along the markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A marker without content, before `next`.
    Bare {
        /// The marker's second byte.
        marker: u8,
        /// Where the next marker is expected.
        next: usize,
    },
    /// A marker with content from `start` to `next`.
    Segment {
        /// The marker's second byte.
        marker: u8,
        /// First byte of the content.
        start: usize,
        /// Where the next marker is expected; may lie behind the bytes at hand.
        next: usize,
    },
    /// The bytes end before that can be told.
    More,
    /// The marker's content has a length that cannot be.
    Broken,
}

/// Where the next marker stands at or after `at`; its code is the byte behind. What stands
/// before it is passed over as libjpeg does: fill bytes, stray ones, stuffed zeros and codes
/// below 0xc0, which are reserved or, like TEM, mean nothing to a decoder. `None` when the
/// bytes end first.
pub(crate) fn next_marker(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(0xff, bytes.get(at..)?)?;
        match bytes.get(at + 1)? {
            0xff => at += 1,
            0xc0.. => return Some(at),
            _ => at += 2,
        }
    }
}

/// Reads the next marker at or after `at`.
pub(crate) fn step(bytes: &[u8], at: usize) -> Step {
    let Some(at) = next_marker(bytes, at) else {
        return Step::More;
    };
    match bytes[at + 1] {
        marker @ RST0..=EOI => Step::Bare {
            marker,
            next: at + 2,
        },
        marker => match (bytes.get(at + 2), bytes.get(at + 3)) {
            (Some(&high), Some(&low)) => match usize::from(u16::from_be_bytes([high, low])) {
                0 | 1 => Step::Broken,
                length => Step::Segment {
                    marker,
                    start: at + 4,
                    next: at + 2 + length,
                },
            },
            _ => Step::More,
        },
    }
}

/// Whether the bytes look like one whole JPEG: a start, and an end marker somewhere behind
/// it. Cameras pad frames with zeros.
#[cfg(all(feature = "v4l", target_os = "linux"))]
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, SOI]) && memchr::memmem::rfind(bytes, &[0xff, EOI]).is_some()
}

/// What stands before a file's pixels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Prologue<'a> {
    /// The EXIF block (TIFF structure); several segments are one block that was split.
    pub exif: Option<Cow<'a, [u8]>>,
    /// The XMP packet, the last one where there are several.
    pub xmp: Option<&'a [u8]>,
    /// Where the first scan begins.
    pub scan: Option<usize>,
}

/// Reads what stands before the pixels. Between segments it passes over what is no marker,
/// as libjpeg does.
pub(crate) fn prologue(bytes: &[u8]) -> Prologue<'_> {
    let mut found = Prologue::default();
    let mut at = 2;
    loop {
        at = match step(bytes, at) {
            Step::Segment {
                marker: SOS, next, ..
            } => {
                found.scan = Some(next);
                return found;
            }
            Step::Segment {
                marker: APP1,
                start,
                next,
            } => {
                found.keep(bytes.get(start..next).unwrap_or_default());
                next
            }
            Step::Segment { next, .. } | Step::Bare { next, .. } => next,
            // A segment whose length cannot be is none: the next one follows it.
            Step::Broken => match next_marker(bytes, at) {
                Some(marker) => marker + 4,
                None => return found,
            },
            Step::More => return found,
        }
    }
}

impl<'a> Prologue<'a> {
    /// Keeps the content of an application segment, if it is EXIF or XMP.
    fn keep(&mut self, segment: &'a [u8]) {
        if let Some(exif) = segment.strip_prefix(b"Exif\0\0") {
            match &mut self.exif {
                Some(block) => block.to_mut().extend_from_slice(exif),
                None => self.exif = Some(Cow::Borrowed(exif)),
            }
        } else if let Some(xmp) = segment.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
            self.xmp = Some(xmp);
        }
    }
}

/// Whether the file has Huffman tables before its first scan; many USB cameras leave them
/// out and mean the standard's own (T.81, annex K.3).
#[cfg(feature = "serve")]
pub(crate) fn has_tables(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        match step(bytes, at) {
            Step::Segment { marker: DHT, .. } => return true,
            Step::Segment { marker: SOS, .. } => return false,
            Step::Segment { next, .. } | Step::Bare { next, .. } if next <= bytes.len() => {
                at = next
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Prologue, Step, next_marker, prologue, step};

    #[test]
    fn markers_are_told_apart() {
        let cases: [(&[u8], Step); 8] = [
            (
                &[0xff, 0xd9],
                Step::Bare {
                    marker: 0xd9,
                    next: 2,
                },
            ),
            (
                &[0xff, 0xff, 0xff, 0xd9],
                Step::Bare {
                    marker: 0xd9,
                    next: 4,
                },
            ),
            (
                &[0xff, 0xe1, 0x00, 0x08],
                Step::Segment {
                    marker: 0xe1,
                    start: 4,
                    next: 10,
                },
            ),
            (&[0xff, 0xe1, 0x00], Step::More),
            (&[0xff, 0xe1, 0x00, 0x01], Step::Broken),
            (&[0x00, 0xd9], Step::More),
            (
                &[7, 0xff, 0x00, 0xff, 0x5e, 0xff, 0xd9],
                Step::Bare {
                    marker: 0xd9,
                    next: 7,
                },
            ),
            (&[], Step::More),
        ];
        for (bytes, expected) in cases {
            assert_eq!(step(bytes, 0), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_no_marker_is_passed_over() {
        let scan = [1, 0xff, 0x00, 2, 0xff, 0x01, 0xff, 0xbf, 0xff, 0xff, 0xd9];
        assert_eq!(next_marker(&scan, 0), Some(9));
        assert_eq!(next_marker(&[1, 0xff, 0x00, 2], 0), None);
        assert_eq!(next_marker(&[1, 0xff], 0), None);
        assert_eq!(next_marker(&[0xff, 0xd9], 9), None);
    }

    #[test]
    fn exif_is_found_before_the_scan() {
        let file = b"\xff\xd8\xff\xe1\x00\x0cExif\0\0MM*\0\xff\xda\x00\x02data";
        let found = prologue(file);
        assert_eq!(found.exif.as_deref(), Some(&b"MM*\0"[..]));
        assert_eq!((found.xmp, found.scan), (None, Some(20)));
        assert_eq!(prologue(b"\xff\xd8\xff\xd9"), Prologue::default());
    }

    #[test]
    fn exif_is_found_behind_what_is_no_marker() {
        let exif = b"\xff\xe1\x00\x0aExif\0\0ab";
        let sos = b"\xff\xda\x00\x02";
        for junk in [
            &b""[..],
            b"\x12\x34",
            b"\x12\xff\x00\x34",
            b"\xff\xfe\x00\x01",
        ] {
            let file = [b"\xff\xd8", junk, exif, junk, exif, junk, sos].concat();
            let found = prologue(&file);
            assert_eq!(found.exif.as_deref(), Some(&b"abab"[..]), "{junk:x?}");
            assert_eq!(found.scan, Some(file.len()), "{junk:x?}");
        }
        assert_eq!(prologue(b"\xff\xd8\x12\x34"), Prologue::default());
    }
}
