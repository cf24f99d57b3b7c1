//! What makes one picture for viewers: what the model looks at of a frame, as a small JPEG.

use bytes::Bytes;

use super::PreviewOptions;
use crate::error::{Error, Result};
use crate::ffi::turbojpeg::JpegDecoder;
use crate::jpeg;
use crate::model::manifest::Color;
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::preprocess::Framing;
use crate::pipeline::view::{JpegEncoder, Sampling, ViewOptions, ViewSize, Viewer};

/// JPEG quality of pictures made here: differences are not seen at a glance.
const QUALITY: i32 = 80;

/// Shrinks and encodes with buffers that go round.
pub(super) struct Encoder {
    framings: Vec<Framing>,
    side: usize,
    header: JpegDecoder,
    viewer: Viewer,
    jpegs: JpegEncoder,
}

impl Encoder {
    /// Makes pictures of sources that are looked at through `framings`.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(super) fn new(options: &PreviewOptions, framings: &[Framing]) -> Result<Self> {
        let memory = || Error::engine("libjpeg-turbo", "there is no memory for viewers' pictures");
        let view = ViewOptions {
            size: ViewSize::Within(options.side),
            color: Color::Rgb,
            max_pixels: options.max_pixels,
        };
        Ok(Self {
            framings: framings.to_vec(),
            side: options.side,
            header: JpegDecoder::new(64).ok_or_else(memory)?,
            viewer: Viewer::new(view, framings)?,
            jpegs: JpegEncoder::new(QUALITY, Sampling::Quarter)?,
        })
    }

    /// The picture of a frame of this source.
    ///
    /// # Errors
    /// The frame is no picture, or it cannot be encoded.
    pub(super) fn encode(&mut self, source: usize, frame: &Frame) -> Result<Bytes> {
        if self.is_fit(source, frame) {
            return Ok(Bytes::copy_from_slice(&frame.bytes));
        }
        let view = self.viewer.view(source, frame)?;
        self.jpegs.encode(&view).map(Bytes::from)
    }

    /// Whether the frame can be passed on as it is: a small JPEG with its own Huffman
    /// tables, which browsers need and many USB cameras leave out.
    fn is_fit(&mut self, source: usize, frame: &Frame) -> bool {
        let framing = self.framings[source];
        if frame.encoding != Encoding::File
            || !framing.turn.is_none()
            || framing.roi.is_some()
            || !jpeg::has_tables(&frame.bytes)
        {
            return false;
        }
        let header = self.header.header(&frame.bytes);
        header.is_ok_and(|h| h.width.max(h.height) <= self.side && !h.cmyk)
    }
}
