//! First stage: frames, as bytes, from wherever they come. Finite sources give every frame
//! in order; a live one gives the newest.

mod bell;
mod camera;
mod chain;
mod child;
mod drops;
mod files;
mod folder;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
#[cfg(feature = "http")]
mod http;
mod images;
mod multipart;
mod named;
mod newest;
mod open;
mod outage;
mod persistent;
mod picture_file;
pub(crate) mod recording;
mod replay;
mod rows;
mod spec;
mod split;
mod stream;
mod synthetic;
mod window;
mod y4m;

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::Error;
pub(crate) use bell::Bell;
pub use camera::{Coding, Cover, Mode, ModeRequest, Node, modes_of, nodes, nodes_in};
pub use drops::DropCounters;
pub use files::ListFormat;
pub(crate) use files::read_picture;
pub use folder::pictures_below;
pub use named::{NamedSource, Names, folder};
pub use newest::Policy;
pub(crate) use newest::{Newest, Waiting};
pub use open::{ChildHandles, Opened, SourceOptions, camera_identity, is_live, open, open_found};
pub(crate) use persistent::Persistent;
pub use spec::SourceSpec;
pub use synthetic::SyntheticSettings;

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
    /// The number that the device gave it, where it numbers its frames.
    pub sequence: Option<u64>,
    /// How long reading it took.
    pub capture: Duration,
    /// What a live source has left out so far.
    pub drops: DropCounters,
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
    /// Which colours luma and chroma mean.
    #[serde(default)]
    pub matrix: Matrix,
}

/// By which recommendation luma and chroma are made of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matrix {
    /// ITU-R BT.601: JPEG, standard definition, and whatever does not say.
    #[default]
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
    /// ITU-R BT.2020 with non-constant luminance: ultra-high definition.
    Bt2020,
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
    #[serde(alias = "gray")]
    Gray8,
    /// Luma and, in turn, one of the two chromas: `Y0 U Y1 V`.
    #[serde(alias = "yuyv422")]
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
            sequence: None,
            capture: Duration::ZERO,
            drops: DropCounters::default(),
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
