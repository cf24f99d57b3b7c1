//! Pictures for viewers: what the model looks at, as a small JPEG. Made on a thread of its
//! own, and only while somebody watches. A camera's own JPEGs that are small enough are
//! passed on as they are.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::ffi::turbojpeg::JpegDecoder;
use crate::jpeg;
use crate::model::manifest::Color;
use crate::pipeline::capture::{Encoding, Frame};
use crate::pipeline::preprocess::Framing;
use crate::pipeline::view::{JpegEncoder, Sampling, ViewOptions, ViewSize, Viewer};
use crate::priority::lower_priority;
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

/// Shrinks and encodes with buffers that go round.
struct Encoder {
    framing: Framing,
    side: usize,
    header: JpegDecoder,
    viewer: Viewer,
    jpegs: JpegEncoder,
}

impl Encoder {
    fn new(options: PreviewOptions) -> Result<Self> {
        let memory = || Error::engine("libjpeg-turbo", "there is no memory for viewers' pictures");
        Ok(Self {
            framing: options.framing,
            side: options.side,
            header: JpegDecoder::new(64).ok_or_else(memory)?,
            viewer: Viewer::new(ViewOptions {
                framing: options.framing,
                size: ViewSize::Within(options.side),
                color: Color::Rgb,
                max_pixels: options.max_pixels,
            })?,
            jpegs: JpegEncoder::new(QUALITY, Sampling::Quarter)?,
        })
    }

    fn encode(&mut self, frame: &Frame) -> Result<Bytes> {
        if self.is_fit(frame) {
            return Ok(Bytes::copy_from_slice(&frame.bytes));
        }
        let view = self.viewer.view(frame)?;
        self.jpegs.encode(&view).map(Bytes::from)
    }

    /// Whether the frame can be passed on as it is: a small JPEG with its own Huffman
    /// tables, which browsers need and many USB cameras leave out.
    fn is_fit(&mut self, frame: &Frame) -> bool {
        let framing = self.framing;
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
