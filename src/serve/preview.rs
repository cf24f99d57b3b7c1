//! Pictures for viewers: what the model looks at, as a small JPEG. Made on a thread of its
//! own, and only while somebody watches. A camera's own JPEGs that are small enough are
//! passed on as they are.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::error::{Error, Result};
use crate::ffi::turbojpeg::JpegDecoder;
use crate::jpeg;
use crate::model::manifest::{Color, CropRule, Dtype, Filter, Input, Layout, Preprocess, Resize};
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::decode::{DecodeOptions, Decoder, Need, Picture};
use crate::pipeline::preprocess::{Framing, Geometry, Preprocessor};
use crate::priority::lower_priority;
use crate::region::Region;
use crate::tensor::{Elements, Tensor};
use crate::throttle::ThrottledLog;

/// JPEG quality of pictures made here: differences are not seen at a glance.
const QUALITY: i32 = 80;

/// What viewers get.
#[derive(Clone, Copy, Debug)]
pub struct PreviewOptions {
    /// Pictures per second at most.
    pub fps: f64,
    /// Pixels of the longer side at most.
    pub side: usize,
    /// Which part of pictures is looked at, and which way up.
    pub framing: Framing,
    /// Larger pictures are refused.
    pub max_pixels: usize,
}

/// A picture for viewers.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    /// Whose answer goes with it: its own frame's, or that which still stood then.
    pub(crate) frame: u64,
    pub(crate) jpeg: Bytes,
}

/// The frame to encode next.
#[derive(Default)]
struct Slot {
    frame: Frame,
    fresh: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

/// The way to the thread.
pub(crate) struct PreviewEncoder {
    shared: Arc<Shared>,
}

impl PreviewEncoder {
    /// Starts the thread, which passes its pictures, JPEGs, to `show`.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn start(
        options: PreviewOptions,
        show: impl Fn(Shown) + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut encoder = Encoder::new(options)?;
        let theirs = shared.clone();
        thread::Builder::new()
            .name("preview".into())
            .spawn(move || {
                lower_priority();
                let mut failures = ThrottledLog::default();
                let mut frame = Frame::default();
                while theirs.next(&mut frame) {
                    match encoder.encode(&frame) {
                        Ok(jpeg) => show(Shown {
                            frame: frame.number,
                            jpeg,
                        }),
                        Err(error) => {
                            failures.warn(format_args!("no picture for viewers: {error:#}"))
                        }
                    }
                }
            })
            .map_err(|e| Error::engine("viewers", "their thread cannot be started").caused_by(e))?;
        Ok(Self { shared })
    }

    /// Has a copy of the frame encoded, unless a newer one comes before its turn. The
    /// picture goes with the record of frame `number`.
    pub(crate) fn submit(&self, frame: &Frame, number: u64) {
        let mut slot = self.shared.slot.lock();
        slot.frame.number = number;
        slot.frame.bytes.clone_from(&frame.bytes);
        slot.frame.encoding = frame.encoding;
        slot.frame.source.clone_from(&frame.source);
        slot.fresh = true;
        drop(slot);
        self.shared.changed.notify_one();
    }
}

impl Drop for PreviewEncoder {
    fn drop(&mut self) {
        self.shared.slot.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    /// Waits for the next frame; false when there will be none.
    fn next(&self, frame: &mut Frame) -> bool {
        let mut slot = self.slot.lock();
        self.changed
            .wait_while(&mut slot, |slot| !slot.fresh && !slot.closed);
        std::mem::swap(&mut slot.frame, frame);
        slot.fresh = false;
        !slot.closed
    }
}

/// Decodes, shrinks and encodes with buffers that go round.
struct Encoder {
    size: PreviewSize,
    header: JpegDecoder,
    decoder: Decoder,
    picture: Picture,
    shrinker: Option<Shrinker>,
    compressor: Compressor,
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
    fn new(options: PreviewOptions) -> Result<Self> {
        let memory = |what: &str| Error::engine(what, "there is no memory for viewers' pictures");
        let mut compressor = Compressor::new().map_err(|e| memory("libjpeg-turbo").caused_by(e))?;
        compressor
            .set_quality(QUALITY)
            .and_then(|()| compressor.set_subsamp(Subsamp::Sub2x2))
            .map_err(|e| memory("libjpeg-turbo").caused_by(e))?;
        Ok(Self {
            size: PreviewSize {
                framing: options.framing,
                side: options.side,
            },
            header: JpegDecoder::new(64).ok_or_else(|| memory("libjpeg-turbo"))?,
            decoder: Decoder::new(DecodeOptions {
                max_pixels: options.max_pixels,
                gray: false,
            })?,
            picture: Picture::default(),
            shrinker: None,
            compressor,
        })
    }

    fn encode(&mut self, frame: &Frame) -> Result<Bytes> {
        if self.is_fit(frame) {
            return Ok(Bytes::copy_from_slice(&frame.bytes));
        }
        self.decoder.decode(frame, &self.size, &mut self.picture)?;
        let from = (self.picture.width, self.picture.height);
        let shrinker = match self.shrinker.take() {
            Some(shrinker) if shrinker.from == from => shrinker,
            _ => self.size.shrinker(from),
        };
        let Shrinker {
            to,
            preprocessor,
            tensor,
            ..
        } = self.shrinker.insert(shrinker);
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

    /// Whether the frame can be passed on as it is: a small JPEG with its own Huffman
    /// tables, which browsers need and many USB cameras leave out.
    fn is_fit(&mut self, frame: &Frame) -> bool {
        let framing = self.size.framing;
        if frame.encoding != Encoding::File
            || !framing.turn.is_none()
            || framing.roi.is_some()
            || !jpeg::has_tables(&frame.bytes)
        {
            return false;
        }
        let header = self.header.header(&frame.bytes);
        header.is_ok_and(|h| h.width.max(h.height) <= self.size.side && !h.cmyk)
    }
}
