//! One V4L2 stream, on the `v4l` crate. Whoever asks it for a frame waits only as long as
//! allowed, and gets the newest one. What the crate does not bear is kept from it: it
//! waits for ever, repeats a failed dequeue wrongly, and panics in `drop`.
//!
//! Frames are copied out of the driver's buffers: 0.1 to 0.3 ms for 1280x720 YUYV, and
//! the driver never has to wait for a slow network to give its buffer back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use v4l::buffer::{Flags, Metadata};
use v4l::device::Handle;
use v4l::io::mmap::Stream as Mapped;
use v4l::io::traits::{CaptureStream, Stream as _};

use super::colour::{full_range, matrix};
use super::device::{begin, guarded, open, set_mode};
use crate::error::Result;
use crate::ffi::v4l2::ycbcr_encoding;
use crate::jpeg::is_whole;
use crate::pipeline::capture::camera::modes::{Coding, Mode, ModeRequest};
use crate::pipeline::capture::rows::Rows;
use crate::pipeline::capture::{DropCounters, Encoding, Frame};

/// Timestamps further back than this are not the frame's.
const OLDEST: Duration = Duration::from_secs(10);
/// `poll`'s flag for a frame that can be dequeued, as Linux has it.
const POLLIN: i16 = 1;
/// Linux's error number for a device that was unplugged.
const ENODEV: i32 = 19;

/// What waiting for a frame gave.
pub(crate) enum Dequeued {
    /// A frame.
    Frame,
    /// A frame that is not worth decoding, and why.
    Damaged(String),
    /// Nothing in time.
    Nothing,
    /// The stream is over: unplugged, or the driver gave up.
    Gone(std::io::Error),
}

/// A running stream.
pub(crate) struct CameraStream {
    /// Only empty while it is dropped.
    mapped: Option<Mapped<'static>>,
    handle: Arc<Handle>,
    mode: Mode,
    /// Of pixels; none for JPEGs.
    rows: Option<Rows>,
    sequence: Option<u32>,
    /// Whether the driver's clock was found to be another than ours.
    odd_clock: bool,
}

impl CameraStream {
    /// Opens the camera at `path` in the cheapest mode that fits `request`, and starts it.
    ///
    /// # Errors
    /// It is not there, not allowed, busy, or has no such mode.
    pub(crate) fn start(path: &Path, request: &ModeRequest) -> Result<Self> {
        guarded(path, || {
            let device = open(path)?;
            let (mode, format) = set_mode(&device, path, request)?;
            // What an old driver does not know it leaves to its colour space.
            let encoding = ycbcr_encoding(&device).unwrap_or_default();
            let (matrix, meant) = matrix(encoding, format.colorspace as u32);
            if let (Some(meant), Coding::Pixels(_)) = (meant, mode.coding) {
                let place = path.display();
                log::warn!("{place}: the camera says {meant}, its colours are read as {matrix:?}");
            }
            let size = (mode.width as usize, mode.height as usize);
            let encoding = mode.coding.encoding(size, full_range(&format), matrix);
            let rows = match encoding {
                Encoding::Raw(raw) => Some(Rows::with_stride(raw, format.stride as usize)),
                Encoding::File => None,
            };
            let mapped = begin(&device, path)?;
            Ok(Self {
                handle: device.handle(),
                mapped: Some(mapped),
                mode,
                rows,
                sequence: None,
                odd_clock: false,
            })
        })
    }

    /// The mode that the driver accepted.
    pub(crate) fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Waits for a frame, at most for `patience`, and copies the newest one out.
    pub(crate) fn next(
        &mut self,
        patience: Duration,
        frame: &mut Frame,
        drops: &mut DropCounters,
    ) -> Dequeued {
        let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        match self.handle.poll(POLLIN, milliseconds) {
            Ok(0) => return Dequeued::Nothing,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Dequeued::Nothing,
            Err(e) => return Dequeued::Gone(e),
            Ok(_) => {}
        }
        loop {
            let Some(mapped) = self.mapped.as_mut() else {
                return Dequeued::Nothing;
            };
            // A buffer is ready, so this neither waits nor is interrupted.
            let (bytes, meta) = match CaptureStream::next(mapped) {
                Ok(dequeued) => dequeued,
                Err(e) => return Dequeued::Gone(e),
            };
            if let Some(last) = self.sequence {
                drops.camera += u64::from(meta.sequence.wrapping_sub(last).saturating_sub(1));
            }
            self.sequence = Some(meta.sequence);
            if matches!(self.handle.poll(POLLIN, 0), Ok(1)) {
                drops.newer += 1;
                continue;
            }
            let taken = Instant::now();
            let (age, odd_clock) = age(meta);
            frame.sequence = Some(meta.sequence.into());
            if let Err(why) = copy(bytes, meta, self.rows, &mut frame.bytes) {
                return Dequeued::Damaged(why);
            }
            frame.encoding = self
                .rows
                .map_or(Encoding::File, |r| Encoding::Raw(r.format));
            frame.instant = taken.checked_sub(age).unwrap_or(taken);
            frame.time = SystemTime::now() - age;
            frame.capture = taken.elapsed();
            if odd_clock && !std::mem::replace(&mut self.odd_clock, true) {
                log::warn!(
                    "the camera's timestamps are not on this system's clock: frames are dated when they arrive"
                );
            }
            return Dequeued::Frame;
        }
    }
}

impl Drop for CameraStream {
    fn drop(&mut self) {
        let Some(mut mapped) = self.mapped.take() else {
            return;
        };
        // The crate's own `drop` panics if it cannot stop the stream, and again in that of
        // the buffers. A stopped or an unplugged stream it bears.
        let mut stopped = mapped.stop();
        while stopped.as_ref().is_err_and(is_interrupted) {
            stopped = mapped.stop();
        }
        let bearable = match stopped {
            Ok(()) => true,
            Err(e) => e.raw_os_error() == Some(ENODEV),
        };
        if !bearable {
            std::mem::forget(mapped);
        } else if catch_unwind(AssertUnwindSafe(|| drop(mapped))).is_ok() {
            return;
        }
        log::warn!("the camera cannot be stopped, its buffers are left behind");
    }
}

fn is_interrupted(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::Interrupted
}

/// How old a frame is by the driver's timestamp; and whether that cannot be told, because
/// its clock is not the monotonic one.
fn age(meta: &Metadata) -> (Duration, bool) {
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32);
    let stamped = Duration::from(meta.timestamp);
    let monotonic = meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
    match now.checked_sub(stamped) {
        Some(age) if monotonic && age < OLDEST => (age, false),
        _ => (Duration::ZERO, true),
    }
}

/// Copies a frame without the padding at the end of its rows.
fn copy(
    bytes: &[u8],
    meta: &Metadata,
    rows: Option<Rows>,
    out: &mut Vec<u8>,
) -> std::result::Result<(), String> {
    let used = bytes.get(..meta.bytesused as usize).unwrap_or(bytes);
    if meta.flags.contains(Flags::ERROR) {
        return Err(format!(
            "the driver flags a frame of {} bytes as faulty",
            used.len()
        ));
    }
    let Some(rows) = rows else {
        if !is_whole(used) {
            return Err(format!(
                "a JPEG of {} bytes is cut short or not one",
                used.len()
            ));
        }
        out.clear();
        out.extend_from_slice(used);
        return Ok(());
    };
    if rows.copy(used, out) {
        return Ok(());
    }
    let (found, expected) = (used.len(), rows.bytes().unwrap_or(usize::MAX));
    Err(format!("a frame of {found} bytes, expected {expected}"))
}
