//! Which of a camera's modes to use. The cheapest is enough: more pixels than the model
//! looks at only cost bandwidth, decoding and heat.

use std::fmt;

use serde::Serialize;

use crate::pipeline::capture::{Encoding, PixelFormat, RawFormat};

/// Fewer frames per second than this are taken only if there is nothing else.
const FLUENT: f64 = 14.5;
/// More frames per second than this are not asked for.
const PLENTY: f64 = 30.5;

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

    /// Its name on the command line.
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

    /// What a pixel costs from the buffer to the tensor, relative to NV12's (measured:
    /// a JPEG has to be decoded, packed RGB has three times the bytes of luma).
    fn cost(self) -> f64 {
        match self {
            Self::Mjpeg => 4.0,
            Self::Pixels(PixelFormat::Gray8) => 0.6,
            Self::Pixels(PixelFormat::Nv12 | PixelFormat::Yuv420p) => 1.0,
            Self::Pixels(PixelFormat::Yuyv | PixelFormat::Yuv422p) => 1.2,
            Self::Pixels(_) => 1.5,
        }
    }

    /// How frames of this size are declared to the decoder.
    pub fn encoding(self, width: usize, height: usize, full_range: bool) -> Encoding {
        match self {
            Self::Mjpeg => Encoding::File,
            Self::Pixels(pixels) => Encoding::Raw(RawFormat {
                pixels,
                width,
                height,
                full_range,
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
pub struct ModeWish {
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
    pub fn is_met(self, width: u32, height: u32) -> bool {
        let (width, height) = (f64::from(width), f64::from(height));
        match self {
            Self::Anything => true,
            Self::Both(w, h) => width >= w && height >= h,
            Self::Either(w, h) => width >= w || height >= h,
        }
    }
}

/// The cheapest mode that fits the wish; `None` where nothing fits it.
pub fn choose(modes: &[Mode], wish: &ModeWish) -> Option<Mode> {
    let fits = |mode: &&Mode| {
        wish.width.is_none_or(|w| w == mode.width)
            && wish.height.is_none_or(|h| h == mode.height)
            && wish.coding.is_none_or(|c| c == mode.coding)
            && wish
                .fps
                .is_none_or(|fps| (fps - mode.fps).abs() < 0.02 * fps)
    };
    let mut fitting: Vec<Mode> = modes.iter().filter(fits).copied().collect();
    // Without colour only where nothing else is there, or nothing else is wanted.
    let colourless = |mode: &Mode| mode.coding == Coding::Pixels(PixelFormat::Gray8);
    if !wish.gray && fitting.iter().any(|mode| !colourless(mode)) {
        fitting.retain(|mode| !colourless(mode));
    }
    fitting.into_iter().min_by(|a, b| {
        let rank = |mode: &Mode| {
            let pixels = f64::from(mode.width) * f64::from(mode.height);
            let covers = wish.cover.is_met(mode.width, mode.height);
            let fluent = mode.fps >= FLUENT || wish.fps.is_some();
            let cost = pixels * mode.coding.cost();
            let speed = if mode.fps <= PLENTY { mode.fps } else { 0.0 };
            // In hundredths: 29.97 is not 30, but 30.00003 is.
            let off = wish
                .fps
                .map_or(0.0, |fps| ((fps - mode.fps).abs() * 100.0).round());
            // A picture that is too small is best when it is largest.
            (
                !covers,
                !fluent,
                off,
                if covers { cost } else { -pixels },
                -speed,
            )
        };
        let (a, b) = (rank(a), rank(b));
        (a.0, a.1)
            .cmp(&(b.0, b.1))
            .then(a.2.total_cmp(&b.2))
            .then(a.3.total_cmp(&b.3))
            .then(a.4.total_cmp(&b.4))
    })
}

#[cfg(test)]
mod tests {
    use super::{Coding, Cover, Mode, ModeWish, choose};
    use crate::pipeline::capture::PixelFormat;

    fn mode(fourcc: &[u8; 4], width: u32, height: u32, fps: u32) -> Mode {
        Mode {
            fourcc: *fourcc,
            coding: Coding::from_fourcc(*fourcc).unwrap(),
            width,
            height,
            interval: (1, fps),
            fps: f64::from(fps),
        }
    }

    fn chosen(modes: &[Mode], wish: ModeWish) -> Option<String> {
        choose(modes, &wish).map(|mode| mode.to_string())
    }

    #[test]
    fn the_cheapest_mode_that_covers_the_model_is_chosen() {
        let modes = [
            mode(b"MJPG", 1920, 1080, 30),
            mode(b"MJPG", 320, 240, 30),
            mode(b"YUYV", 1280, 720, 10),
            mode(b"YUYV", 640, 480, 30),
            mode(b"YUYV", 640, 480, 60),
            mode(b"YUYV", 320, 240, 30),
            mode(b"GREY", 640, 480, 30),
        ];
        let wish = |side: f64| ModeWish {
            cover: Cover::Both(side, side),
            ..ModeWish::default()
        };
        assert_eq!(
            chosen(&modes, wish(256.0)).unwrap(),
            "yuyv 640x480 at 30 fps"
        );
        assert_eq!(
            chosen(&modes, wish(64.0)).unwrap(),
            "yuyv 320x240 at 30 fps"
        );
        // Ten frames per second are worth less than decoding JPEGs.
        assert_eq!(
            chosen(&modes, wish(600.0)).unwrap(),
            "mjpeg 1920x1080 at 30 fps"
        );
        // Nothing is large enough: the largest.
        assert_eq!(
            chosen(&modes, wish(2000.0)).unwrap(),
            "mjpeg 1920x1080 at 30 fps"
        );
    }

    #[test]
    fn wishes_are_kept_and_colour_is_not_given_away() {
        let modes = [mode(b"YUYV", 640, 480, 30), mode(b"GREY", 320, 240, 30)];
        let gray = ModeWish {
            gray: true,
            ..ModeWish::default()
        };
        assert_eq!(
            chosen(&modes, ModeWish::default()).unwrap(),
            "yuyv 640x480 at 30 fps"
        );
        assert_eq!(chosen(&modes, gray).unwrap(), "gray8 320x240 at 30 fps");
        let coding = ModeWish {
            coding: Some(Coding::Pixels(PixelFormat::Gray8)),
            ..ModeWish::default()
        };
        assert_eq!(chosen(&modes, coding).unwrap(), "gray8 320x240 at 30 fps");
        let width = ModeWish {
            width: Some(800),
            ..ModeWish::default()
        };
        assert_eq!(chosen(&modes, width), None);
    }

    #[test]
    fn a_fractional_rate_is_met_by_its_decimal_name() {
        let mut ntsc = mode(b"YUYV", 640, 480, 30);
        (ntsc.interval, ntsc.fps) = ((1001, 30000), 30000.0 / 1001.0);
        let wish = ModeWish {
            fps: Some(29.97),
            ..ModeWish::default()
        };
        // Not by its neighbour, although that one is faster.
        let modes = [mode(b"YUYV", 640, 480, 30), ntsc];
        assert_eq!(chosen(&modes, wish).unwrap(), "yuyv 640x480 at 29.97 fps");
        assert_eq!(chosen(&modes[..1], wish).unwrap(), "yuyv 640x480 at 30 fps");
    }
}
