//! The marker structure of JPEG (ITU-T T.81, annex B), as far as it tells where a file
//! ends and what stands before the pixels. Both the splitting of streams and the reading
//! of EXIF walk it.

/// Start of image.
pub(crate) const SOI: u8 = 0xd8;
/// End of image.
pub(crate) const EOI: u8 = 0xd9;
/// Start of scan: entropy-coded data follows its segment.
pub(crate) const SOS: u8 = 0xda;
/// Define Huffman tables.
#[cfg(feature = "serve")]
const DHT: u8 = 0xc4;
/// Application segment 1, where EXIF is.
pub(crate) const APP1: u8 = 0xe1;

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
    /// There is no marker here.
    Broken,
}

/// Reads the marker at `at`.
pub(crate) fn step(bytes: &[u8], mut at: usize) -> Step {
    if bytes.get(at).is_some_and(|b| *b != 0xff) {
        return Step::Broken;
    }
    // Any number of fill bytes may precede a marker.
    while bytes.get(at + 1) == Some(&0xff) {
        at += 1;
    }
    let Some(&marker) = bytes.get(at + 1) else {
        return Step::More;
    };
    match marker {
        0x01 | 0xd0..=EOI => Step::Bare {
            marker,
            next: at + 2,
        },
        0x00 => Step::Broken,
        _ => match (bytes.get(at + 2), bytes.get(at + 3)) {
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

/// Where the entropy-coded data that starts at `at` ends: the next marker that is neither
/// a stuffed zero nor a restart. `None` when the bytes end first.
pub(crate) fn scan_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(offset) = memchr::memchr(0xff, bytes.get(at..)?) {
        at += offset;
        match bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
    None
}

/// Whether the bytes look like one whole JPEG: a start, and an end marker somewhere behind
/// it. Cameras pad frames with zeros.
#[cfg(all(feature = "v4l", target_os = "linux"))]
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, SOI]) && memchr::memmem::rfind(bytes, &[0xff, EOI]).is_some()
}

/// The EXIF block of a file (TIFF structure), if it has one before its pixels, and where
/// its first scan begins.
pub(crate) fn prologue(bytes: &[u8]) -> (Option<&[u8]>, Option<usize>) {
    let mut exif = None;
    let mut at = 2;
    loop {
        match step(bytes, at) {
            Step::Segment {
                marker: SOS, next, ..
            } => return (exif, Some(next)),
            Step::Segment {
                marker: APP1,
                start,
                next,
            } if exif.is_none() => {
                exif = bytes
                    .get(start..next)
                    .and_then(|s| s.strip_prefix(b"Exif\0\0"));
                at = next;
            }
            Step::Segment { next, .. } | Step::Bare { next, .. } if next <= bytes.len() => {
                at = next
            }
            _ => return (exif, None),
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
    use super::{Step, prologue, scan_end, step};

    #[test]
    fn markers_are_told_apart() {
        let cases: [(&[u8], Step); 7] = [
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
            (&[0x00, 0xd9], Step::Broken),
            (&[], Step::More),
        ];
        for (bytes, expected) in cases {
            assert_eq!(step(bytes, 0), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn stuffed_zeros_and_restarts_do_not_end_a_scan() {
        assert_eq!(
            scan_end(&[1, 0xff, 0x00, 2, 0xff, 0xd3, 3, 0xff, 0xd9], 0),
            Some(7)
        );
        assert_eq!(scan_end(&[1, 0xff, 0x00, 2], 0), None);
        assert_eq!(scan_end(&[1, 0xff], 0), None);
    }

    #[test]
    fn exif_is_found_before_the_scan() {
        let file = b"\xff\xd8\xff\xe1\x00\x0cExif\0\0MM*\0\xff\xda\x00\x02data";
        assert_eq!(prologue(file), (Some(&b"MM*\0"[..]), Some(20)));
        assert_eq!(prologue(b"\xff\xd8\xff\xd9"), (None, None));
    }
}
