//! What is kept of a frame: a JPEG of what is looked at, and no more, the right way up. That
//! of a camera is kept byte for byte; one that is mounted sideways gets a note for whoever
//! shows it (EXIF). Everything else is made anew.

use std::borrow::Cow;

use super::RingSource;
use super::signature::CELLS;
use crate::error::Result;
use crate::jpeg::{self, APP1, SOI};
use crate::model::manifest::Color;
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::preprocess::{Framing, Turn};
use crate::pipeline::view::{JpegEncoder, Sampling, ViewOptions, ViewSize, Viewer};

/// Quality of JPEGs made here: what is trained on them should not learn their blocks.
const QUALITY: i32 = 95;

/// Makes them with buffers that go round.
pub(super) struct Pictures {
    framing: Framing,
    cells: Viewer,
    whole: Viewer,
    jpegs: JpegEncoder,
}

impl Pictures {
    /// Of a source's frames.
    ///
    /// # Errors
    /// There is no memory for decoders.
    pub(super) fn new(source: &RingSource) -> Result<Self> {
        let viewer = |size, color| {
            let options = ViewOptions {
                size,
                color,
                max_pixels: source.max_pixels,
            };
            Viewer::new(options, &[source.framing])
        };
        Ok(Self {
            framing: source.framing,
            cells: viewer(ViewSize::Square(CELLS), Color::Gray)?,
            whole: viewer(ViewSize::Whole, Color::Rgb)?,
            jpegs: JpegEncoder::new(QUALITY, Sampling::Half)?,
        })
    }

    /// Luma of what is looked at, in cells.
    ///
    /// # Errors
    /// The frame is damaged.
    pub(super) fn luma(&mut self, frame: &Frame) -> Result<Vec<u8>> {
        Ok(self.cells.view(0, frame)?.pixels.to_vec())
    }

    /// What is kept.
    ///
    /// # Errors
    /// The frame is damaged.
    pub(super) fn jpeg<'a>(&mut self, frame: &'a Frame) -> Result<Cow<'a, [u8]>> {
        match as_captured(frame, self.framing) {
            Some(jpeg) => Ok(jpeg),
            None => self
                .jpegs
                .encode(&self.whole.view(0, frame)?)
                .map(Cow::Owned),
        }
    }
}

/// The camera's own JPEG, if it can be kept.
fn as_captured(frame: &Frame, framing: Framing) -> Option<Cow<'_, [u8]>> {
    let bytes = &frame.bytes[..];
    let is_jpeg = frame.encoding == Encoding::File && bytes.starts_with(&[0xff, SOI]);
    if !is_jpeg || framing.roi.is_some() {
        return None;
    }
    if framing.turn.is_none() {
        return Some(Cow::Borrowed(bytes));
    }
    let prologue = jpeg::prologue(bytes);
    let says_nothing = prologue.exif.is_none() && prologue.xmp.is_none();
    says_nothing
        .then(|| Cow::Owned([&bytes[..2], &orientation(framing.turn), &bytes[2..]].concat()))
}

/// The segment that says which way up a JPEG is.
fn orientation(turn: Turn) -> [u8; 36] {
    let mut segment = [0; 36];
    segment[..4].copy_from_slice(&[0xff, APP1, 0, 34]);
    // A TIFF structure of one entry at offset 8: tag 0x112, one 16-bit number.
    segment[4..24].copy_from_slice(b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03");
    segment[24..28].copy_from_slice(&[0, 0, 0, 1]);
    segment[29] = turn.exif();
    segment
}

#[cfg(test)]
mod tests {
    use super::Pictures;
    use crate::monitor::ring::RingSource;
    use crate::pipeline::capture::{Encoding, Frame, Matrix, PixelFormat, RawFormat};
    use crate::pipeline::preprocess::{Framing, Roi, Rotation, Turn};

    fn pictures(turn: Turn, roi: Option<Roi>) -> Pictures {
        Pictures::new(&RingSource {
            name: None,
            folder: None,
            framing: Framing { turn, roi },
            max_pixels: 1_000_000,
        })
        .unwrap()
    }

    /// Grey, 64 x 32; its left half is dark, and of the right half the upper one.
    fn raw() -> Frame {
        let luma = |at: usize| match (at % 64, at / 64) {
            (32.., 16..) => 200,
            (32.., _) => 100,
            _ => 20,
        };
        let format = RawFormat {
            pixels: PixelFormat::Gray8,
            width: 64,
            height: 32,
            full_range: true,
            matrix: Matrix::Bt601,
        };
        Frame {
            bytes: (0..64 * 32).map(luma).collect(),
            encoding: Encoding::Raw(format),
            ..Frame::default()
        }
    }

    fn file(bytes: Vec<u8>) -> Frame {
        Frame {
            bytes,
            ..Frame::default()
        }
    }

    /// The cells of a picture as a viewer of it sees it: corners, row by row.
    fn corners(jpeg: Vec<u8>) -> Vec<u8> {
        let seen = pictures(Turn::default(), None).luma(&file(jpeg)).unwrap();
        [0, 15, 240, 255].map(|at| seen[at]).to_vec()
    }

    fn near(seen: &[u8], expected: [u8; 4]) {
        let is_near = seen.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3);
        assert!(is_near, "{seen:?}, expected {expected:?}");
    }

    #[test]
    fn pixels_become_a_jpeg_of_what_is_looked_at_the_right_way_up() {
        let right = Turn::new(Rotation::Right, (false, false));
        let jpeg = |turn, roi| pictures(turn, roi).jpeg(&raw()).unwrap().into_owned();
        near(&corners(jpeg(Turn::default(), None)), [20, 100, 20, 200]);
        // Clockwise, the left edge comes up.
        near(&corners(jpeg(right, None)), [20, 20, 200, 100]);
        let lower_right = Roi {
            x: 0.5,
            y: 0.5,
            width: 0.5,
            height: 0.5,
        };
        near(&corners(jpeg(Turn::default(), Some(lower_right))), [200; 4]);
    }

    #[test]
    fn a_camera_s_jpeg_is_kept_byte_for_byte_and_says_which_way_up_it_is() {
        let upright = pictures(Turn::default(), None)
            .jpeg(&raw())
            .unwrap()
            .into_owned();
        let frame = file(upright.clone());
        let kept = pictures(Turn::default(), None)
            .jpeg(&frame)
            .unwrap()
            .into_owned();
        assert!(kept == upright);
        for rotation in [
            Rotation::None,
            Rotation::Right,
            Rotation::Half,
            Rotation::Left,
        ] {
            for flip in [(false, false), (true, false), (false, true), (true, true)] {
                let turn = Turn::new(rotation, flip);
                let kept = pictures(turn, None).jpeg(&frame).unwrap().into_owned();
                let added = if turn.is_none() { 0 } else { 36 };
                assert_eq!(kept.len(), upright.len() + added);
                assert!(kept.ends_with(&upright[2..]));
                let made = pictures(turn, None).jpeg(&raw()).unwrap().into_owned();
                let expected = corners(made);
                near(&corners(kept), [0, 1, 2, 3].map(|at| expected[at]));
            }
        }
        // One that says so already is turned by both.
        let right = Turn::new(Rotation::Right, (false, false));
        let sideways = pictures(right, None).jpeg(&frame).unwrap().into_owned();
        let twice = pictures(right, None)
            .jpeg(&file(sideways))
            .unwrap()
            .into_owned();
        near(&corners(twice), [200, 20, 100, 20]);
    }
}
