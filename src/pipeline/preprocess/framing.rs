//! Which part of a picture is looked at, and which way up: cameras are mounted sideways,
//! behind mirrors, and see more than what matters.

use super::resample::CHANNELS;
use crate::region::Region;

/// How a picture is looked at: turned first, then cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Framing {
    /// Which way up.
    pub turn: Turn,
    /// The part that is looked at; none is all of it.
    pub roi: Option<Roi>,
}

/// A part of the turned picture, in fractions of its width and height: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roi {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// One of the eight ways to look at a picture: mirrored in its diagonal, then left to
/// right, then top to bottom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    transpose: bool,
    mirror_x: bool,
    mirror_y: bool,
}

/// A rotation by quarters, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// None.
    #[default]
    None,
    /// The left edge comes up.
    Right,
    /// Upside down.
    Half,
    /// The right edge comes up.
    Left,
}

impl Turn {
    /// Rotates, then mirrors left to right (`flip.0`) and top to bottom (`flip.1`).
    pub fn new(rotation: Rotation, flip: (bool, bool)) -> Self {
        let (transpose, x, y) = match rotation {
            Rotation::None => (false, false, false),
            Rotation::Right => (true, true, false),
            Rotation::Half => (false, true, true),
            Rotation::Left => (true, false, true),
        };
        Self {
            transpose,
            mirror_x: x ^ flip.0,
            mirror_y: y ^ flip.1,
        }
    }

    /// The same, mirrored left to right then.
    #[must_use]
    pub(crate) fn mirrored(self) -> Self {
        Self {
            mirror_x: !self.mirror_x,
            ..self
        }
    }

    /// Whether there is nothing to turn.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// What EXIF calls it: its tag `Orientation`, 1 to 8.
    pub(crate) fn exif(self) -> u8 {
        match (self.transpose, self.mirror_x, self.mirror_y) {
            (false, false, false) => 1,
            (false, true, false) => 2,
            (false, true, true) => 3,
            (false, false, true) => 4,
            (true, false, false) => 5,
            (true, true, false) => 6,
            (true, true, true) => 7,
            (true, false, true) => 8,
        }
    }

    /// A pair of something across and something down, as it stands after the turn; turning
    /// it again gives it back.
    pub(crate) fn swap<T>(self, (across, down): (T, T)) -> (T, T) {
        if self.transpose {
            (down, across)
        } else {
            (across, down)
        }
    }

    /// What of `kept` items at `offset` out of `all` is so before the turn: across the
    /// turned picture, and down it.
    pub(crate) fn offset_across(self, offset: usize, kept: usize, all: usize) -> usize {
        mirrored(self.mirror_x, offset, kept, all)
    }

    /// The same down the turned picture.
    pub(crate) fn offset_down(self, offset: usize, kept: usize, all: usize) -> usize {
        mirrored(self.mirror_y, offset, kept, all)
    }

    /// Turns `width` x `height` pixels of `P` values.
    pub(crate) fn apply<const P: usize>(
        self,
        pixels: &[u8],
        width: usize,
        height: usize,
        out: &mut Vec<u8>,
    ) {
        let (pixels, _) = pixels.as_chunks::<P>();
        let (across, down) = self.swap((width, height));
        out.clear();
        for y in 0..down {
            let y = if self.mirror_y { down - 1 - y } else { y };
            for x in 0..across {
                let x = if self.mirror_x { across - 1 - x } else { x };
                let (x, y) = self.swap((x, y));
                out.extend_from_slice(&pixels[y * width + x]);
            }
        }
    }

    /// The same for the pixels that the resampler gives: of one value, or of `CHANNELS`.
    pub(crate) fn apply_to(
        self,
        gray: bool,
        pixels: &[u8],
        (width, height): (usize, usize),
        out: &mut Vec<u8>,
    ) {
        if gray {
            self.apply::<1>(pixels, width, height, out);
        } else {
            self.apply::<CHANNELS>(pixels, width, height, out);
        }
    }
}

fn mirrored(mirror: bool, offset: usize, kept: usize, all: usize) -> usize {
    if mirror {
        all.saturating_sub(offset + kept)
    } else {
        offset
    }
}

impl Framing {
    /// The part of a `width` x `height` picture that is looked at, before it is turned. It
    /// begins at an even pixel, because neighbours share chroma.
    pub fn source(&self, width: usize, height: usize) -> Region {
        let Some(roi) = self.roi else {
            return Region {
                x: 0,
                y: 0,
                width,
                height,
            };
        };
        let (across, down) = self.turn.swap((width, height));
        let pixels = |start: f64, share: f64, all: usize| {
            let at = |fraction: f64| (fraction * all as f64).round() as usize;
            let first = at(start).min(all - 1);
            (first, at(start + share).clamp(first + 1, all) - first)
        };
        let (x, kept_across) = pixels(roi.x, roi.width, across);
        let (y, kept_down) = pixels(roi.y, roi.height, down);
        let x = self.turn.offset_across(x, kept_across, across);
        let y = self.turn.offset_down(y, kept_down, down);
        let (x, y) = self.turn.swap((x, y));
        let (kept_across, kept_down) = self.turn.swap((kept_across, kept_down));
        Region {
            x: x - x % 2,
            y: y - y % 2,
            width: kept_across + x % 2,
            height: kept_down + y % 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Roi, Rotation, Turn};
    use crate::region::Region;

    /// 1 2 3
    /// 4 5 6
    fn turned(rotation: Rotation, flip: (bool, bool)) -> Vec<u8> {
        let mut out = Vec::new();
        Turn::new(rotation, flip).apply::<1>(&[1, 2, 3, 4, 5, 6], 3, 2, &mut out);
        out
    }

    #[test]
    fn turns_are_clockwise_and_flips_come_after_them() {
        let none = (false, false);
        assert_eq!(turned(Rotation::None, none), [1, 2, 3, 4, 5, 6]);
        assert_eq!(turned(Rotation::Right, none), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(Rotation::Half, none), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(Rotation::Left, none), [3, 6, 2, 5, 1, 4]);
        assert_eq!(turned(Rotation::None, (true, false)), [3, 2, 1, 6, 5, 4]);
        assert_eq!(turned(Rotation::None, (false, true)), [4, 5, 6, 1, 2, 3]);
        assert_eq!(turned(Rotation::Right, (true, false)), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn a_part_of_the_turned_picture_is_found_in_the_camera_s() {
        let part = |rotation, flip| {
            let roi = Some(Roi {
                x: 0.5,
                y: 0.0,
                width: 0.5,
                height: 0.25,
            });
            let turn = Turn::new(rotation, flip);
            Framing { turn, roi }.source(640, 480)
        };
        let region = |x, y, width, height| Region {
            x,
            y,
            width,
            height,
        };
        // The upper right of what is seen, of a picture of 640 x 480.
        let none = (false, false);
        assert_eq!(part(Rotation::None, none), region(320, 0, 320, 120));
        assert_eq!(part(Rotation::None, (true, false)), region(0, 0, 320, 120));
        assert_eq!(part(Rotation::Half, none), region(0, 360, 320, 120));
        // Seen 480 wide: 240 of them, the upper 160 rows, are the camera's left 160
        // columns, upper 240 rows.
        assert_eq!(part(Rotation::Right, none), region(0, 0, 160, 240));
        assert_eq!(part(Rotation::Left, none), region(480, 240, 160, 240));
    }
}
