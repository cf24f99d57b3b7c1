//! What a picture is resized to and what is kept of it: pure arithmetic, no pixels. The
//! rounding is that of whoever trained: torchvision's (`transforms/functional.py`:
//! `_compute_resized_output_size`, `center_crop`), transformers' (`image_transforms.py`:
//! `center_crop`), timm's (`ResizeKeepRatio`) and, for letterboxes, Ultralytics' (`LetterBox`).

use crate::model::manifest::{CropRule, Preprocess, Resize, Size};
use crate::region::Region;

/// The size that a picture is resized to, and which part of that goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The part of the picture that is resized, nearly always all of it.
    pub part: Region,
    /// What that becomes.
    pub resized: Size,
    /// First column and row of it that are kept.
    pub offset: (usize, usize),
    /// The part of the tensor that they fill, all of it except in a letterbox.
    pub target: Region,
}

/// The plan for a picture of `width` x `height` pixels.
pub(super) fn plan(preprocess: &Preprocess, width: usize, height: usize) -> Plan {
    let whole = Region {
        x: 0,
        y: 0,
        width,
        height,
    };
    let cropped = |part, resized| cropped(part, resized, preprocess);
    match preprocess.resize {
        Resize::Shortest { size } => cropped(whole, shortest(size, width, height)),
        Resize::Exact {
            width: w,
            height: h,
        } => cropped(
            whole,
            Size {
                width: w,
                height: h,
            },
        ),
        Resize::Cover {
            width: w,
            height: h,
        } => cropped(whole, cover(w, h, width, height)),
        Resize::Central {
            width: w,
            height: h,
            of,
        } => {
            let size = Size {
                width: w,
                height: h,
            };
            cropped(central(size, of, width, height), size)
        }
        Resize::Letterbox {
            width: w,
            height: h,
            ..
        } => letterboxed(w, h, whole),
    }
}

/// A `width` x `height` picture whose shorter side becomes `size`, the other truncated.
fn shortest(size: usize, width: usize, height: usize) -> Size {
    let long = |long: usize, short: usize| (size * long / short.max(1)).max(1);
    if width <= height {
        Size {
            width: size,
            height: long(height, width),
        }
    } else {
        Size {
            width: long(width, height),
            height: size,
        }
    }
}

/// A `width` x `height` picture that covers `w` x `h`, both sides rounded.
fn cover(w: usize, h: usize, width: usize, height: usize) -> Size {
    let ratio = (width as f64 / w as f64).min(height as f64 / h as f64);
    let side = |length: usize, least: usize| rounded(length as f64 / ratio).max(least);
    Size {
        width: side(width, w),
        height: side(height, h),
    }
}

/// Resizing `part` to `resized` and keeping the centre of that.
fn cropped(part: Region, resized: Size, preprocess: &Preprocess) -> Plan {
    let crop = preprocess.crop.unwrap_or(resized);
    let rule = preprocess.crop_rule;
    let (x, across, width) = kept(resized.width, crop.width, rule);
    let (y, down, height) = kept(resized.height, crop.height, rule);
    Plan {
        part,
        resized,
        offset: (x, y),
        target: Region {
            x: across,
            y: down,
            width,
            height,
        },
    }
}

/// Of `resized` pixels the first that is kept, the place in `crop` pixels that it goes to,
/// and how many are kept.
fn kept(resized: usize, crop: usize, rule: CropRule) -> (usize, usize, usize) {
    let (rest, lack) = (resized.saturating_sub(crop), crop.saturating_sub(resized));
    // Both add an odd pixel of black on one side: torchvision behind, transformers before
    // (`transformers/image_transforms.py`, `center_crop`).
    let (first, place) = match rule {
        CropRule::Torchvision => (half_even(rest), lack / 2),
        CropRule::Transformers => (rest / 2, lack.div_ceil(2)),
    };
    (first, place, resized.min(crop))
}

/// The centre of a `width` x `height` picture, `size / of` of its shorter side
/// (transformers' `PerceiverImageProcessor.center_crop`).
fn central(size: Size, of: Size, width: usize, height: usize) -> Region {
    let shorter = width.min(height);
    let side = |size: usize, of: usize| {
        let share = size as f64 / of as f64 * shorter as f64;
        (share as usize).clamp(1, shorter)
    };
    let (kept_across, kept_down) = (side(size.width, of.width), side(size.height, of.height));
    Region {
        x: (width - kept_across) / 2,
        y: (height - kept_down) / 2,
        width: kept_across,
        height: kept_down,
    }
}

/// The whole picture inside `w` x `h`, centred.
fn letterboxed(w: usize, h: usize, part: Region) -> Plan {
    let scale = (w as f64 / part.width as f64).min(h as f64 / part.height as f64);
    let side = |length: usize, limit: usize| rounded(length as f64 * scale).clamp(1, limit);
    let resized = Size {
        width: side(part.width, w),
        height: side(part.height, h),
    };
    // Ultralytics: round(half the rest - 0.1), so that an odd pixel goes to the far side.
    let offset = |outer: usize, inner: usize| (outer - inner) / 2;
    let target = Region {
        x: offset(w, resized.width),
        y: offset(h, resized.height),
        width: resized.width,
        height: resized.height,
    };
    Plan {
        part,
        resized,
        offset: (0, 0),
        target,
    }
}

/// A number of pixels, halves to the even one, as Python's `round` does.
fn rounded(pixels: f64) -> usize {
    pixels.round_ties_even() as usize
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

#[cfg(test)]
mod tests {
    use super::{half_even, plan};
    use crate::model::manifest::{CropRule, Filter, Preprocess, Resize, Size};
    use crate::region::Region;

    fn steps(resize: Resize, crop: Option<Size>) -> Preprocess {
        Preprocess {
            resize,
            filter: Filter::Bilinear,
            antialias: true,
            crop,
            crop_rule: CropRule::default(),
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

    /// Python: `round(2.5)` is 2, `round(3.5)` is 4.
    #[test]
    fn a_letterbox_rounds_halves_to_even() {
        let steps = steps(
            Resize::Letterbox {
                width: 8,
                height: 8,
                fill: [0; 3],
            },
            None,
        );
        assert_eq!(plan(&steps, 16, 5).resized.height, 2);
        assert_eq!(plan(&steps, 16, 7).resized.height, 4);
    }

    #[test]
    fn transformers_truncates_the_offset_and_adds_what_is_missing() {
        let crop = Some(Size {
            width: 224,
            height: 224,
        });
        let mut steps = steps(Resize::Shortest { size: 225 }, crop);
        // 225 x 227: 1 and 3 pixels are over.
        assert_eq!(plan(&steps, 225, 227).offset, (0, 2));
        steps.crop_rule = CropRule::Transformers;
        assert_eq!(plan(&steps, 225, 227).offset, (0, 1));
        steps.resize = Resize::Shortest { size: 219 };
        // 219 x 221 of 224 x 224: 5 and 3 are missing, 3 and 2 of them before the picture.
        let target = Region {
            x: 3,
            y: 2,
            width: 219,
            height: 221,
        };
        assert_eq!(plan(&steps, 219, 221).target, target);
    }

    #[test]
    fn the_centre_of_a_picture_is_a_share_of_its_shorter_side() {
        let size = |side| Size {
            width: side,
            height: side,
        };
        let steps = steps(
            Resize::Central {
                width: 224,
                height: 224,
                of: size(256),
            },
            None,
        );
        // int(224 / 256 * 61) is 53.
        let part = Region {
            x: 22,
            y: 4,
            width: 53,
            height: 53,
        };
        assert_eq!(plan(&steps, 97, 61).part, part);
        assert_eq!(plan(&steps, 97, 61).resized, size(224));
    }
}
