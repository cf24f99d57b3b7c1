//! A V4L2 device as it is found and set up: its modes, the one that is chosen, and what its
//! driver says when it refuses. The crate trusts what drivers say and panics where they
//! surprise it: that is an error of this camera, not the end of the program.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use v4l::buffer::Type;
use v4l::device::Device;
use v4l::format::{Format, FourCC};
use v4l::fraction::Fraction;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream as Mapped;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;

use crate::error::{Error, Result};
use crate::pipeline::capture::camera::choose::choose;
use crate::pipeline::capture::camera::modes::{Coding, Mode, ModeRequest};

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
/// Linux error numbers that mean something to a user.
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;

/// Every mode of the camera at `path` that can be read; none for a metadata node.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn modes_of(path: &Path) -> Result<Vec<Mode>> {
    guarded(path, || Ok(list_modes(&open(path)?)))
}

/// Does what may panic in the crate.
pub(crate) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::usage(
            path.display().to_string(),
            "its driver says something that is not understood",
        ))
    })
}

pub(crate) fn open(path: &Path) -> Result<Device> {
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
        Some(remedy) => error.with_remedy(remedy),
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

/// Sets format and frame rate; what the driver makes of them counts.
pub(crate) fn set_mode(
    device: &Device,
    path: &Path,
    request: &ModeRequest,
) -> Result<(Mode, Format)> {
    let place = path.display().to_string();
    let modes = list_modes(device);
    if modes.is_empty() {
        return Err(
            Error::usage(place, "it offers no pictures that can be read")
                .with_remedy("see `ocelli devices`; a CSI camera behind libcamera is `csi:0`"),
        );
    }
    let mut mode = choose(&modes, request).ok_or_else(|| {
        Error::usage(&place, "the camera has no such mode")
            .with_remedy("ask for one of its modes, or for less")
            .with_settings(&["width", "height", "fps", "pixel_format"])
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
    Ok((mode, format))
}

/// Maps buffers and starts the stream. All buffers but the first are queued: that is the
/// state in which the crate's `next` queues the first and dequeues, so that the very first
/// frame can be waited for with a limit, too.
pub(crate) fn begin(device: &Device, path: &Path) -> Result<Mapped<'static>> {
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
