//! To which size each class of image processor resizes, and what it keeps of that. The
//! truncations are Python's `int` on the same double-precision quotients.

use serde_json::Value;

use super::class::Rule;
use super::settings::{Settings, Sides};
use crate::model::foreign::pixels;
use crate::model::manifest::{Resize, Size};

type Steps = (Resize, Option<Size>);

/// Resize and crop of a processor.
///
/// # Errors
/// Why they stay open.
pub(super) fn steps(settings: &Settings) -> Result<Steps, String> {
    let name = settings.name;
    if !settings.flag("do_resize", true) {
        return Err("`do_resize` is false".into());
    }
    let padding = settings.get("pad_size").filter(|size| !size.is_null());
    if let Some(size) = padding.filter(|_| settings.flag("do_pad", false)) {
        return Err(format!("`do_pad` to {size} after normalising"));
    }
    if settings.flag("do_pan_and_scan", false) {
        return Err("`do_pan_and_scan` makes several pictures of one".into());
    }
    let crop = settings.crop()?;
    let steps = match (settings.rule(), settings.sides()?) {
        (Rule::Donut, _) => return Err(format!("{name} resizes twice and pads")),
        (Rule::TextNet, _) => {
            return Err(format!(
                "{name} rounds both sides up to multiples of `size_divisor`"
            ));
        }
        (Rule::ConvNext, Sides::Shortest(side)) => convnext(settings, side, crop)?,
        (Rule::Levit, Sides::Shortest(side)) => (shortest(256.0 / 224.0 * side as f64), crop),
        (Rule::PoolFormer, sides) if !settings.get("crop_pct").is_some_and(Value::is_null) => {
            (poolformer(sides, share(settings, 0.9)?), crop)
        }
        (Rule::Perceiver, Sides::Both(size)) => (central(size, crop), None),
        (Rule::ConvNext | Rule::Perceiver, sides) => {
            return Err(format!("{name} takes no such `size`: {sides:?}"));
        }
        (Rule::PpLcNet, _) => (cover(settings)?, crop),
        (_, Sides::Shortest(size)) => (Resize::Shortest { size }, crop),
        (_, Sides::Both(size)) => (exact(size), crop),
    };
    match steps {
        (Resize::Shortest { size }, None) => Err(format!(
            "the shortest side becomes {size} without a crop, so the input's size follows each picture's shape"
        )),
        steps => Ok(steps),
    }
}

/// Below 384 pixels a share of the resized picture is kept, else all of it is squashed.
fn convnext(settings: &Settings, side: usize, crop: Option<Size>) -> Result<Steps, String> {
    let size = Size {
        width: side,
        height: side,
    };
    if let Some(crop) = crop.filter(|crop| *crop != size) {
        let (width, height) = (crop.width, crop.height);
        return Err(format!(
            "crops to {side}x{side} and then to {width}x{height}"
        ));
    }
    if side >= 384 {
        return Ok((exact(size), None));
    }
    let share = share(settings, 224.0 / 256.0)?;
    Ok((shortest(side as f64 / share), Some(size)))
}

fn poolformer(sides: Sides, share: f64) -> Resize {
    let grown = |side: usize| (side as f64 / share) as usize;
    match sides {
        Sides::Shortest(side) => shortest(side as f64 / share),
        Sides::Both(size) if size.width == size.height => shortest(size.width as f64 / share),
        Sides::Both(Size { width, height }) => Resize::Exact {
            width: grown(width),
            height: grown(height),
        },
    }
}

fn central(size: Size, crop: Option<Size>) -> Resize {
    let Size { width, height } = size;
    match crop {
        Some(of) => Resize::Central { width, height, of },
        None => exact(size),
    }
}

/// `PPLCNetImageProcessor.get_image_size`: the shortest side becomes `resize_short`.
fn cover(settings: &Settings) -> Result<Resize, String> {
    let number = |key: &str, default| match settings.get(key) {
        Some(value) => pixels(value).ok_or_else(|| format!("`{key}` is {value}")),
        None => Ok(default),
    };
    if number("size_divisor", 1)? != 1 {
        return Err("`size_divisor` rounds both sides up to its multiples".into());
    }
    let side = number("resize_short", 256)?;
    Ok(Resize::Cover {
        width: side,
        height: side,
    })
}

/// `crop_pct`: the share of the resized picture's side that is kept.
fn share(settings: &Settings, default: f64) -> Result<f64, String> {
    match settings.get("crop_pct") {
        None => Ok(default),
        Some(value) => value
            .as_f64()
            .filter(|share| *share > 0.0)
            .ok_or_else(|| format!("`crop_pct` is {value}")),
    }
}

fn shortest(side: f64) -> Resize {
    Resize::Shortest {
        size: side as usize,
    }
}

fn exact(Size { width, height }: Size) -> Resize {
    Resize::Exact { width, height }
}
