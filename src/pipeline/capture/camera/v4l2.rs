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
use v4l::buffer::{Flags, Metadata, Type};
use v4l::device::{Device, Handle};
use v4l::format::{Colorspace, Format, FourCC, Quantization};
use v4l::fraction::Fraction;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream as Mapped;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;

use super::modes::{self, Coding, Mode, ModeWish};
use crate::error::{Error, Result};
use crate::jpeg::is_whole;
use crate::pipeline::capture::{Encoding, Frame, Tally};

/// Buffers in circulation: one being filled, one waiting, one held by us, one to spare.
const BUFFERS: u32 = 4;
/// Sizes tried on drivers that take any.
const USUAL_SIZES: [(u32, u32); 9] = [
    (320, 180),
    (320, 240),
    (640, 360),
    (640, 480),
    (800, 600),
    (960, 540),
    (1280, 720),
    (1920, 1080),
    (3840, 2160),
];
/// Drivers that list more are not believed.
const MAX_MODES: usize = 4096;
/// Timestamps further back than this are not the frame's.
const OLDEST: Duration = Duration::from_secs(10);

/// `poll`'s flag for a frame that can be dequeued, as Linux has it.
const POLLIN: i16 = 1;
/// Linux error numbers that mean something to a user.
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;

/// What waiting for a frame gave.
pub enum Got {
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
pub struct Stream {
    /// Only empty while it is dropped.
    mapped: Option<Mapped<'static>>,
    handle: Arc<Handle>,
    mode: Mode,
    encoding: Encoding,
    stride: usize,
    sequence: Option<u32>,
    /// Whether the driver's clock was found to be another than ours.
    odd_clock: bool,
}

/// Every mode of the camera at `path` that can be read; none for a metadata node.
///
/// # Errors
/// It cannot be opened.
pub fn modes(path: &Path) -> Result<Vec<Mode>> {
    guarded(path, || Ok(list_modes(&open(path)?)))
}

/// The crate trusts what drivers say and panics where they surprise it: that is an error
/// of this camera, not the end of the program.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::usage(
            path.display().to_string(),
            "its driver says something that is not understood",
        ))
    })
}

fn open(path: &Path) -> Result<Device> {
    Device::with_path(path).map_err(|e| refused(path, "cannot be opened", e))
}

/// An error of the driver, with what mends it.
fn refused(path: &Path, what: &str, error: std::io::Error) -> Error {
    let place = path.display().to_string();
    let remedy = match error.raw_os_error() {
        Some(EACCES) => Some("sudo usermod -aG video $USER, then log in again".to_owned()),
        Some(EBUSY) => Some(format!("another program uses it: fuser -v {place}")),
        _ => None,
    };
    let error = Error::usage(place, what).caused_by(error);
    match remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

fn list_modes(device: &Device) -> Vec<Mode> {
    let mut modes = Vec::new();
    for description in device.enum_formats().unwrap_or_default() {
        let fourcc = description.fourcc;
        let Some(coding) = Coding::from_fourcc(fourcc.repr) else {
            continue;
        };
        for (width, height) in sizes(device, fourcc) {
            for interval in intervals(device, fourcc, width, height) {
                modes.push(Mode {
                    fourcc: fourcc.repr,
                    coding,
                    width,
                    height,
                    interval,
                    fps: rate(interval),
                });
            }
        }
        modes.truncate(MAX_MODES);
    }
    modes
}

/// Frames per second; 0 where the driver does not say.
fn rate((numerator, denominator): (u32, u32)) -> f64 {
    match numerator {
        0 => 0.0,
        _ => f64::from(denominator) / f64::from(numerator),
    }
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<(u32, u32)> {
    let listed = device.enum_framesizes(fourcc).unwrap_or_default();
    if listed.is_empty() {
        // Drivers of capture cards list nothing: they have the size of their input.
        let current = device.format().ok();
        return current.map(|f| (f.width, f.height)).into_iter().collect();
    }
    let usual = |least: u32, most: u32, size: u32| (least..=most).contains(&size);
    let mut sizes: Vec<(u32, u32)> = listed
        .into_iter()
        .flat_map(|listed| match listed.size {
            FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
            FrameSizeEnum::Stepwise(any) => USUAL_SIZES
                .into_iter()
                .filter(|(w, h)| {
                    usual(any.min_width, any.max_width, *w)
                        && usual(any.min_height, any.max_height, *h)
                })
                .collect(),
        })
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn intervals(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<(u32, u32)> {
    let listed = device
        .enum_frameintervals(fourcc, width, height)
        .unwrap_or_default();
    let mut intervals: Vec<(u32, u32)> = listed
        .into_iter()
        .flat_map(|listed| match listed.interval {
            FrameIntervalEnum::Discrete(one) => vec![(one.numerator, one.denominator)],
            // The shortest interval and thirty per second, where that is within.
            FrameIntervalEnum::Stepwise(any) => {
                let ends = [any.min, any.max].map(|f| (f.numerator, f.denominator));
                let thirty = (rate(ends[1])..=rate(ends[0])).contains(&30.0);
                let mut some = vec![ends[0]];
                some.extend(thirty.then_some((1, 30)));
                some
            }
        })
        .collect();
    if intervals.is_empty() {
        intervals.push((0, 1));
    }
    intervals
}

impl Stream {
    /// Opens the camera at `path` in the cheapest mode that fits `wish`, and starts it.
    ///
    /// # Errors
    /// It is not there, not allowed, busy, or has no such mode.
    pub fn start(path: &Path, wish: &ModeWish) -> Result<Self> {
        guarded(path, || {
            let device = open(path)?;
            let (mode, format) = set_mode(&device, path, wish)?;
            let full_range = match format.quantization {
                Quantization::FullRange => true,
                Quantization::LimitedRange => false,
                Quantization::Default => format.colorspace as u32 == Colorspace::JPEG as u32,
            };
            let (width, height) = (mode.width as usize, mode.height as usize);
            let mapped = begin(&device, path)?;
            Ok(Self {
                handle: device.handle(),
                mapped: Some(mapped),
                mode,
                encoding: mode.coding.encoding(width, height, full_range),
                stride: format.stride as usize,
                sequence: None,
                odd_clock: false,
            })
        })
    }

    /// The mode that the driver accepted.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Waits for a frame, at most for `patience`, and copies the newest one out.
    pub fn next(&mut self, patience: Duration, frame: &mut Frame, tally: &mut Tally) -> Got {
        let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        match self.handle.poll(POLLIN, milliseconds) {
            Ok(0) => return Got::Nothing,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Got::Nothing,
            Err(e) => return Got::Gone(e),
            Ok(_) => {}
        }
        loop {
            let Some(mapped) = self.mapped.as_mut() else {
                return Got::Nothing;
            };
            // A buffer is ready, so this neither waits nor is interrupted.
            let (bytes, meta) = match CaptureStream::next(mapped) {
                Ok(dequeued) => dequeued,
                Err(e) => return Got::Gone(e),
            };
            if let Some(last) = self.sequence {
                tally.camera += u64::from(meta.sequence.wrapping_sub(last).saturating_sub(1));
            }
            self.sequence = Some(meta.sequence);
            if matches!(self.handle.poll(POLLIN, 0), Ok(1)) {
                tally.newer += 1;
                continue;
            }
            let taken = Instant::now();
            let (age, odd_clock) = age(meta);
            if let Err(why) = copy(bytes, meta, self.encoding, self.stride, &mut frame.bytes) {
                return Got::Damaged(why);
            }
            frame.encoding = self.encoding;
            frame.instant = taken.checked_sub(age).unwrap_or(taken);
            frame.time = SystemTime::now() - age;
            frame.capture = taken.elapsed();
            if odd_clock && !std::mem::replace(&mut self.odd_clock, true) {
                log::warn!(
                    "the camera's timestamps are not on this system's clock: frames are dated when they arrive"
                );
            }
            return Got::Frame;
        }
    }
}

impl Drop for Stream {
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

/// Sets format and frame rate; what the driver makes of them counts.
fn set_mode(device: &Device, path: &Path, wish: &ModeWish) -> Result<(Mode, Format)> {
    let place = path.display().to_string();
    let modes = list_modes(device);
    if modes.is_empty() {
        return Err(
            Error::usage(place, "it offers no pictures that can be read")
                .remedy("see `ocelli devices`; a CSI camera behind libcamera is `csi:0`"),
        );
    }
    let mut mode = modes::choose(&modes, wish).ok_or_else(|| {
        Error::usage(&place, "the camera has no such mode")
            .remedy("`ocelli devices` lists its modes; leave --width, --height, --fps or --pixel-format out")
    })?;
    let fourcc = FourCC::new(&mode.fourcc);
    let asked = Format::new(mode.width, mode.height, fourcc);
    let set = || device.set_format(&asked);
    // Some drivers refuse a new format once while another frame rate is set.
    let format = match set() {
        Err(e) if e.raw_os_error() == Some(EINVAL) => set(),
        other => other,
    }
    .map_err(|e| refused(path, &format!("{mode} is refused"), e))?;
    if format.fourcc != fourcc {
        return Err(Error::usage(
            place,
            format!("{mode} was asked for, the driver gives {}", format.fourcc),
        ));
    }
    (mode.width, mode.height) = (format.width, format.height);
    let (numerator, denominator) = mode.interval;
    if numerator > 0 {
        let asked = Parameters::new(Fraction::new(numerator, denominator));
        // Drivers without a choice of rates refuse; their own rate is as good.
        if let Ok(given) = device.set_params(&asked) {
            mode.interval = (given.interval.numerator, given.interval.denominator);
            mode.fps = rate(mode.interval);
        }
    }
    if matches!(format.colorspace, Colorspace::Rec709) && mode.coding != Coding::Mjpeg {
        log::warn!("{place}: the camera says Rec. 709, its colours are read as Rec. 601");
    }
    Ok((mode, format))
}

/// Maps buffers and starts the stream. All buffers but the first are queued: that is the
/// state in which the crate's `next` queues the first and dequeues, so that the very first
/// frame can be waited for with a limit, too.
fn begin(device: &Device, path: &Path) -> Result<Mapped<'static>> {
    let cannot = |e| refused(path, "the stream cannot be started", e);
    let mut mapped = Mapped::with_buffers(device, Type::VideoCapture, BUFFERS).map_err(cannot)?;
    // The driver decides how many there are, and refuses the first one too many.
    for index in 1..32 {
        match CaptureStream::queue(&mut mapped, index) {
            Ok(()) => {}
            Err(_) if index > 1 => break,
            Err(e) => return Err(cannot(e)),
        }
    }
    mapped.start().map_err(cannot)?;
    Ok(mapped)
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
    encoding: Encoding,
    stride: usize,
    out: &mut Vec<u8>,
) -> std::result::Result<(), String> {
    let used = bytes.get(..meta.bytesused as usize).unwrap_or(bytes);
    if meta.flags.contains(Flags::ERROR) {
        return Err(format!(
            "the driver flags a frame of {} bytes as faulty",
            used.len()
        ));
    }
    out.clear();
    let Encoding::Raw(format) = encoding else {
        if !is_whole(used) {
            return Err(format!(
                "a JPEG of {} bytes is cut short or none",
                used.len()
            ));
        }
        out.extend_from_slice(used);
        return Ok(());
    };
    let (Some(expected), Some(planes)) = (format.frame_bytes(), format.planes()) else {
        return Err(format!("{format:?} is too large"));
    };
    if stride <= planes[0].0 {
        let whole = used.get(..expected);
        out.extend_from_slice(whole.ok_or_else(|| short(used.len(), expected))?);
        return Ok(());
    }
    let mut rest = used;
    for (row, rows) in planes {
        // The stride is that of the first plane; the others' is in proportion.
        let padded = stride * row / planes[0].0;
        for _ in 0..rows {
            let pixels = rest.get(..row);
            out.extend_from_slice(pixels.ok_or_else(|| short(used.len(), expected))?);
            rest = rest.get(padded..).unwrap_or_default();
        }
    }
    Ok(())
}

fn short(found: usize, expected: usize) -> String {
    format!("a frame of {found} bytes, expected {expected}")
}
