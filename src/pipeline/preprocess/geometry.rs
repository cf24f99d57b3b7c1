//! Where the pixels of the input come from: pure arithmetic, no pixels. The rounding is
//! torchvision's (`transforms/functional.py`: `_compute_resized_output_size`,
//! `center_crop`) and, for letterboxes, Ultralytics' (`LetterBox`).

use crate::model::manifest::{Preprocess, Resize, Size};
use crate::pipeline::decode::{Picture, Region};

/// A rectangle in a picture's own pixels, not on whole ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceBox {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Which part of the picture goes to which part of the tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The part of the picture.
    pub source: SourceBox,
    /// The part of the tensor, all of it except in a letterbox.
    pub target: Region,
}

/// The plan for a picture of `width` x `height` pixels.
pub fn plan(preprocess: &Preprocess, width: usize, height: usize) -> Plan {
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
            cropped(resized, preprocess.crop, width, height)
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
            width,
            height,
        ),
        Resize::Letterbox {
            width: w,
            height: h,
            ..
        } => letterboxed(w, h, width, height),
    }
}

/// Resizing to `resized` and cropping its centre, as one box in the picture.
fn cropped(resized: Size, crop: Option<Size>, width: usize, height: usize) -> Plan {
    let kept = crop.unwrap_or(resized);
    let axis = |length: usize, resized: usize, kept: usize| {
        let scale = length as f64 / resized as f64;
        let start = half_even(resized.saturating_sub(kept)) as f64 * scale;
        let extent = (kept as f64 * scale).min(length as f64 - start);
        (start, extent)
    };
    let (x, box_width) = axis(width, resized.width, kept.width);
    let (y, box_height) = axis(height, resized.height, kept.height);
    Plan {
        source: SourceBox {
            x,
            y,
            width: box_width,
            height: box_height,
        },
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
    let (inner_width, inner_height) = (side(width, w), side(height, h));
    // Ultralytics: round(half the rest - 0.1), so that an odd pixel goes to the far side.
    let offset =
        |outer: usize, inner: usize| ((outer - inner) as f64 / 2.0 - 0.1).round().max(0.0) as usize;
    Plan {
        source: SourceBox {
            x: 0.0,
            y: 0.0,
            width: width as f64,
            height: height as f64,
        },
        target: Region {
            x: offset(w, inner_width),
            y: offset(h, inner_height),
            width: inner_width,
            height: inner_height,
        },
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

impl SourceBox {
    /// Source pixels per target pixel, along the axis that shrinks less.
    pub fn shrink(&self, plan: &Plan) -> f64 {
        (self.width / plan.target.width as f64).min(self.height / plan.target.height as f64)
    }

    /// The whole pixels that resizing looks at: the box, the reach of a filter with this
    /// `support`, and two more because chroma is shared by neighbours.
    pub fn with_margin(&self, plan: &Plan, support: f64, width: usize, height: usize) -> Region {
        const SHARED: f64 = 2.0;
        let axis = |start: f64, extent: f64, target: usize, length: usize| {
            let reach = support * (extent / target as f64).max(1.0) + SHARED;
            let low = (start - reach).max(0.0) as usize;
            let high = ((start + extent + reach).ceil() as usize).min(length);
            (low, high - low)
        };
        let (x, width) = axis(self.x, self.width, plan.target.width, width);
        let (y, height) = axis(self.y, self.height, plan.target.height, height);
        Region {
            x,
            y,
            width,
            height,
        }
    }

    /// The box in the coordinates of what was decoded: the picture's region, which begins
    /// at `x`, `y` of the picture scaled by its eighths.
    pub fn seen_in(&self, picture: &Picture, x: usize, y: usize) -> SourceBox {
        let scale = picture.eighths as f64 / 8.0;
        let axis = |start: f64, extent: f64, offset: usize, length: usize| {
            let start = (start * scale - offset as f64).max(0.0);
            (start, (extent * scale).min(length as f64 - start))
        };
        let (x, width) = axis(self.x, self.width, x, picture.region.width);
        let (y, height) = axis(self.y, self.height, y, picture.region.height);
        SourceBox {
            x,
            y,
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceBox, half_even, plan};
    use crate::model::manifest::{Filter, Preprocess, Resize, Size};
    use crate::pipeline::decode::Region;

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
        let scale = (1280.0 / 455.0, 720.0 / 256.0);
        let expected = SourceBox {
            x: 116.0 * scale.0,
            y: 16.0 * scale.1,
            width: 224.0 * scale.0,
            height: 224.0 * scale.1,
        };
        assert_eq!(plan(&steps, 1280, 720).source, expected);
        let tall = plan(&steps, 720, 1280).source;
        assert_eq!((tall.x, tall.y), (16.0 * scale.1, 116.0 * scale.0));
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
        assert_eq!(
            plan.source,
            SourceBox {
                x: 0.0,
                y: 0.0,
                width: 100.0,
                height: 33.0
            }
        );
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
            let plan = plan(&steps, width, height);
            let region = plan.source.with_margin(&plan, 3.0, width, height);
            assert!(
                region.width > 0 && region.x + region.width <= width,
                "{width}x{height}"
            );
            assert!(
                region.height > 0 && region.y + region.height <= height,
                "{width}x{height}"
            );
            assert!(plan.source.width > 0.0 && plan.source.x + plan.source.width <= width as f64);
        }
    }
}
