//! What makes one picture for viewers: what the model looks at of a frame, as a small JPEG.
//! One decoder and one compressor serve all sources; only what depends on the size of a
//! source's pictures is kept for each.

use bytes::Bytes;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::PreviewOptions;
use crate::error::{Error, Result};
use crate::ffi::turbojpeg::JpegDecoder;
use crate::jpeg;
use crate::model::manifest::{Color, CropRule, Dtype, Filter, Input, Layout, Preprocess, Resize};
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::decode::{DecodeOptions, Decoder, Need, Picture};
use crate::pipeline::preprocess::{Framing, Geometry, Preprocessor};
use crate::region::Region;
use crate::tensor::{Elements, Tensor};

/// JPEG quality of pictures made here: differences are not seen at a glance.
const QUALITY: i32 = 80;

/// Decodes, shrinks and encodes with buffers that go round.
pub(super) struct Encoder {
    sources: Vec<Viewed>,
    header: JpegDecoder,
    decoder: Decoder,
    picture: Picture,
    compressor: Compressor,
}

/// A source as viewers see it.
struct Viewed {
    size: PreviewSize,
    shrinker: Option<Shrinker>,
}

/// What brings pictures of one size to the viewers'.
struct Shrinker {
    from: (usize, usize),
    to: (usize, usize),
    preprocessor: Preprocessor,
    tensor: Tensor,
}

/// The size of what viewers get.
struct PreviewSize {
    framing: Framing,
    side: usize,
}

impl PreviewSize {
    /// Width and height for a picture of `width` x `height` pixels; never larger.
    fn target(&self, width: usize, height: usize) -> (usize, usize) {
        let shares = self.framing.roi.map_or((1.0, 1.0), |r| (r.width, r.height));
        let seen = (width as f64 * shares.0, height as f64 * shares.1);
        let (across, down) = self.framing.turn.swap(seen);
        let scale = (self.side as f64 / across.max(down)).min(1.0);
        let pixels = |length: f64| ((length * scale).round() as usize).max(1);
        (pixels(across), pixels(down))
    }

    /// Whether a frame can be passed on as it is: a small JPEG with its own Huffman tables,
    /// which browsers need and many USB cameras leave out.
    fn fits(&self, frame: &Frame, header: &mut JpegDecoder) -> bool {
        if frame.encoding != Encoding::File
            || !self.framing.turn.is_none()
            || self.framing.roi.is_some()
            || !jpeg::has_tables(&frame.bytes)
        {
            return false;
        }
        let header = header.header(&frame.bytes);
        header.is_ok_and(|h| h.width.max(h.height) <= self.side && !h.cmyk)
    }

    fn geometry(&self, width: usize, height: usize) -> Geometry {
        let (width, height) = self.target(width, height);
        let preprocess = Preprocess {
            resize: Resize::Exact { width, height },
            filter: Filter::Bilinear,
            antialias: true,
            crop: None,
            crop_rule: CropRule::default(),
            rescale: 1.0,
            mean: vec![0.0; 3],
            std: vec![1.0; 3],
        };
        Geometry::new(&preprocess, self.framing, false)
    }

    fn shrinker(&self, from: (usize, usize)) -> Shrinker {
        let to = self.target(from.0, from.1);
        let input = Input {
            tensor: String::new(),
            layout: Layout::Nhwc,
            dtype: Dtype::Uint8,
            color: Color::Rgb,
            width: to.0,
            height: to.1,
            quantization: None,
        };
        let preprocessor = Preprocessor::new(&input, self.geometry(from.0, from.1));
        Shrinker {
            from,
            to,
            tensor: preprocessor.tensor(1),
            preprocessor,
        }
    }
}

impl Need for PreviewSize {
    fn region(&self, width: usize, height: usize) -> Region {
        self.geometry(width, height).region(width, height)
    }

    fn eighths(&self, width: usize, height: usize) -> usize {
        let (across, down) = self.target(width, height);
        let shrink = width.max(height) as f64 / across.max(down) as f64;
        // Nobody measures these pictures: decoding at a lower resolution is good enough.
        let enough = |eighths: &usize| shrink * *eighths as f64 / 8.0 >= 1.0;
        [1, 2, 4].into_iter().find(enough).unwrap_or(8)
    }
}

impl Encoder {
    /// Makes pictures of sources that are looked at through `framings`.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(super) fn new(options: &PreviewOptions, framings: &[Framing]) -> Result<Self> {
        let memory = |what: &str| Error::engine(what, "there is no memory for viewers' pictures");
        let mut compressor = Compressor::new().map_err(|e| memory("libjpeg-turbo").caused_by(e))?;
        compressor
            .set_quality(QUALITY)
            .and_then(|()| compressor.set_subsamp(Subsamp::Sub2x2))
            .map_err(|e| memory("libjpeg-turbo").caused_by(e))?;
        Ok(Self {
            sources: framings
                .iter()
                .map(|framing| Viewed {
                    size: PreviewSize {
                        framing: *framing,
                        side: options.side,
                    },
                    shrinker: None,
                })
                .collect(),
            header: JpegDecoder::new(64).ok_or_else(|| memory("libjpeg-turbo"))?,
            decoder: Decoder::new(DecodeOptions {
                max_pixels: options.max_pixels,
                gray: false,
            })?,
            picture: Picture::default(),
            compressor,
        })
    }

    /// The picture of a frame of this source.
    ///
    /// # Errors
    /// The frame is no picture, or it cannot be encoded.
    pub(super) fn encode(&mut self, source: usize, frame: &Frame) -> Result<Bytes> {
        let Viewed { size, shrinker } = &mut self.sources[source];
        if size.fits(frame, &mut self.header) {
            return Ok(Bytes::copy_from_slice(&frame.bytes));
        }
        self.decoder.decode(frame, size, &mut self.picture)?;
        let from = (self.picture.width, self.picture.height);
        let kept = match shrinker.take() {
            Some(kept) if kept.from == from => kept,
            _ => size.shrinker(from),
        };
        let Shrinker {
            to,
            preprocessor,
            tensor,
            ..
        } = shrinker.insert(kept);
        preprocessor.run(&self.picture, tensor, 0);
        let Elements::Uint8(pixels) = tensor.elements() else {
            return Err(Error::engine("viewers", "their pictures are not bytes"));
        };
        let image = Image {
            pixels: &pixels[..],
            width: to.0,
            pitch: 3 * to.0,
            height: to.1,
            format: PixelFormat::RGB,
        };
        let jpeg = self.compressor.compress_to_vec(image);
        jpeg.map(Bytes::from)
            .map_err(|e| Error::output("viewers", "a picture cannot be encoded").caused_by(e))
    }
}
