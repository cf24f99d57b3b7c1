//! How the values of a TIFF are stored, and whether they are of a kind that is read: those
//! that PIL reads, less a few that nobody has met.

use std::borrow::Cow;

use super::predictor::Predictor;
use crate::pipeline::decode::directory::Directory;
use crate::pipeline::decode::limits::{Refusal, unsupported};

/// The tag that says what values mean.
pub(super) const PHOTOMETRIC: u16 = 262;
/// Its value for plain greys.
pub(super) const BLACK_IS_ZERO: u8 = 1;

/// What a pixel's values mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Grey, dark to bright.
    Gray,
    /// Grey, bright to dark.
    Inverted,
    Rgb,
    /// An index of these colours.
    Palette(Vec<[u8; 3]>),
    /// Inks, 255 being full.
    Cmyk,
    /// Luma, Cb, Cr of full range.
    Ycc,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// The storage of the first picture.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) meaning: Meaning,
    pub(super) kind: Kind,
    /// Bits per value.
    pub(super) bits: usize,
    /// Values per pixel, alpha and other extras included.
    pub(super) channels: usize,
    /// Whether every channel is a plane of its own.
    pub(super) planar: bool,
    /// Whether colours are multiplied by the alpha that follows them.
    pub(super) premultiplied: bool,
    /// Width and height of a tile; of a strip where there are none.
    pub(super) chunk: (usize, usize),
    /// Offset and length of each tile or strip.
    pub(super) chunks: Vec<(usize, usize)>,
    /// Where the tables are that all JPEG chunks share, and how long they are.
    pub(super) tables: Option<(usize, usize)>,
    /// How values were changed before LZW packed them; other packing is others' business.
    pub(super) predictor: Predictor,
    /// Whether values begin with their highest byte.
    pub(super) big_endian: bool,
    compression: u64,
    reversed: bool,
}

/// How strips or tiles stand.
pub(super) struct Grid {
    pub(super) columns: usize,
    /// How many there are of a plane.
    pub(super) in_plane: usize,
    /// How many there are in all.
    pub(super) count: usize,
}

const LZW: u64 = 5;
const JPEG: u64 = 7;

impl Layout {
    /// Reads it, and refuses what has no pixels that are known how to be read.
    pub(super) fn read(directory: &Directory<'_>) -> Result<Self, Refusal> {
        let all = |tag| directory.integers(tag);
        let one = |tag, default: u64| all(tag).first().copied().unwrap_or(default);
        let size = |tag, default: u64| usize::try_from(one(tag, default)).unwrap_or(usize::MAX);
        let (width, height) = (size(256, 0), size(257, 0));
        let channels = size(277, 1);
        let bits = all(258);
        if bits.iter().any(|other| *other != bits[0]) {
            return Err(unsupported("TIFF", format!("{bits:?} bits per value")));
        }
        let extras = all(338);
        let meaning = Meaning::of(directory)?;
        let tiled = !all(322).is_empty();
        let (offsets, lengths) = if tiled { (324, 325) } else { (273, 279) };
        let range = |(at, length): (&u64, &u64)| {
            (
                usize::try_from(*at).unwrap_or(usize::MAX),
                usize::try_from(*length).unwrap_or(usize::MAX),
            )
        };
        let layout = Self {
            width,
            height,
            kind: Kind::of(one(339, 1))?,
            bits: usize::try_from(bits.first().copied().unwrap_or(1)).unwrap_or(usize::MAX),
            channels,
            planar: one(284, 1) == 2 && channels > 1,
            premultiplied: meaning == Meaning::Rgb && extras.first() == Some(&1),
            chunk: if tiled {
                (size(322, 0), size(323, 0))
            } else {
                (width, size(278, height as u64).min(height))
            },
            chunks: all(offsets).iter().zip(&all(lengths)).map(range).collect(),
            tables: directory
                .find(347)
                .map(|entry| (entry.at, entry.bytes().len())),
            predictor: match one(259, 1) {
                LZW => Predictor::of(one(317, 1))?,
                _ => Predictor::None,
            },
            big_endian: directory.is_big_endian(),
            compression: one(259, 1),
            reversed: one(266, 1) == 2,
            meaning,
        };
        layout.check(&extras, &all(530))?;
        Ok(layout)
    }

    /// Refuses values of a kind that `colors` has no rule for.
    fn check(&self, extras: &[u64], subsampling: &[u64]) -> Result<(), Refusal> {
        use Kind::{Float, Signed, Unsigned};
        let own = match self.meaning {
            Meaning::Gray | Meaning::Inverted | Meaning::Palette(_) => 1,
            Meaning::Rgb | Meaning::Ycc => 3,
            Meaning::Cmyk => 4,
        };
        let single = self.channels == 1;
        let known = match (&self.meaning, self.kind, self.bits) {
            (Meaning::Gray, Unsigned, 8) => single || extras.first() != Some(&1),
            (Meaning::Gray | Meaning::Inverted, Unsigned, 1 | 2 | 4 | 8 | 16) => single,
            (Meaning::Gray, Signed, 8 | 16 | 32) | (Meaning::Gray, Unsigned | Float, 32) => single,
            (Meaning::Inverted, Float, 32) => single,
            (Meaning::Palette(_), Unsigned, 1 | 2 | 4) => single,
            (Meaning::Palette(_), Unsigned, 8) => extras.first() != Some(&1),
            (Meaning::Rgb | Meaning::Cmyk, Unsigned, 8 | 16) => true,
            (Meaning::Ycc, Unsigned, 8) => true,
            _ => false,
        };
        // The standard's default is 2 x 2, which only JPEG unpacks.
        let whole = self.meaning != Meaning::Ycc || self.is_jpeg() || subsampling == [1, 1];
        if !whole {
            return Err(unsupported("TIFF", "subsampled chroma outside JPEG"));
        }
        // Eight is more than PIL reads; hostile files say thousands.
        if !known || !(own..=8).contains(&self.channels) {
            return Err(unsupported(
                "TIFF",
                format!(
                    "{} values of {} bits ({:?}) per pixel, for {}",
                    self.channels,
                    self.bits,
                    self.kind,
                    self.meaning.name()
                ),
            ));
        }
        Ok(())
    }

    /// Whether the chunks are packed by LZW.
    pub(super) fn is_lzw(&self) -> bool {
        self.compression == LZW
    }

    /// How the chunks stand; refuses fewer of them than the picture needs.
    pub(super) fn grid(&self) -> Result<Grid, Refusal> {
        let (across, down) = self.chunk;
        if across == 0 || down == 0 {
            return Err("the TIFF is damaged: its tiles have no size".into());
        }
        let columns = self.width.div_ceil(across);
        let in_plane = columns * self.height.div_ceil(down);
        let count = in_plane * if self.planar { self.channels } else { 1 };
        let found = self.chunks.len();
        if found < count {
            let text = format!("it has {found} strips or tiles, expected {count}");
            return Err(format!("the TIFF is damaged: {text}").into());
        }
        Ok(Grid {
            columns,
            in_plane,
            count,
        })
    }

    /// Whether the chunks are JPEG files without their tables.
    pub(super) fn is_jpeg(&self) -> bool {
        self.compression == JPEG
    }

    /// Takes note that YCbCr has become RGB, as JPEG decoders give it.
    pub(super) fn chroma_is_converted(&mut self) {
        if self.meaning == Meaning::Ycc {
            self.meaning = Meaning::Rgb;
        }
    }

    /// Bytes of one row of a plane.
    pub(super) fn row_bytes(&self) -> usize {
        self.bytes_across(self.width)
    }

    /// Bytes of so many pixels of a row of a plane.
    pub(super) fn bytes_across(&self, pixels: usize) -> usize {
        let channels = if self.planar { 1 } else { self.channels };
        (pixels * channels * self.bits).div_ceil(8)
    }

    /// Bytes of all values.
    pub(super) fn stored_bytes(&self) -> usize {
        let planes = if self.planar { self.channels } else { 1 };
        self.row_bytes() * self.height * planes
    }

    /// Whether the values are the picture's pixels.
    pub(super) fn is_rgb(&self) -> bool {
        self.meaning == Meaning::Rgb && self.channels == 3 && self.bits == 8 && !self.planar
    }

    /// Bytes of memory per pixel: its values, and its colour where that is another.
    pub(super) fn bytes_per_pixel(&self) -> usize {
        let stored = (self.channels * self.bits).div_ceil(8);
        if self.is_rgb() { stored } else { stored + 3 }
    }

    /// The file, the bits of each byte in the usual order, where they are stored the other
    /// way round (fax machines do).
    pub(super) fn in_bit_order<'a>(&self, file: &'a [u8]) -> Cow<'a, [u8]> {
        let mut file = Cow::Borrowed(file);
        for (at, length) in self.chunks.iter().filter(|_| self.reversed) {
            let end = at.saturating_add(*length);
            for byte in file.to_mut().get_mut(*at..end).unwrap_or_default() {
                *byte = byte.reverse_bits();
            }
        }
        file
    }
}

impl Kind {
    fn of(sample_format: u64) -> Result<Self, Refusal> {
        match sample_format {
            1 => Ok(Self::Unsigned),
            2 => Ok(Self::Signed),
            3 => Ok(Self::Float),
            other => Err(unsupported("TIFF", format!("sample format {other}"))),
        }
    }
}

impl Meaning {
    fn of(directory: &Directory<'_>) -> Result<Self, Refusal> {
        let Some(photometric) = directory.integers(PHOTOMETRIC).first().copied() else {
            return Err(unsupported("TIFF", "without PhotometricInterpretation"));
        };
        Ok(match photometric {
            0 => Self::Inverted,
            1 => Self::Gray,
            2 => Self::Rgb,
            3 => Self::Palette(palette(&directory.integers(320))?),
            5 => Self::Cmyk,
            6 => Self::Ycc,
            other => {
                let kind = format!("PhotometricInterpretation {other}");
                return Err(unsupported("TIFF", kind));
            }
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Gray | Self::Inverted => "greys",
            Self::Rgb => "RGB",
            Self::Palette(_) => "a palette",
            Self::Cmyk => "CMYK",
            Self::Ycc => "YCbCr",
        }
    }
}

/// The colours of a palette: all reds, all greens, all blues, in 16 bits, of which PIL takes
/// the high ones.
fn palette(map: &[u64]) -> Result<Vec<[u8; 3]>, Refusal> {
    let count = map.len() / 3;
    if count == 0 {
        return Err("the TIFF is damaged: it has a palette without colours".into());
    }
    let color = |index| [0, 1, 2].map(|part| (map[part * count + index] >> 8) as u8);
    Ok((0..count).map(color).collect())
}
