//! First stage: frames, as bytes, from wherever they come. Finite sources give every frame
//! in order; a live one gives the newest.

mod camera;
mod files;
mod newest;
mod replay;
mod split;
mod stream;
mod synthetic;
mod tally;
mod window;
mod y4m;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use camera::{Camera, Coding, Cover, Mode, ModeWish, Node, modes_of, nodes};
pub use files::{ListFormat, pictures_below};
pub use newest::{Newest, Policy, Taken};
pub use replay::{Entry, FRAMES};
pub use synthetic::Settings as SyntheticSettings;
pub use tally::Tally;

/// One frame as it was captured. Its buffers are reused for the next one.
#[derive(Debug)]
pub struct Frame {
    /// Counted from 0 over all sources of a run, failed inputs included.
    pub number: u64,
    /// Where it comes from: a path, `-`, `synthetic:circle`.
    pub source: String,
    /// An encoded file, or the pixels themselves.
    pub bytes: Vec<u8>,
    /// Which of the two.
    pub encoding: Encoding,
    /// When it was captured, by the calendar.
    pub time: SystemTime,
    /// When it was captured, for measuring its age.
    pub instant: Instant,
    /// How long reading it took.
    pub capture: Duration,
    /// What a live source has left out so far.
    pub tally: Tally,
    /// Whether its age matters.
    pub live: bool,
}

/// What a frame's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// An image file of any format.
    File,
    /// Pixels.
    Raw(RawFormat),
}

/// Uncompressed pixels: format and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFormat {
    /// How pixels are stored.
    pub pixels: PixelFormat,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Whether luma uses all of 0 to 255 instead of 16 to 235.
    pub full_range: bool,
}

/// How uncompressed pixels are stored, by FFmpeg's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// Red, green, blue, a byte each.
    Rgb24,
    /// Blue, green, red, a byte each.
    Bgr24,
    /// Luma, a byte each, all of 0 to 255.
    Gray8,
    /// Luma and, in turn, one of the two chromas: `Y0 U Y1 V`.
    Yuyv,
    /// A plane of luma, then one of interleaved chroma at half size.
    Nv12,
    /// Three planes, chroma at half width and height.
    Yuv420p,
    /// Three planes, chroma at half width.
    Yuv422p,
    /// Three planes of one size.
    Yuv444p,
}

impl RawFormat {
    /// Bytes per frame; `None` when the size overflows.
    pub fn frame_bytes(&self) -> Option<usize> {
        let bytes = self
            .planes()?
            .into_iter()
            .map(|(row, rows)| row.checked_mul(rows));
        bytes.sum()
    }

    /// Bytes per row and rows of each plane; planes that the format lacks are empty.
    fn planes(&self) -> Option<[(usize, usize); 3]> {
        const NONE: (usize, usize) = (0, 0);
        let (width, height) = (self.width, self.height);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        Some(match self.pixels {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                [(width.checked_mul(3)?, height), NONE, NONE]
            }
            PixelFormat::Gray8 => [(width, height), NONE, NONE],
            PixelFormat::Yuyv => [(half_width.checked_mul(4)?, height), NONE, NONE],
            PixelFormat::Nv12 => [
                (width, height),
                (half_width.checked_mul(2)?, half_height),
                NONE,
            ],
            PixelFormat::Yuv420p => {
                let chroma = (half_width, half_height);
                [(width, height), chroma, chroma]
            }
            PixelFormat::Yuv422p => [(width, height), (half_width, height), (half_width, height)],
            PixelFormat::Yuv444p => [(width, height); 3],
        })
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            number: 0,
            source: String::new(),
            bytes: Vec::new(),
            encoding: Encoding::File,
            time: SystemTime::UNIX_EPOCH,
            instant: Instant::now(),
            capture: Duration::ZERO,
            tally: Tally::default(),
            live: false,
        }
    }
}

impl Frame {
    /// Marks the frame as captured now, after reading that began at `started`.
    fn stamp(&mut self, started: Instant) {
        self.time = SystemTime::now();
        self.instant = Instant::now();
        self.capture = self.instant - started;
    }

    fn set_source(&mut self, source: &str) {
        self.source.clear();
        self.source.push_str(source);
    }
}

/// What asking for a frame gave.
#[derive(Debug)]
pub enum Pull {
    /// A frame.
    Frame,
    /// This input is bad; the next one may be fine.
    Failed(Error),
    /// A live source is lost; asking again waits for it.
    Lost(Error),
    /// The source cannot be used at all.
    Broken(Error),
    /// There are no more.
    End,
}

/// Something that gives frames.
pub trait Source: Send {
    /// Fills `frame` with the next frame.
    fn next(&mut self, frame: &mut Frame) -> Pull;

    /// How many frames there will be, where that is known.
    fn count(&self) -> Option<u64> {
        None
    }
}

/// How sources are read.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Standard input holds pixels of this format.
    pub raw: Option<RawFormat>,
    /// A list of files to read, `-` for standard input.
    pub files_from: Option<PathBuf>,
    /// How that list is separated.
    pub list: ListFormat,
    /// Largest encoded frame, in bytes.
    pub max_bytes: usize,
    /// How a camera is to be run.
    pub mode: ModeWish,
}

/// A source, or several one after the other, and whether it is live.
pub struct Opened {
    /// The frames.
    pub source: Box<dyn Source>,
    /// Whether it has a clock of its own.
    pub live: bool,
    /// What happens to frames that come too fast, if it is live.
    pub policy: Policy,
}

/// Opens what the command line names.
///
/// # Errors
/// A name that is no source, or nothing at all.
pub fn open(names: &[OsString], options: &SourceOptions) -> Result<Opened> {
    let mut chain: Vec<Box<dyn Source>> = Vec::new();
    if let Some(list) = &options.files_from {
        chain.push(Box::new(files::Files::from_list(
            list,
            options.list,
            options.max_bytes,
        )?));
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    let (mut live, mut policy) = (false, Policy::Newest);
    for name in names {
        let text = name.to_string_lossy();
        if is_camera(&text) {
            live = true;
            chain.push(Box::new(Camera::new(&text, options.mode)));
        } else if let Some(folder) = text.strip_prefix("replay:") {
            (live, policy) = (true, Policy::Lossless);
            chain.push(Box::new(replay::Replay::open(Path::new(folder))?));
        } else if text == "-" || is_stream(Path::new(name)) {
            flush(&mut paths, &mut chain, options)?;
            chain.push(open_stream(name, options)?);
        } else if let Some(settings) = text.strip_prefix("synthetic:") {
            let settings: SyntheticSettings = settings
                .parse()
                .map_err(|e: String| Error::usage(text.as_ref(), e))?;
            live |= settings.is_live();
            chain.push(Box::new(synthetic::Synthetic::new(settings)));
        } else if let Some(kind) = unsupported(&text) {
            return Err(Error::usage(text.as_ref(), format!("{kind} are not supported by this version"))
                .remedy("pipe frames in: ffmpeg -i INPUT -f image2pipe -c:v mjpeg - | ocelli run -m MODEL -"));
        } else {
            paths.push(PathBuf::from(name));
        }
    }
    flush(&mut paths, &mut chain, options)?;
    if live && chain.len() > 1 {
        return Err(Error::usage(
            "sources",
            "a live source never ends, so it has to be the only one",
        ));
    }
    match chain.len() {
        0 => Err(Error::usage("sources", "none is given")
            .remedy("name files, folders, `-` or `synthetic:`")),
        1 => Ok(Opened {
            source: chain.remove(0),
            live,
            policy,
        }),
        _ => Ok(Opened {
            source: Box::new(Chain {
                sources: chain.into_iter(),
                current: None,
            }),
            live,
            policy,
        }),
    }
}

fn flush(
    paths: &mut Vec<PathBuf>,
    chain: &mut Vec<Box<dyn Source>>,
    options: &SourceOptions,
) -> Result<()> {
    if !paths.is_empty() {
        chain.push(Box::new(files::Files::expand(
            &std::mem::take(paths),
            options.max_bytes,
        )?));
    }
    Ok(())
}

/// A FIFO or a character device is read like standard input.
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo() || m.file_type().is_char_device())
}

/// A camera by number, identity or path.
fn is_camera(name: &str) -> bool {
    name.starts_with("camera:") || camera::is_video_device(Path::new(name))
}

fn open_stream(name: &OsString, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let text = name.to_string_lossy().into_owned();
    let reader: Box<dyn Read + Send> = if text == "-" {
        Box::new(std::io::stdin())
    } else {
        let opened = std::fs::File::open(name);
        Box::new(opened.map_err(|e| Error::usage(&text, "cannot be opened").caused_by(e))?)
    };
    Ok(Box::new(stream::Stream::new(
        reader,
        text,
        options.raw,
        options.max_bytes,
    )))
}

fn unsupported(name: &str) -> Option<&'static str> {
    match name {
        _ if name.starts_with("csi:") => Some("CSI cameras"),
        _ if name.starts_with("rtsp://")
            || name.starts_with("http://")
            || name.starts_with("https://") =>
        {
            Some("network streams")
        }
        _ => None,
    }
}

/// Sources one after the other.
struct Chain {
    sources: std::vec::IntoIter<Box<dyn Source>>,
    current: Option<Box<dyn Source>>,
}

impl Source for Chain {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        loop {
            if self.current.is_none() {
                self.current = self.sources.next();
            }
            match self.current.as_mut().map(|source| source.next(frame)) {
                None => return Pull::End,
                Some(Pull::End) => self.current = None,
                Some(pull) => return pull,
            }
        }
    }
}
