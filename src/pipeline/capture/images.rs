//! Images one after the other in a stream: each is given as soon as its last byte has come.
//! What belongs between them (padding, multipart headers, what a picture's own file has
//! behind it) is passed over; anything else is garbage, which is counted and told.

use std::io::Read;

use super::multipart::Multipart;
use super::picture_file::PictureFile;
use super::split::{Between, LONGEST_START, Progress, Trailer, Walker, find_start};
use super::window::Window;
use super::{Encoding, Frame};
use crate::error::{Error, Result};
use crate::jpeg::EOI;

/// Splits a stream into images.
pub(super) struct Images {
    /// What the stream is called in errors.
    name: String,
    max_bytes: usize,
    multipart: Multipart,
    file: PictureFile,
    has_told: bool,
    has_ended: bool,
}

/// What became of an image.
enum Taken {
    /// It is in the frame.
    Frame,
    /// It belongs to the picture before it.
    Attached,
}

impl Images {
    /// Images of at most `max_bytes` each.
    pub(super) fn new(name: String, max_bytes: usize) -> Self {
        Self {
            name,
            max_bytes,
            multipart: Multipart::default(),
            file: PictureFile::default(),
            has_told: false,
            has_ended: false,
        }
    }

    /// Fills `frame`; `false` at the end.
    ///
    /// # Errors
    /// The stream cannot be read, an image is damaged, or bytes are neither an image nor
    /// anything that belongs between two.
    pub(super) fn pull<R: Read>(
        &mut self,
        window: &mut Window<R>,
        frame: &mut Frame,
    ) -> Result<bool> {
        while !self.has_ended {
            match self.start(window)? {
                Some(walker) => {
                    if let Taken::Frame = self.image(window, walker, frame)? {
                        return Ok(true);
                    }
                }
                None if window.bytes().is_empty() => self.has_ended = true,
                None => return Err(self.garbage(window)?),
            }
        }
        Ok(false)
    }

    /// Whether nothing can come any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn error(&self, what: impl Into<String>) -> Error {
        Error::input(&self.name, what)
    }

    fn more<R: Read>(&self, window: &mut Window<R>) -> Result<bool> {
        let failed = |e: std::io::Error| self.error("cannot be read").caused_by(e);
        window.more().map_err(failed)
    }

    fn consume<R: Read>(&mut self, window: &mut Window<R>, count: usize) {
        self.file.pass(count);
        window.consume(count);
    }

    /// Brings the window to the next image; `None` at the end, or at garbage.
    fn start<R: Read>(&mut self, window: &mut Window<R>) -> Result<Option<Walker>> {
        let mut at_end = false;
        loop {
            // Inside a block's content anything may look like the start of an image.
            if self.file.trailer != Trailer::Content
                && let Some(walker) = Walker::at_start(window.bytes())
            {
                return Ok(Some(walker));
            }
            match self.between(window.bytes(), at_end) {
                Between::Skip(count) => self.skip(window, count)?,
                Between::More if !at_end => at_end = !self.more(window)?,
                Between::More | Between::Unknown => return Ok(None),
            }
        }
    }

    /// What `bytes` begin with, if that belongs between images.
    fn between(&mut self, bytes: &[u8], at_end: bool) -> Between {
        let is_known = |between: &Between| *between != Between::Unknown;
        let first = match bytes.first() {
            None => return Between::More,
            Some(first) => *first,
        };
        // At the end nothing is waited for: zeros are padding then.
        let trailer = Some(self.file.trailer.measure(bytes)).filter(is_known);
        if let Some(trailer) = trailer.filter(|t| !at_end || *t != Between::More) {
            return trailer;
        }
        // Some cameras fill their frames up; fill bytes may stand before any marker. Zeros
        // behind white space may be the start of a trailer, and are judged by themselves.
        let is_padding = |byte: &u8| match first {
            0 => *byte == 0,
            _ => byte.is_ascii_whitespace(),
        };
        let padding = bytes.iter().take_while(|byte| is_padding(byte)).count();
        if padding > 0 {
            return Between::Skip(padding);
        }
        // An end that is written twice.
        if bytes.starts_with(&[0xff, EOI]) && self.file.trailer != Trailer::None {
            return Between::Skip(2);
        }
        let fill = bytes.iter().take_while(|byte| **byte == 0xff).count();
        if fill > 1 || (fill == bytes.len() && at_end) {
            let last = usize::from(fill < bytes.len() || !at_end);
            return Between::Skip(fill - last);
        }
        if first.is_ascii_graphic() || self.multipart.is_foreign() {
            let header = self.multipart.measure(&self.name, bytes, at_end);
            if is_known(&header) {
                return header;
            }
        }
        if bytes.len() < LONGEST_START && !at_end {
            return Between::More;
        }
        self.multipart.rest(bytes, at_end, self.max_bytes)
    }

    /// Passes over `count` bytes, which may be more than there are at hand.
    fn skip<R: Read>(&mut self, window: &mut Window<R>, count: usize) -> Result<()> {
        let mut left = count;
        loop {
            let here = window.bytes().len().min(left);
            self.consume(window, here);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            if !self.more(window)? {
                let is_endless = count == usize::MAX;
                return if is_endless {
                    Ok(())
                } else {
                    Err(self.error(format!(
                        "what follows an image in its file is cut short: {left} of {count} bytes are missing"
                    )))
                };
            }
        }
    }

    fn image<R: Read>(
        &mut self,
        window: &mut Window<R>,
        mut walker: Walker,
        frame: &mut Frame,
    ) -> Result<Taken> {
        loop {
            match walker.walk(window.bytes()) {
                Progress::Complete(length) => {
                    if self.is_attached(window, length)? {
                        self.consume(window, length);
                        self.multipart.pass(length);
                        return Ok(Taken::Attached);
                    }
                    self.give(window, length, frame);
                    self.follow(walker, length);
                    return Ok(Taken::Frame);
                }
                Progress::Damaged(length) => {
                    self.follow(walker, length);
                    let skipped = length + self.skip_to_start(window, length)?;
                    return Err(
                        self.error(format!("an image is damaged: {skipped} bytes were skipped"))
                    );
                }
                Progress::More if window.bytes().len() > self.max_bytes => {
                    let length = walker.followed();
                    self.follow(walker, length);
                    let skipped = length + self.skip_to_start(window, length)?;
                    return Err(self.error(format!(
                        "an image does not end within {} bytes: {skipped} were skipped",
                        self.max_bytes
                    )));
                }
                Progress::More => {
                    if !self.more(window)? {
                        self.has_ended = true;
                        return self.last(window, &walker, frame);
                    }
                }
            }
        }
    }

    /// The stream ends before the image does, by what that says of itself.
    fn last<R: Read>(
        &mut self,
        window: &mut Window<R>,
        walker: &Walker,
        frame: &mut Frame,
    ) -> Result<Taken> {
        let length = window.bytes().len();
        if !walker.is_lenient() {
            return Err(self.error(format!("the last image is cut short after {length} bytes")));
        }
        if !walker.ends_with_stream() {
            log::warn!(
                "{}: the last image does not say where it ends, or is shorter than it says: all of the last {length} bytes are taken for it",
                self.name
            );
        }
        self.give(window, length, frame);
        Ok(Taken::Frame)
    }

    /// Copies an image into `frame`.
    fn give<R: Read>(&mut self, window: &mut Window<R>, length: usize, frame: &mut Frame) {
        frame.bytes.clear();
        frame.bytes.extend_from_slice(&window.bytes()[..length]);
        frame.encoding = Encoding::File;
        window.consume(length);
    }

    /// A picture has been passed up to `length`: from now on what it says follows it counts.
    fn follow(&mut self, walker: Walker, length: usize) {
        self.multipart.pass(length);
        self.file = PictureFile::new(walker, length);
    }

    /// Whether the image at hand belongs to the last picture's file.
    fn is_attached<R: Read>(&mut self, window: &mut Window<R>, length: usize) -> Result<bool> {
        if let Some(size) = self.file.size_here(length) {
            while window.bytes().len() < size && self.more(window)? {}
        }
        let is_attached = self.file.holds(window.bytes(), length);
        if is_attached && !self.has_told {
            self.has_told = true;
            log::info!(
                "{}: further images inside a picture's file (MPO, gain map) are no frames of their own",
                self.name
            );
        }
        Ok(is_attached)
    }

    /// Takes `length` bytes of a bad image off, and what follows up to the next start; how
    /// much that is. Zeros are padding and not counted.
    fn skip_to_start<R: Read>(&mut self, window: &mut Window<R>, length: usize) -> Result<usize> {
        window.consume(length);
        let mut skipped = 0;
        loop {
            let (before, is_found) = find_start(window.bytes());
            skipped += nonzero(&window.bytes()[..before]);
            self.consume(window, before);
            if is_found {
                return Ok(skipped);
            }
            if !self.more(window)? {
                skipped += nonzero(window.bytes());
                self.consume(window, window.bytes().len());
                return Ok(skipped);
            }
        }
    }

    /// What is said of bytes that are nothing known.
    fn garbage<R: Read>(&mut self, window: &mut Window<R>) -> Result<Error> {
        self.file.trailer = Trailer::None;
        // The first byte starts nothing.
        let first = nonzero(&window.bytes()[..1]);
        self.file.pass(1);
        let skipped = first + self.skip_to_start(window, 1)?;
        Ok(if window.bytes().is_empty() {
            self.has_ended = true;
            self.error(format!("{skipped} bytes at the end are not an image"))
        } else {
            self.error(format!(
                "{skipped} bytes between images are not an image and were skipped"
            ))
        })
    }
}

fn nonzero(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte != 0).count()
}

#[cfg(test)]
mod tests {
    use super::{Frame, Images};
    use crate::pipeline::capture::window::Window;
    use std::io::Read;

    /// Gives a stream in pieces; of many sizes where `size` is 0.
    struct Pieces<'a> {
        bytes: &'a [u8],
        size: usize,
        random: fastrand::Rng,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let size = match self.size {
                0 => self.random.usize(1..700),
                size => size,
            };
            let count = size.min(self.bytes.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    /// The frames of a stream, and what is said of it, in whatever pieces it comes.
    fn split(name: &str, bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<String>) {
        let in_pieces = |size| {
            let random = fastrand::Rng::with_seed(7);
            let mut window = Window::new(Pieces {
                bytes,
                size,
                random,
            });
            let mut images = Images::new("-".to_owned(), 1 << 20);
            let (mut frame, mut frames, mut said) = (Frame::default(), Vec::new(), Vec::new());
            loop {
                match images.pull(&mut window, &mut frame) {
                    Ok(true) => frames.push(frame.bytes.clone()),
                    Ok(false) => return (frames, said),
                    Err(error) => said.push(error.problem().to_owned()),
                }
            }
        };
        let whole = in_pieces(usize::MAX);
        for size in [1, 3, 0] {
            assert!(in_pieces(size) == whole, "{name} in pieces of {size}");
        }
        whole
    }

    fn golden(name: &str) -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        std::fs::read(folder.join(name)).unwrap()
    }

    /// Two pictures that differ.
    fn pictures() -> [Vec<u8>; 2] {
        ["jpeg420.jpg", "gray.jpg"].map(golden)
    }

    /// The picture with a segment more.
    fn with_segment(picture: &[u8], code: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [
            &picture[..2],
            &[0xff, code],
            &length[..],
            content,
            &picture[2..],
        ]
        .concat()
    }

    /// An MPO's first picture; `others` are the stated sizes of those that follow.
    fn mpo_start(picture: &[u8], others: &[usize]) -> Vec<u8> {
        let count = others.len() as u32 + 1;
        let long = |v: u32| v.to_le_bytes();
        let mut index = [b"MPF\0II*\0", &long(8)[..], &1_u16.to_le_bytes()].concat();
        index.extend(0xb002_u16.to_le_bytes());
        index.extend(
            [
                &7_u16.to_le_bytes()[..],
                &long(16 * count),
                &long(26),
                &long(0),
            ]
            .concat(),
        );
        let length = picture.len() + 4 + index.len() + 16 * count as usize;
        // Offsets count from the byte order, which is byte 10 of the file.
        let mut offset = length - 10;
        for (number, size) in [length].iter().chain(others).enumerate() {
            let stated = if number == 0 { 0 } else { offset as u32 };
            index.extend([&long(0)[..], &long(*size as u32), &long(stated), &[0; 4]].concat());
            offset += if number == 0 { 0 } else { *size };
        }
        with_segment(picture, 0xe2, &index)
    }

    #[test]
    fn what_else_a_pictures_file_holds_is_no_frame() {
        let [a, b] = pictures();
        let mpo = mpo_start(&a, &[b.len()]);
        let padded = mpo_start(&a, &[b.len() + 5]);
        let wrong = mpo_start(&a, &[b.len(), 2 * b.len()]);
        let container = format!(
            "http://ns.adobe.com/xap/1.0/\0<Container:Directory><rdf:li Item:Semantic=\"Primary\"/>\
             <rdf:li Item:Semantic=\"GainMap\" Item:Length=\"{}\"/>",
            b.len()
        );
        let gain = with_segment(&a, 0xe1, container.as_bytes());
        let thumbnail = with_segment(&a, 0xe1, &[b"Exif\0\0", &b[..]].concat());
        let video = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x0cmdat\xff\xd8\xff\xe0";
        let cases: [(&str, &[u8], Vec<u8>); 7] = [
            ("an MPO", &mpo, b.clone()),
            ("an MPO with padding", &padded, [&b[..], &[0; 5]].concat()),
            ("an MPO of Pillow's", &wrong, [&b[..], &a].concat()),
            ("a gain map", &gain, b.clone()),
            ("a thumbnail", &thumbnail, Vec::new()),
            ("a motion photo", &a, video.to_vec()),
            ("a gain map and a video", &gain, [&b[..], video].concat()),
        ];
        for (name, first, rest) in cases {
            // Others stand before and behind it, of the same sizes as what it holds.
            let stream = [&b[..], first, &rest, &b, first, &rest, &a].concat();
            let (frames, said) = split(name, &stream);
            assert_eq!(said, [""; 0], "{name}");
            assert!(
                frames == [&b[..], first, &b, first, &a],
                "{name}: {}",
                frames.len()
            );
        }
        // What followed it is gone: what follows now is a frame.
        let (frames, _) = split("a stripped MPO", &[&mpo[..], &a, &b].concat());
        assert!(frames == [&mpo[..], &a, &b]);
    }

    #[test]
    fn parts_of_a_multipart_stream_are_frames_and_their_headers_are_nothing() {
        let [a, b] = pictures();
        let part = |head: &str, picture: &[u8]| [head.as_bytes(), picture].concat();
        let typed = |picture: &[u8]| {
            let length = picture.len();
            format!("Content-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n")
        };
        for (boundary, closing) in [
            ("--b", "--b--"),
            ("b", "b\r\n"),
            ("--b--", ""),
            ("--b", "--b"),
        ] {
            let head = |picture: &[u8]| format!("\r\n{boundary}\r\n{}", typed(picture));
            let late = part(&typed(&a), &a);
            let long = [&a[..], b"more of it"].concat();
            let stream = [
                late,
                part(&head(&b), &b),
                // Its length counts what stands behind the picture.
                part(&head(&long), &long),
                part(
                    &format!("\r\n{boundary}\r\nContent-Type: audio/basic\r\n\r\n"),
                    b"\x01words",
                ),
                part(&head(&b), &b),
                format!("\r\n{closing}").into_bytes(),
            ];
            let (frames, said) = split(boundary, &stream.concat());
            assert_eq!(said, [""; 0], "{boundary}");
            assert!(
                frames == [&a[..], &b, &a, &b],
                "{boundary}: {}",
                frames.len()
            );
        }
    }

    #[test]
    fn images_of_all_formats_follow_one_another() {
        let names = [
            "packed.tiff",
            "jpeg444.jpg",
            "packed.tiff",
            "packed.tiff",
            "plain.pgm",
            "lossless.webp",
            "first.gif",
            "plain.bmp",
            "tiny.png",
            "plain.ppm",
            "first.gif",
        ];
        let files = names.map(golden);
        let (frames, said) = split("formats", &files.concat());
        assert_eq!(said, [""; 0]);
        assert!(frames == files, "{}", frames.len());
    }

    #[test]
    fn padding_is_nothing_and_garbage_is_counted() {
        let [a, b] = pictures();
        let cases: [(&str, Vec<u8>, &[&str]); 5] = [
            (
                "padding",
                [
                    &a[..],
                    &[0; 50],
                    &b,
                    b"\xff\xd9\xff\xff\xff",
                    &a,
                    b"\r\n",
                    &b,
                    &[0xff; 9],
                ]
                .concat(),
                &[],
            ),
            (
                "words",
                [&a[..], b"words: 1\r\n\r\n", &b, &a, &b].concat(),
                &["12 bytes between images are not an image and were skipped"],
            ),
            (
                "a cut table",
                // Behind SOI and JFIF's segment, in the first table.
                [&a[..], &b, &a[..30], &a, &b].concat(),
                &["an image is damaged: 30 bytes were skipped"],
            ),
            (
                "a cut scan",
                [&a[..], &b, &a[..a.len() - 9], &a, &b].concat(),
                &["an image is damaged"],
            ),
            (
                "a cut video",
                [&a[..], &b, &a, &b, b"\0\0\0\x10ftypisom"].concat(),
                &["what follows an image in its file is cut short: 4 of 16 bytes are missing"],
            ),
        ];
        for (name, stream, expected) in cases {
            let (frames, said) = split(name, &stream);
            assert!(
                frames == [&a[..], &b, &a, &b],
                "{name}: {} {said:?}",
                frames.len()
            );
            assert_eq!(said.len(), expected.len(), "{name}: {said:?}");
            assert!(
                said.iter().zip(expected).all(|(s, e)| s.starts_with(e)),
                "{name}: {said:?}"
            );
        }
    }
}
