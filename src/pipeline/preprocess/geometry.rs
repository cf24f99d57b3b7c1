//! Where the pixels of the input come from: pure arithmetic, no pixels. The rounding is
//! torchvision's (`transforms/functional.py`: `_compute_resized_output_size`,
//! `center_crop`) and, for letterboxes, Ultralytics' (`LetterBox`).

use super::framing::Framing;
use super::taps::Axis;
use crate::ffi::turbojpeg::scaled;
use crate::model::manifest::{Preprocess, Resize, Size};
use crate::pipeline::decode::Chroma;
use crate::region::Region;

/// The size that a picture is resized to, and which part of that goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The whole picture, resized.
    pub resized: Size,
    /// First column and row of it that are kept.
    pub offset: (usize, usize),
    /// The part of the tensor that they fill, all of it except in a letterbox.
    pub target: Region,
}

/// The plan for a picture of `width` x `height` pixels.
pub(super) fn plan(preprocess: &Preprocess, width: usize, height: usize) -> Plan {
    match preprocess.resize {
        Resize::Shortest { size } => {
            let long = |long: usize, short: usize| (size * long / short.max(1)).max(1);
            let resized = if width <= height {
                Size {
                    width: size,
                    height: long(height, width),
                }
            } else {
                Size {
                    width: long(width, height),
                    height: size,
                }
            };
            cropped(resized, preprocess.crop)
        }
        Resize::Exact {
            width: w,
            height: h,
        } => cropped(
            Size {
                width: w,
                height: h,
            },
            preprocess.crop,
        ),
        Resize::Letterbox {
            width: w,
            height: h,
            ..
        } => letterboxed(w, h, width, height),
    }
}

/// Resizing to `resized` and keeping its centre.
fn cropped(resized: Size, crop: Option<Size>) -> Plan {
    let kept = crop.unwrap_or(resized);
    let offset = |resized: usize, kept: usize| half_even(resized.saturating_sub(kept));
    Plan {
        resized,
        offset: (
            offset(resized.width, kept.width),
            offset(resized.height, kept.height),
        ),
        target: Region {
            x: 0,
            y: 0,
            width: kept.width,
            height: kept.height,
        },
    }
}

/// The whole picture inside `w` x `h`, centred.
fn letterboxed(w: usize, h: usize, width: usize, height: usize) -> Plan {
    let scale = (w as f64 / width as f64).min(h as f64 / height as f64);
    let side =
        |length: usize, limit: usize| ((length as f64 * scale).round() as usize).clamp(1, limit);
    let resized = Size {
        width: side(width, w),
        height: side(height, h),
    };
    // Ultralytics: round(half the rest - 0.1), so that an odd pixel goes to the far side.
    let offset =
        |outer: usize, inner: usize| ((outer - inner) as f64 / 2.0 - 0.1).round().max(0.0) as usize;
    let target = Region {
        x: offset(w, resized.width),
        y: offset(h, resized.height),
        width: resized.width,
        height: resized.height,
    };
    Plan {
        resized,
        offset: (0, 0),
        target,
    }
}

/// Half of `rest`, halves rounded to even as Python's `round` does.
fn half_even(rest: usize) -> usize {
    let half = rest / 2;
    if rest % 2 == 1 && half % 2 == 1 {
        half + 1
    } else {
        half
    }
}

/// Where the pixels of the input come from in the camera's picture, before it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampling {
    /// The resize along rows.
    pub across: Axis,
    /// The resize along columns.
    pub down: Axis,
    /// The part of the tensor that the turned result fills.
    pub target: Region,
}

impl Sampling {
    /// The sampling of a `width` x `height` picture, looked at through `framing` and then
    /// resized as `preprocess` says.
    pub(super) fn new(
        preprocess: &Preprocess,
        framing: &Framing,
        width: usize,
        height: usize,
    ) -> Self {
        let (source, turn) = (framing.source(width, height), framing.turn);
        let (seen_width, seen_height) = turn.swap((source.width, source.height));
        let Plan {
            resized,
            offset,
            target,
        } = plan(preprocess, seen_width, seen_height);
        let across = Axis {
            start: 0,
            source: seen_width,
            resized: resized.width,
            offset: turn.offset_across(offset.0, target.width, resized.width),
            kept: target.width,
        };
        let down = Axis {
            start: 0,
            source: seen_height,
            resized: resized.height,
            offset: turn.offset_down(offset.1, target.height, resized.height),
            kept: target.height,
        };
        let (across, down) = turn.swap((across, down));
        Self {
            across: Axis {
                start: source.x,
                ..across
            },
            down: Axis {
                start: source.y,
                ..down
            },
            target,
        }
    }

    /// Source pixels per resized pixel, along the axis that shrinks less.
    pub(super) fn shrink(&self) -> f64 {
        let shrink = |axis: Axis| axis.source as f64 / axis.resized as f64;
        shrink(self.across).min(shrink(self.down))
    }

    /// The same for a picture that was decoded at `eighths` of its size.
    pub(super) fn at_eighths(self, eighths: usize) -> Self {
        let axis = |axis: Axis| Axis {
            start: axis.start * eighths / 8,
            source: scaled(axis.source, eighths),
            ..axis
        };
        Self {
            across: axis(self.across),
            down: axis(self.down),
            ..self
        }
    }

    /// The same for the picture's chroma.
    pub(super) fn of_chroma(self, chroma: Chroma) -> Self {
        let axis = |axis: Axis, step: usize| Axis {
            start: axis.start / step,
            source: axis.source.div_ceil(step),
            ..axis
        };
        Self {
            across: axis(self.across, chroma.across),
            down: axis(self.down, chroma.down),
            ..self
        }
    }

    /// The pixels that the resize looks at: those below the part that is kept, the reach of
    /// a filter with this `support`, and two more because neighbours share chroma.
    pub(super) fn region(&self, support: f64) -> Region {
        const SHARED: f64 = 2.0;
        let span = |axis: Axis| {
            let scale = axis.source as f64 / axis.resized as f64;
            let reach = support * scale.max(1.0) + SHARED;
            let low = (axis.offset as f64 * scale - reach).max(0.0) as usize;
            let end = ((axis.offset + axis.kept) as f64 * scale + reach).ceil() as usize;
            (axis.start + low, end.min(axis.source) - low)
        };
        let (x, width) = span(self.across);
        let (y, height) = span(self.down);
        Region {
            x,
            y,
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sampling, half_even, plan};
    use crate::model::manifest::{Filter, Preprocess, Resize, Size};
    use crate::pipeline::decode::Region;
    use crate::pipeline::preprocess::framing::Framing;

    fn steps(resize: Resize, crop: Option<Size>) -> Preprocess {
        Preprocess {
            resize,
            filter: Filter::Bilinear,
            antialias: true,
            crop,
            rescale: 1.0,
            mean: vec![0.0; 3],
            std: vec![1.0; 3],
        }
    }

    #[test]
    fn shortest_and_crop_are_torchvisions() {
        let crop = Some(Size {
            width: 224,
            height: 224,
        });
        let steps = steps(Resize::Shortest { size: 256 }, crop);
        // Resize(256) makes 1280x720 455x256; CenterCrop(224) takes it at (116, 16).
        let wide = plan(&steps, 1280, 720);
        assert_eq!(
            wide.resized,
            Size {
                width: 455,
                height: 256
            }
        );
        assert_eq!(wide.offset, (116, 16));
        assert_eq!(plan(&steps, 720, 1280).offset, (16, 116));
    }

    #[test]
    fn halves_round_to_even() {
        assert_eq!([0, 1, 2, 3, 5, 7].map(half_even), [0, 0, 1, 2, 2, 4]);
    }

    #[test]
    fn a_letterbox_keeps_the_whole_picture() {
        let steps = steps(
            Resize::Letterbox {
                width: 64,
                height: 64,
                fill: [114; 3],
            },
            None,
        );
        let plan = plan(&steps, 100, 33);
        assert_eq!(plan.offset, (0, 0));
        assert_eq!(
            plan.target,
            Region {
                x: 0,
                y: 21,
                width: 64,
                height: 21
            }
        );
    }

    #[test]
    fn the_region_stays_inside_any_picture() {
        let steps = steps(
            Resize::Shortest { size: 256 },
            Some(Size {
                width: 224,
                height: 224,
            }),
        );
        for (width, height) in [
            (1, 1),
            (1, 5000),
            (5000, 1),
            (3, 2),
            (257, 255),
            (30000, 2000),
        ] {
            let sampling = Sampling::new(&steps, &Framing::default(), width, height);
            let region = sampling.region(3.0);
            assert!(
                region.width > 0 && region.x + region.width <= width,
                "{width}x{height}"
            );
            assert!(
                region.height > 0 && region.y + region.height <= height,
                "{width}x{height}"
            );
        }
    }
}
