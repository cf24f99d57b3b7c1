//! Where the pixels of the input come from in the camera's picture, which may be turned,
//! looked at in part, decoded smaller or in planes: pure arithmetic, no pixels.

use super::framing::Framing;
use super::plan::{Plan, plan};
use super::taps::Axis;
use crate::ffi::turbojpeg::scaled;
use crate::model::manifest::Preprocess;
use crate::pipeline::decode::Chroma;
use crate::region::Region;

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
            part,
            resized,
            offset,
            target,
        } = plan(preprocess, seen_width, seen_height);
        let across = Axis {
            start: turn.offset_across(part.x, part.width, seen_width),
            source: part.width,
            resized: resized.width,
            offset: turn.offset_across(offset.0, target.width, resized.width),
            kept: target.width,
        };
        let down = Axis {
            start: turn.offset_down(part.y, part.height, seen_height),
            source: part.height,
            resized: resized.height,
            offset: turn.offset_down(offset.1, target.height, resized.height),
            kept: target.height,
        };
        let (across, down) = turn.swap((across, down));
        Self {
            across: Axis {
                start: source.x + across.start,
                ..across
            },
            down: Axis {
                start: source.y + down.start,
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
    /// a filter with this `support`, and two more of the `width` x `height` picture because
    /// neighbours share chroma.
    pub(super) fn region(&self, support: f64, width: usize, height: usize) -> Region {
        const SHARED: usize = 2;
        let span = |axis: Axis, length: usize| {
            let scale = axis.source as f64 / axis.resized as f64;
            let reach = support * scale.max(1.0);
            let low = (axis.offset as f64 * scale - reach).max(0.0) as usize;
            let end = ((axis.offset + axis.kept) as f64 * scale + reach).ceil() as usize;
            let first = (axis.start + low).saturating_sub(SHARED);
            let end = (axis.start + end.min(axis.source) + SHARED).min(length);
            (first, end - first)
        };
        let (x, width) = span(self.across, width);
        let (y, height) = span(self.down, height);
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
    use super::Sampling;
    use crate::model::manifest::{CropRule, Filter, Preprocess, Resize, Size};
    use crate::pipeline::preprocess::framing::Framing;

    #[test]
    fn the_region_stays_inside_any_picture() {
        let steps = Preprocess {
            resize: Resize::Shortest { size: 256 },
            filter: Filter::Bilinear,
            antialias: true,
            crop: Some(Size {
                width: 224,
                height: 224,
            }),
            crop_rule: CropRule::default(),
            rescale: 1.0,
            mean: vec![0.0; 3],
            std: vec![1.0; 3],
        };
        for (width, height) in [
            (1, 1),
            (1, 5000),
            (5000, 1),
            (3, 2),
            (257, 255),
            (30000, 2000),
        ] {
            let sampling = Sampling::new(&steps, &Framing::default(), width, height);
            let region = sampling.region(3.0, width, height);
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
