//! Flags about pictures: how they are decoded, and what of them is looked at.

use clap::Args;
use ocelli::pipeline::MAX_PIXELS;
use ocelli::{Framing, PipelineOptions, Roi, Rotation, Turn};

use super::values;

/// How pictures are decoded and looked at.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub(crate) struct DecodeArgs {
    /// Refuse larger pictures before decoding them
    #[arg(long, value_name = "N", default_value_t = MAX_PIXELS)]
    pub(crate) max_pixels: usize,
    /// Decode large JPEGs at lower resolution: about a fifth faster, but in 2 to 3 of 100
    /// pictures the best label changed
    #[arg(long)]
    pub(crate) fast_decode: bool,
    /// Turn pictures clockwise first: 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES", default_value = "0", hide_default_value = true, value_parser = values::rotation)]
    rotate: Rotation,
    /// Mirror them then: horizontal, vertical or both
    #[arg(long, value_name = "HOW", value_parser = values::flip)]
    flip: Option<values::Flip>,
    /// Look only at this part of what is seen then: X,Y,WIDTH,HEIGHT, in shares from 0 to 1
    #[arg(long, value_name = "X,Y,W,H", value_parser = values::roi)]
    roi: Option<Roi>,
}

impl DecodeArgs {
    /// How frames are classified, as far as these flags say.
    pub(crate) fn options(&self) -> PipelineOptions {
        PipelineOptions {
            max_pixels: self.max_pixels,
            fast_decode: self.fast_decode,
            framing: self.framing(),
            ..PipelineOptions::default()
        }
    }

    /// Which part of pictures is looked at, and which way up.
    pub(crate) fn framing(&self) -> Framing {
        Framing {
            turn: Turn::new(self.rotate, self.flip.unwrap_or_default()),
            roi: self.roi,
        }
    }

    /// The same as flags with their values.
    pub(crate) fn framing_flags(&self) -> Vec<(&'static str, String)> {
        let degrees = match self.rotate {
            Rotation::None => None,
            Rotation::Right => Some("90"),
            Rotation::Half => Some("180"),
            Rotation::Left => Some("270"),
        };
        let how = match self.flip.unwrap_or_default() {
            (false, false) => None,
            (true, false) => Some("horizontal"),
            (false, true) => Some("vertical"),
            (true, true) => Some("both"),
        };
        let part = |roi: Roi| format!("{},{},{},{}", roi.x, roi.y, roi.width, roi.height);
        let flags = [
            ("rotate", degrees.map(String::from)),
            ("flip", how.map(String::from)),
            ("roi", self.roi.map(part)),
        ];
        let given = |(flag, value): (&'static str, Option<String>)| Some((flag, value?));
        flags.into_iter().filter_map(given).collect()
    }

    /// Largest file or frame in bytes: with its pixels it has to fit into memory.
    pub(crate) fn max_bytes(&self) -> usize {
        self.max_pixels.max(64 << 20)
    }
}
