//! The end of a JPEG, found along its markers as libjpeg goes: over stray bytes between
//! segments, fill bytes, and what some cameras leave in a scan. Thumbnails inside segments
//! are passed with them.

use std::ops::Range;

use super::Progress;
use super::attached::{Attached, attached};
use crate::jpeg::{
    APP0, APP15, COM, DHT, DQT, DRI, EOI, RST0, RST7, SOI, SOS, Step, next_marker, step,
};

/// What it begins with, to tell it from garbage: its first marker, and half of the next.
pub(super) const START: [u8; 3] = [0xff, SOI, 0xff];

/// Walks one JPEG.
#[derive(Clone, Debug)]
pub(super) struct Jpeg {
    /// Where the search for the next marker goes on.
    at: usize,
    /// The last segment that was passed, with its marker.
    segment: Range<usize>,
    in_scan: bool,
    /// Whether there was a scan, and whether there were stray bytes between segments.
    has_scan: bool,
    has_stray: bool,
    /// What it says follows it in its file.
    pub(super) attached: Vec<Attached>,
}

impl Default for Jpeg {
    fn default() -> Self {
        Self {
            at: 2,
            segment: 0..2,
            in_scan: false,
            has_scan: false,
            has_stray: false,
            attached: Vec::new(),
        }
    }
}

impl Jpeg {
    /// Walks as far as `bytes` allow.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Progress {
        loop {
            let Some(marker) = next_marker(bytes, self.at) else {
                // The last byte may be half of a marker.
                self.at = self.at.max(bytes.len().saturating_sub(1));
                return Progress::More;
            };
            self.at = marker;
            let code = bytes[marker + 1];
            if (RST0..=RST7).contains(&code) {
                self.at += 2;
                continue;
            }
            let stray = !self.in_scan && bytes[self.segment.end..marker].iter().any(|b| *b != 0xff);
            if stray {
                self.has_stray = true;
                if let Some(start) = self.swallowed(bytes) {
                    return Progress::Damaged(start);
                }
            }
            match step(bytes, marker) {
                // Stray bytes and not one scan: it was cut short, and this is another's end.
                Step::Bare { marker: EOI, .. } if self.has_stray && !self.has_scan => {
                    return Progress::Damaged(self.followed());
                }
                Step::Bare { marker: EOI, next } => return Progress::Complete(next),
                // A new image where this one's data should be: this one was cut short.
                Step::Bare { marker: SOI, .. } => return Progress::Damaged(marker),
                Step::Bare { next, .. } => self.at = next,
                Step::Segment { start, next, .. } if next - start > most(code) => {
                    return Progress::Damaged(marker + 2);
                }
                Step::Segment { next, .. } if next > bytes.len() => return Progress::More,
                Step::Segment { start, next, .. } => {
                    self.attached
                        .extend(attached(code, &bytes[start..next], start));
                    self.segment = marker..next;
                    // Tables never look like that: they were cut short.
                    if !holds_thumbnails(code)
                        && let Some(inside) = memchr::memmem::find(&bytes[start..next], &START)
                    {
                        return Progress::Damaged(start + inside);
                    }
                    self.at = next;
                    self.in_scan = code == SOS;
                    self.has_scan |= self.in_scan;
                }
                Step::More => return Progress::More,
                Step::Broken => return Progress::Damaged(marker + 2),
            }
        }
    }

    /// How far it can be followed: through its scan, or to its last segment, which may have
    /// been cut short with another image in it.
    pub(super) fn followed(&self) -> usize {
        if self.in_scan {
            self.at
        } else {
            self.segment.start.max(2)
        }
    }

    /// Where another image starts inside the last segment, if that was cut short: no marker
    /// stands behind it, and what starts in it is no whole thumbnail.
    fn swallowed(&self, bytes: &[u8]) -> Option<usize> {
        let content = self.segment.start + 2;
        // Up to the marker behind it: the start may stand across the end.
        let inside = bytes.get(content..=self.at)?;
        let start = content + memchr::memmem::find(inside, &START)?;
        let rest = bytes.get(start..self.segment.end).unwrap_or_default();
        let is_thumbnail = holds_thumbnails(bytes[self.segment.start + 1]) && is_whole(rest);
        (!is_thumbnail).then_some(start)
    }
}

/// Whether segments of this marker hold anything, other images among it.
fn holds_thumbnails(code: u8) -> bool {
    matches!(code, APP0..=APP15 | COM)
}

/// Bytes that the content of a segment can have: a longer one is another image's data, and
/// following it would pass whole images.
fn most(code: u8) -> usize {
    match code {
        // Up to four components (T.81, B.2.3).
        SOS => 12,
        // A frame header has up to 255.
        0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => 6 + 3 * 255,
        // Four tables of each kind; twice that is still believed.
        DHT => 2 * 8 * (17 + 256),
        DQT => 2 * 4 * 129,
        DRI => 2,
        _ => usize::from(u16::MAX),
    }
}

/// Whether a JPEG begins with `bytes` and ends among them, by its markers alone.
fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        match step(bytes, at) {
            Step::Bare { marker: EOI, .. } => return true,
            Step::Bare { next, .. } | Step::Segment { next, .. } if next <= bytes.len() => {
                at = next;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Jpeg, Progress};

    /// A segment.
    fn segment(code: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [&[0xff, code], &length[..], content].concat()
    }

    const SOI: &[u8] = b"\xff\xd8";
    const EOI: &[u8] = b"\xff\xd9";

    fn walk(bytes: &[u8]) -> Progress {
        let whole = Jpeg::default().walk(bytes);
        let mut bytewise = Jpeg::default();
        let first = (3..=bytes.len())
            .map(|length| bytewise.walk(&bytes[..length]))
            .find(|progress| *progress != Progress::More);
        assert_eq!(first.unwrap_or(Progress::More), whole, "byte by byte");
        whole
    }

    #[test]
    fn what_libjpeg_passes_over_does_not_end_it() {
        let scan = segment(0xda, b"");
        let bodies: [(&str, Vec<u8>); 7] = [
            (
                "stray bytes at the start",
                [b"\x00stray", &scan[..]].concat(),
            ),
            ("stuffed zeros", [&scan[..], b"xy\xff\x00z"].concat()),
            ("restarts", [&scan[..], b"x\xff\xd0y\xff\xd7z"].concat()),
            (
                "stray bytes before one",
                [&scan[..], b"x\xff\x5e\xc0\xff\xd0y"].concat(),
            ),
            ("fill bytes", [&scan[..], b"x\xff\xff\xff"].concat()),
            (
                "stray bytes between segments",
                [&segment(0xdb, b"q"), &b"\x00stray\xff\x00"[..], &scan].concat(),
            ),
            (
                "a false segment in the scan",
                [&scan[..], b"x\xff\xe5\x00\x04abcd\xff\x00ef"].concat(),
            ),
        ];
        for (name, body) in bodies {
            let file = [SOI, &body, EOI].concat();
            let bytes = [&file[..], SOI, b"\xff\xe0"].concat();
            assert_eq!(walk(&bytes), Progress::Complete(file.len()), "{name}");
        }
    }

    #[test]
    fn a_thumbnail_is_passed_with_its_segment_whatever_follows() {
        let thumbnail = [SOI, &segment(0xda, b""), b"small", EOI].concat();
        let exif = segment(0xe1, &[b"Exif\0\0", &thumbnail[..], b" and more"].concat());
        let scan = segment(0xda, b"");
        let file = [SOI, &exif, b"stray", &scan, b"large", EOI].concat();
        assert_eq!(walk(&file), Progress::Complete(file.len()));
        // Damage behind it: the next start is looked for behind it, too.
        let broken = [SOI, &exif, b"\xff\xdb\0\0"].concat();
        assert_eq!(walk(&broken), Progress::Damaged(broken.len() - 2));
    }

    #[test]
    fn a_cut_image_gives_way_to_the_next_one() {
        let tables = segment(0xdb, &[7; 40]);
        let scan = segment(0xda, b"");
        let file = [SOI, &tables, &scan, b"data", EOI].concat();
        for cut in [2, 3, 10, 45, 46, 47, 48, 49, 50, 52] {
            let bytes = [&file[..cut], &file, &file].concat();
            let Progress::Damaged(next) = walk(&bytes) else {
                panic!("cut at {cut}: {:?}", walk(&bytes));
            };
            assert!((2..=cut).contains(&next), "cut at {cut}: {next}");
        }
    }
}
