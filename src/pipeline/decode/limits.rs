//! What is refused: before memory is taken for it, or because nobody can read it.

use std::fmt::Display;

/// What lets a large picture through.
const TRUSTED: &str = "raise the limit if the file is to be trusted";

/// Why a picture could not be decoded.
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) remedy: Option<&'static str>,
    pub(crate) settings: &'static [&'static str],
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            remedy: None,
            settings: &[],
        }
    }
}

/// A picture that may be whole, but is of a kind that no decoder here reads.
pub(crate) fn unsupported(format: &str, kind: impl Display) -> Refusal {
    Refusal {
        text: format!("a {format} of a kind that is not supported: {kind}"),
        remedy: Some("convert it to PNG, for example: ffmpeg -i FILE OUT.png"),
        settings: &[],
    }
}

/// Refuses sizes beyond the limit, before memory is taken for them.
pub(crate) fn check_size(width: usize, height: usize, max_pixels: usize) -> Result<(), Refusal> {
    match width.checked_mul(height) {
        Some(0) => Err(format!("the picture is {width}x{height}").into()),
        Some(pixels) if pixels <= max_pixels => Ok(()),
        _ => Err(Refusal {
            text: format!(
                "the picture is {width}x{height}, {:.1} megapixels, at most {:.1} are decoded",
                width as f64 * height as f64 / 1e6,
                max_pixels as f64 / 1e6
            ),
            remedy: Some(TRUSTED),
            settings: &["max_pixels"],
        }),
    }
}

/// Bytes of memory for pixels, per pixel allowed: RGB.
pub(crate) const BUDGET: usize = 3;

/// Refuses pictures whose pixels would take more memory than RGB of the limit.
pub(crate) fn check_memory(
    width: usize,
    height: usize,
    bytes_per_pixel: usize,
    max_pixels: usize,
) -> Result<(), Refusal> {
    let (needed, budget) = (
        (width * height).saturating_mul(bytes_per_pixel),
        max_pixels.saturating_mul(BUDGET),
    );
    if needed <= budget {
        return Ok(());
    }
    Err(Refusal {
        text: format!("its {width}x{height} pixels take {needed} bytes, at most {budget} are used"),
        remedy: Some(TRUSTED),
        settings: &["max_pixels"],
    })
}
