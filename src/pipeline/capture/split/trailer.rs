//! What phones put behind a JPEG in its file: the video of a motion photo (ISO/IEC 14496-12
//! boxes), and Samsung's blocks with their directory (`SEFH` … `SEFT`). None of it is a
//! frame, and none of it is garbage.

use super::jpeg::START;
use super::{Between, LONGEST_START};

/// Boxes that a video may have at its top level, after `ftyp`.
const BOXES: [&[u8; 4]; 20] = [
    b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"meta", b"moof", b"mfra", b"sidx",
    b"ssix", b"styp", b"udta", b"pdin", b"emsg", b"prft", b"junk", b"pnot", b"mpvd", b"ftyp",
];
/// A box's size and type, and its size where 32 bits are too few.
const BOX: usize = 8;
const LARGE_BOX: usize = 16;
/// Bytes before the name of one of Samsung's blocks, and the longest name that is believed.
const BLOCK: usize = 8;
const LONGEST_NAME: usize = 64;

/// How far into it a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::pipeline::capture) enum Trailer {
    /// Nothing of the kind can come.
    #[default]
    None,
    /// A JPEG has just ended.
    Picture,
    /// Inside a video, which may be one of Samsung's blocks.
    Video { in_block: bool },
    /// At the start of the content of one of Samsung's blocks.
    Block,
    /// Further inside it.
    Content,
}

impl Trailer {
    /// Whether an image that starts here is the content of a block.
    pub(in crate::pipeline::capture) fn holds_image(self) -> bool {
        self == Self::Block
    }

    /// What `bytes` begin with, as far as it is such a thing.
    pub(in crate::pipeline::capture) fn measure(&mut self, bytes: &[u8]) -> Between {
        loop {
            let part = match *self {
                Self::None => return Between::Unknown,
                Self::Picture | Self::Block => self.begin(bytes),
                Self::Video { in_block } => {
                    let part = next_box(bytes);
                    if part == Between::Unknown {
                        *self = if in_block {
                            Self::Content
                        } else {
                            Self::Picture
                        };
                        continue;
                    }
                    part
                }
                Self::Content => self.content(bytes),
            };
            return part;
        }
    }

    /// A video or one of Samsung's blocks, where one may begin.
    fn begin(&mut self, bytes: &[u8]) -> Between {
        let in_block = *self == Self::Block;
        if bytes.first() == Some(&0) && bytes.len() < BOX {
            return Between::More;
        }
        // The first box is not the last: it has a size, which is small.
        let is_video = bytes.get(4..BOX).is_some_and(|kind| kind == b"ftyp");
        if is_video && bytes[0] == 0 && bytes[1..4] != [0; 3] {
            *self = Self::Video { in_block };
            return next_box(bytes);
        }
        match block(bytes) {
            // It may still be an image.
            Between::Unknown if in_block && bytes.len() < LONGEST_START => Between::More,
            Between::Unknown if in_block => {
                *self = Self::Content;
                self.content(bytes)
            }
            Between::Unknown => padding(bytes),
            Between::More => Between::More,
            skip => {
                *self = Self::Block;
                skip
            }
        }
    }

    /// The content of a block, whose length only the directory at the end tells: it goes up
    /// to the next block, the directory, or an image.
    fn content(&mut self, bytes: &[u8]) -> Between {
        const DIRECTORY: &[u8] = b"SEFH";
        // A version, a count, so many entries, a length, `SEFT`.
        const ENTRY: usize = 12;
        let may_be = |start: &[u8]| bytes.len() < start.len() && start.starts_with(bytes);
        if may_be(DIRECTORY) || may_be(&START) {
            return Between::More;
        }
        if bytes.starts_with(DIRECTORY) {
            return match bytes.get(8..12) {
                Some(count) => {
                    *self = Self::Picture;
                    let count = u32::from_le_bytes([count[0], count[1], count[2], count[3]]);
                    Between::Skip((count as usize).saturating_mul(ENTRY).saturating_add(20))
                }
                None => Between::More,
            };
        }
        if bytes.starts_with(&START) {
            *self = Self::Picture;
            return Between::Skip(0);
        }
        match block(bytes) {
            Between::Unknown => {}
            Between::More => return Between::More,
            skip => {
                *self = Self::Block;
                return skip;
            }
        }
        let starts = memchr::memchr3_iter(0, DIRECTORY[0], START[0], bytes).filter(|at| *at > 0);
        for at in starts {
            let rest = &bytes[at..];
            let is_start = [DIRECTORY, &START]
                .iter()
                .any(|start| start.starts_with(rest) || rest.starts_with(start));
            if is_start || block(rest) != Between::Unknown {
                return Between::Skip(at);
            }
        }
        Between::Skip(bytes.len())
    }
}

/// The header of one of Samsung's blocks, up to its content: two zeros, a kind, the length
/// of its name, the name.
fn block(bytes: &[u8]) -> Between {
    if bytes.iter().take(2).any(|zero| *zero != 0) {
        return Between::Unknown;
    }
    let Some(length) = bytes.get(4..BLOCK) else {
        return Between::More;
    };
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    let name = &bytes[BLOCK..bytes.len().min(BLOCK + length.min(LONGEST_NAME))];
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !(1..=LONGEST_NAME).contains(&length) || !name.iter().all(is_name) {
        Between::Unknown
    } else if name.len() < length {
        Between::More
    } else {
        Between::Skip(BLOCK + length)
    }
}

/// One box of a video.
fn next_box(bytes: &[u8]) -> Between {
    let Some(kind) = bytes.get(4..BOX) else {
        return Between::More;
    };
    if !BOXES.iter().any(|known| *known == kind) {
        return Between::Unknown;
    }
    match u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) {
        // It goes to the end of the file, wherever in the stream that is.
        0 => {
            log::warn!(
                "a video behind a picture does not say where it ends: what follows is left out"
            );
            Between::Skip(usize::MAX)
        }
        1 => match bytes.get(BOX..LARGE_BOX) {
            Some(size) => {
                let size = size
                    .iter()
                    .fold(0, |size, byte| size << 8 | u64::from(*byte));
                Between::Skip(usize::try_from(size).unwrap_or(usize::MAX).max(LARGE_BOX))
            }
            None => Between::More,
        },
        size => Between::Skip((size as usize).max(BOX)),
    }
}

/// Zeros behind a picture, but not the last ones, which may begin a box or a block: their
/// fifth byte is not zero.
fn padding(bytes: &[u8]) -> Between {
    const SIZE: usize = 4;
    match bytes.iter().position(|byte| *byte != 0) {
        Some(0) => Between::Unknown,
        Some(zeros) if zeros > SIZE => Between::Skip(zeros - SIZE),
        Some(_) => Between::Skip(1),
        None if bytes.len() > SIZE => Between::Skip(bytes.len() - SIZE),
        None => Between::More,
    }
}

#[cfg(test)]
mod tests {
    use super::{Between, Trailer};

    /// What is left of `bytes`, which follow a picture, when they come in pieces of `size`.
    fn left(bytes: &[u8], size: usize) -> usize {
        let (mut trailer, mut start, mut end) = (Trailer::Picture, 0, 0);
        loop {
            match trailer.measure(&bytes[start..end]) {
                Between::Skip(count) => {
                    start += count;
                    end = end.max(start);
                    assert!(end <= bytes.len(), "{count} bytes too many");
                }
                Between::More if end < bytes.len() => end = (end + size).min(bytes.len()),
                Between::More | Between::Unknown => return bytes.len() - start,
            }
        }
    }

    #[test]
    fn videos_and_blocks_are_passed_and_the_next_picture_is_not() {
        let video = b"\0\0\0\x14ftypisom\0\0\0\0mp42\0\0\0\x0cmdat\xff\xd8\xff\xe0\0\0\0\x01free\0\0\0\0\0\0\0\x10";
        let block = |name: &[u8], content: &[u8]| {
            let length = u32::try_from(name.len()).unwrap().to_le_bytes();
            [b"\0\0\x30\x0a", &length[..], name, content].concat()
        };
        let directory = b"SEFH\x6b\0\0\0\x01\0\0\0\0\0\x30\x0a\x00\x01\0\0\x20\0\0\0\x18\0\0\0SEFT";
        let motion = block(b"MotionPhoto_Data", video);
        let time = block(b"Image_UTC_Data", b"1732\0\0\x01");
        let cases: [(&str, Vec<u8>); 5] = [
            ("a video", video.to_vec()),
            ("a video behind padding", [&[0; 9], &video[..]].concat()),
            ("padding", vec![0; 12]),
            ("one block", [&motion[..], directory].concat()),
            ("two blocks", [&time[..], &motion, directory].concat()),
        ];
        let next = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01";
        for (name, trailer) in cases {
            for size in [1, 2, 3, 7, 1000] {
                let bytes = [&trailer[..], next].concat();
                assert_eq!(left(&bytes, size), next.len(), "{name} in pieces of {size}");
            }
        }
    }
}
