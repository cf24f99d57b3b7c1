//! Cameras through nokhwa, `nokhwa:0`: for systems and cameras that our own capture does not
//! know. It knows cameras by number only, waits without a limit, and tells neither when a
//! frame was captured nor whether the driver flagged it; so it runs on a thread that may be
//! lost, frames count from their arrival, and its decoders, which panic, are left alone.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ::nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use ::nokhwa::{Buffer, Camera, NokhwaError};

use super::choose::choose;
use super::modes::{Coding, Mode, ModeRequest};
use super::{FIRST, STALL};
use crate::error::{Error, Result};
use crate::pipeline::capture::outage::Outage;
use crate::pipeline::capture::split::{Progress, Walker};
use crate::pipeline::capture::{DropCounters, Encoding, Frame, Matrix, PixelFormat, Pull, Source};

const FORMATS: [(FrameFormat, Coding); 6] = [
    (FrameFormat::MJPEG, Coding::Mjpeg),
    (FrameFormat::YUYV, Coding::Pixels(PixelFormat::Yuyv)),
    (FrameFormat::NV12, Coding::Pixels(PixelFormat::Nv12)),
    (FrameFormat::GRAY, Coding::Pixels(PixelFormat::Gray8)),
    (FrameFormat::RAWRGB, Coding::Pixels(PixelFormat::Rgb24)),
    (FrameFormat::RAWBGR, Coding::Pixels(PixelFormat::Bgr24)),
];

/// A camera through nokhwa.
pub(crate) struct Portable {
    /// As it was asked for; stands in every record.
    name: String,
    index: u32,
    request: ModeRequest,
    frames: Option<Receiver<Result<Buffer>>>,
    patience: Duration,
    outage: Outage,
    drops: DropCounters,
}

impl Portable {
    /// Camera `index` in nokhwa's counting, called `name` in records.
    pub(crate) fn new(name: &str, index: u32, request: ModeRequest) -> Self {
        Self {
            name: name.to_owned(),
            index,
            request,
            frames: None,
            patience: FIRST,
            outage: Outage::default(),
            drops: DropCounters::default(),
        }
    }

    /// Whether a frame ever came: until then, a fault is one of the command.
    fn is_proved(&self) -> bool {
        self.patience == STALL
    }

    fn start(&mut self) -> Receiver<Result<Buffer>> {
        let (sender, frames) = sync_channel(1);
        let (name, index, request) = (self.name.clone(), self.index, self.request);
        thread::spawn(move || {
            if let Err(error) = deliver(&name, index, &request, &sender) {
                // Nobody may be waiting any more.
                let _ = sender.send(Err(error));
            }
        });
        frames
    }

    fn lose(&mut self, error: Error) -> Option<Pull> {
        self.frames = None;
        if self.is_proved() {
            self.outage.begin(error)
        } else {
            Some(Pull::Broken(error))
        }
    }

    fn take(&mut self, buffer: &Buffer, asked: Instant, frame: &mut Frame) -> Pull {
        self.patience = STALL;
        if let Some(lost) = self.outage.end() {
            log::info!("{} is back after {:.1} s", self.name, lost.as_secs_f64());
        }
        let Resolution { width_x, height_y } = buffer.resolution();
        let bytes = match buffer.source_frame_format() {
            FrameFormat::MJPEG => whole_jpeg(buffer.buffer()),
            _ => Some(buffer.buffer()),
        };
        let (Some(bytes), Some(coding)) = (bytes, coding(buffer.source_frame_format())) else {
            return Pull::Failed(Error::input(&self.name, "the JPEG is cut short"));
        };
        frame.bytes.clear();
        frame.bytes.extend_from_slice(bytes);
        frame.encoding =
            coding.encoding((width_x as usize, height_y as usize), false, Matrix::Bt601);
        if let Encoding::Raw(format) = frame.encoding {
            // Buffers may be longer than their pixels.
            frame.bytes.truncate(format.frame_bytes().unwrap_or(0));
        }
        frame.set_source(&self.name);
        frame.stamp(asked);
        frame.drops = self.drops;
        Pull::Frame
    }
}

impl Source for Portable {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        loop {
            let asked = Instant::now();
            let frames = match self.frames.take() {
                Some(frames) => frames,
                None => {
                    self.outage.pause();
                    self.start()
                }
            };
            let pull = match frames.recv_timeout(self.patience) {
                Ok(Ok(buffer)) => {
                    self.frames = Some(frames);
                    Some(self.take(&buffer, asked, frame))
                }
                Ok(Err(error)) => self.lose(error),
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = self.patience.as_secs();
                    let what = format!("the camera gave no frame for {seconds} s");
                    self.lose(Error::input(&self.name, what))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.lose(Error::input(&self.name, "nokhwa gave up"))
                }
            };
            if let Some(pull) = pull {
                return pull;
            }
        }
    }
}

/// Opens the camera and sends its frames until nobody takes them.
fn deliver(
    name: &str,
    index: u32,
    wanted: &ModeRequest,
    frames: &SyncSender<Result<Buffer>>,
) -> Result<()> {
    let cannot = |what: &str| {
        let what = format!("nokhwa cannot {what}");
        let name = name.to_owned();
        move |e: NokhwaError| Error::input(name, what).caused_by(e)
    };
    let any = RequestedFormatType::AbsoluteHighestFrameRate;
    let formats = FORMATS.map(|(format, _)| format);
    let request = |kind| RequestedFormat::with_formats(kind, &formats);
    let mut camera =
        Camera::new(CameraIndex::Index(index), request(any)).map_err(cannot("open it"))?;
    let listed = camera.compatible_camera_formats();
    let listed = listed.map_err(cannot("list its modes"))?;
    let modes: Vec<Mode> = listed.iter().filter_map(mode).collect();
    let chosen = choose(&modes, wanted).ok_or_else(|| {
        Error::input(name, "it has no mode like that").with_remedy("ask for one of its modes")
    })?;
    let exact = listed.iter().find(|format| mode(format) == Some(chosen));
    let exact = *exact.ok_or_else(|| Error::input(name, "it has no such mode"))?;
    let set = camera.set_camera_requset(request(RequestedFormatType::Exact(exact)));
    set.map_err(cannot("set its mode"))?;
    camera.open_stream().map_err(cannot("start it"))?;
    log::info!(
        "{name} is {} through nokhwa: {chosen}",
        camera.info().human_name()
    );
    loop {
        let frame = camera.frame().map_err(cannot("read it"))?;
        if frames.send(Ok(frame)).is_err() {
            return Ok(());
        }
    }
}

fn coding(format: FrameFormat) -> Option<Coding> {
    let known = FORMATS.iter().find(|(known, _)| *known == format);
    known.map(|(_, coding)| *coding)
}

fn mode(format: &CameraFormat) -> Option<Mode> {
    Some(Mode {
        fourcc: [0; 4],
        coding: coding(format.format())?,
        width: format.width(),
        height: format.height(),
        interval: (1, format.frame_rate()),
        fps: f64::from(format.frame_rate()),
    })
}

/// nokhwa hands over the whole buffer: what lies behind the JPEG's end is of older frames.
fn whole_jpeg(bytes: &[u8]) -> Option<&[u8]> {
    match Walker::at_start(bytes)?.walk(bytes) {
        Progress::Complete(length) => Some(&bytes[..length]),
        Progress::More | Progress::Damaged(_) => None,
    }
}
