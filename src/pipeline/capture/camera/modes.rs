//! What a camera can do, and what is asked of it.

use std::fmt;

use serde::Serialize;

use crate::pipeline::capture::{Encoding, Matrix, PixelFormat, RawFormat};

/// How a camera delivers pixels, by V4L2's four-character codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// A JPEG per frame.
    Mjpeg,
    /// Pixels.
    Pixels(PixelFormat),
}

impl Coding {
    const ALL: [(&'static [u8; 4], Self); 9] = [
        (b"YUYV", Self::Pixels(PixelFormat::Yuyv)),
        (b"NV12", Self::Pixels(PixelFormat::Nv12)),
        (b"YU12", Self::Pixels(PixelFormat::Yuv420p)),
        (b"422P", Self::Pixels(PixelFormat::Yuv422p)),
        (b"RGB3", Self::Pixels(PixelFormat::Rgb24)),
        (b"BGR3", Self::Pixels(PixelFormat::Bgr24)),
        (b"GREY", Self::Pixels(PixelFormat::Gray8)),
        (b"MJPG", Self::Mjpeg),
        (b"JPEG", Self::Mjpeg),
    ];

    /// The coding behind a four-character code, where it can be read.
    pub fn from_fourcc(code: [u8; 4]) -> Option<Self> {
        let known = Self::ALL.iter().find(|(name, _)| **name == code);
        known.map(|(_, coding)| *coding)
    }

    /// Its name, as people type it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::Pixels(PixelFormat::Rgb24) => "rgb24",
            Self::Pixels(PixelFormat::Bgr24) => "bgr24",
            Self::Pixels(PixelFormat::Gray8) => "gray8",
            Self::Pixels(PixelFormat::Yuyv) => "yuyv",
            Self::Pixels(PixelFormat::Nv12) => "nv12",
            Self::Pixels(PixelFormat::Yuv420p) => "yuv420p",
            Self::Pixels(PixelFormat::Yuv422p) => "yuv422p",
            Self::Pixels(PixelFormat::Yuv444p) => "yuv444p",
        }
    }

    /// The coding of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let known = Self::ALL.iter().map(|(_, coding)| *coding);
        known.into_iter().find(|coding| coding.name() == name)
    }

    /// How frames of this size are declared to the decoder.
    pub(crate) fn encoding(
        self,
        (width, height): (usize, usize),
        full_range: bool,
        matrix: Matrix,
    ) -> Encoding {
        match self {
            Self::Mjpeg => Encoding::File,
            Self::Pixels(pixels) => Encoding::Raw(RawFormat {
                pixels,
                width,
                height,
                full_range,
                matrix,
            }),
        }
    }
}

impl Serialize for Coding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One way a camera can be run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mode {
    /// The driver's code for the format.
    #[serde(skip)]
    pub fourcc: [u8; 4],
    /// How pixels come.
    #[serde(rename = "format")]
    pub coding: Coding,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Time between frames in seconds, as a fraction; 29.97 per second is (1001, 30000).
    #[serde(skip)]
    pub interval: (u32, u32),
    /// Frames per second.
    pub fps: f64,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = (self.width, self.height);
        write!(f, "{} {width}x{height}", self.coding.name())?;
        if self.fps > 0.0 {
            write!(f, " at {} fps", (self.fps * 100.0).round() / 100.0)?;
        }
        Ok(())
    }
}

/// What is asked of a camera; what is `None` is free.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModeRequest {
    /// Pixels per row.
    pub width: Option<u32>,
    /// Rows.
    pub height: Option<u32>,
    /// Frames per second.
    pub fps: Option<f64>,
    /// How pixels come.
    pub coding: Option<Coding>,
    /// What the model needs to see.
    pub cover: Cover,
    /// Whether the model wants luma only.
    pub gray: bool,
}

/// The smallest picture that need not be enlarged for the model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Cover {
    /// Any.
    #[default]
    Anything,
    /// Both sides at least so long.
    Both(f64, f64),
    /// One of the sides at least so long (letterbox).
    Either(f64, f64),
}

impl Cover {
    /// Whether a picture of this size is enough.
    pub(crate) fn is_met(self, width: u32, height: u32) -> bool {
        let (width, height) = (f64::from(width), f64::from(height));
        match self {
            Self::Anything => true,
            Self::Both(w, h) => width >= w && height >= h,
            Self::Either(w, h) => width >= w || height >= h,
        }
    }
}
