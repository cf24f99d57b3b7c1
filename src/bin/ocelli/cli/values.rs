//! The small languages of flag values: one parser per type, each error with what was
//! expected.

use std::str::FromStr;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use ocelli::model::Fit;
use ocelli::model::manifest::{Quantization, Resize, Size};
use ocelli::pipeline::capture::{Coding, Matrix, NamedSource, PixelFormat, RawFormat, SourceSpec};
use ocelli::{Roi, Rotation};
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::flags::Line;

/// A source; its name need not be Unicode.
pub(crate) fn source() -> impl TypedValueParser<Value = SourceSpec> {
    OsStringValueParser::new()
        .try_map(|name| SourceSpec::parse(&name).map_err(|error| Line(&error).to_string()))
}

/// The same, perhaps with a name of its own: `door=camera:0`.
pub(crate) fn named_source() -> impl TypedValueParser<Value = NamedSource> {
    OsStringValueParser::new()
        .try_map(|text| NamedSource::parse(&text).map_err(|error| Line(&error).to_string()))
}

/// A broker and a topic.
#[cfg(feature = "mqtt")]
pub(crate) fn broker(text: &str) -> Result<ocelli::notify::Address, String> {
    text.parse().map_err(|error| Line(&error).to_string())
}

/// A comma-separated list of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers(pub Vec<f64>);

/// A crop, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crop(pub Option<Size>);

/// A resize; its size may be left to the input's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResizeArg {
    /// With its own size.
    Sized(Resize),
    /// To the input's size.
    Fit(Fit),
}

impl ResizeArg {
    /// The resize that has its own size.
    pub(crate) fn sized(self) -> Option<Resize> {
        match self {
            Self::Sized(resize) => Some(resize),
            Self::Fit(_) => None,
        }
    }

    /// The resize that has not.
    pub(crate) fn fit(self) -> Option<Fit> {
        match self {
            Self::Sized(_) => None,
            Self::Fit(fit) => Some(fit),
        }
    }
}

/// A value by the name it has in the manifest.
pub(crate) fn by_name<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let name: StrDeserializer<NameError> = text.into_deserializer();
    T::deserialize(name).map_err(|e| e.to_string())
}

/// The same for names that the manifest writes in capitals.
pub(crate) fn by_upper_name<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    by_name(&text.to_uppercase())
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

fn sides(text: &str) -> Option<Size> {
    let (width, height) = match text.split_once('x') {
        Some((width, height)) => (parse(width)?, parse(height)?),
        None => (parse(text)?, parse(text)?),
    };
    (width > 0 && height > 0).then_some(Size { width, height })
}

/// `224` or `224x192`.
pub(crate) fn size(text: &str) -> Result<Size, String> {
    sides(text).ok_or_else(|| format!("`{text}` is not a size, expected 224 or 224x192"))
}

/// `224`, `224x192` or `none`.
pub(crate) fn crop(text: &str) -> Result<Crop, String> {
    if text == "none" {
        Ok(Crop(None))
    } else {
        size(text).map(|s| Crop(Some(s)))
    }
}

/// `shortest:256`, `exact`, `exact:WxH`, `letterbox` or `letterbox:R,G,B`.
pub(crate) fn resize(text: &str) -> Result<ResizeArg, String> {
    /// The grey that Ultralytics fills with.
    const GREY: [u8; 3] = [114; 3];
    let (mode, value) = text
        .split_once(':')
        .map_or((text, None), |(mode, value)| (mode, Some(value)));
    match (mode, value) {
        ("shortest", Some(v)) => parse(v)
            .filter(|s| *s > 0)
            .map(|size| ResizeArg::Sized(Resize::Shortest { size })),
        ("exact", None) => Some(ResizeArg::Fit(Fit::Exact)),
        ("exact", Some(v)) => {
            sides(v).map(|Size { width, height }| ResizeArg::Sized(Resize::Exact { width, height }))
        }
        ("letterbox", None) => Some(ResizeArg::Fit(Fit::Letterbox(GREY))),
        ("letterbox", Some(v)) => {
            let fill: Option<Vec<u8>> = v.split(',').map(parse).collect();
            fill.and_then(|f| f.try_into().ok())
                .map(|fill| ResizeArg::Fit(Fit::Letterbox(fill)))
        }
        _ => None,
    }
    .ok_or_else(|| {
        format!(
            "`{text}`, expected shortest:256, exact, exact:256x192, letterbox or letterbox:R,G,B"
        )
    })
}

/// `0.0039` or `1/255`.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    let value = match text.split_once('/') {
        Some((above, below)) => parse::<f64>(above)
            .zip(parse::<f64>(below))
            .map(|(a, b)| a / b),
        None => parse(text),
    };
    value
        .filter(|v| v.is_finite() && *v != 0.0)
        .ok_or_else(|| format!("`{text}`, expected a number such as 1/255"))
}

/// `0.485,0.456,0.406`; each may be a fraction.
pub(crate) fn numbers(text: &str) -> Result<Numbers, String> {
    let number = |item: &str| match item.split_once('/') {
        Some(_) => fraction(item).ok(),
        None => parse::<f64>(item).filter(|v| v.is_finite()),
    };
    let values: Option<Vec<f64>> = text.split(',').map(number).collect();
    values
        .filter(|v| matches!(v.len(), 1 | 3))
        .map(Numbers)
        .ok_or_else(|| format!("`{text}`, expected 1 or 3 numbers such as 0.485,0.456,0.406"))
}

/// `SCALE,ZERO_POINT`.
pub(crate) fn quantization(text: &str) -> Result<Quantization, String> {
    text.split_once(',')
        .and_then(|(scale, zero)| {
            Some(Quantization {
                scale: fraction(scale).ok()? as f32,
                zero_point: parse(zero)?,
            })
        })
        .ok_or_else(|| format!("`{text}`, expected SCALE,ZERO_POINT such as 1/255,-128"))
}

/// `rgb24:640x480`.
pub(crate) fn raw(text: &str) -> Result<RawFormat, String> {
    let (format, sides_text) = text.split_once(':').unwrap_or((text, ""));
    let pixels: PixelFormat = by_name(format)?;
    let Size { width, height } = size(sides_text)?;
    let format = RawFormat {
        pixels,
        width,
        height,
        full_range: matches!(pixels, PixelFormat::Gray8),
        matrix: Matrix::Bt601,
    };
    format
        .frame_bytes()
        .map(|_| format)
        .ok_or_else(|| format!("{width}x{height} is too large"))
}

/// 1 to 256 threads or workers.
pub(crate) fn parallel(text: &str) -> Result<usize, String> {
    positive(text)
        .ok()
        .filter(|n| *n <= 256)
        .ok_or_else(|| format!("`{text}`, expected a number from 1 to 256"))
}

/// At least 1.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    parse(text)
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("`{text}`, expected a number from 1 upwards"))
}

/// 1 to 1024: tensors take memory for all of a batch.
pub(crate) fn batch(text: &str) -> Result<usize, String> {
    positive(text)
        .ok()
        .filter(|n| *n <= 1024)
        .ok_or_else(|| format!("`{text}`, expected a number from 1 to 1024"))
}

/// 0 to 1.
pub(crate) fn share<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    parse(text)
        .filter(|s| (T::from(0)..=T::from(1)).contains(s))
        .ok_or_else(|| format!("`{text}`, expected a share from 0 to 1"))
}

/// Any number, `inf` too.
pub(crate) fn distance(text: &str) -> Result<f32, String> {
    parse(text)
        .filter(|distance: &f32| !distance.is_nan())
        .ok_or_else(|| format!("`{text}`, expected a number, or inf"))
}

/// `90`, clockwise.
pub(crate) fn rotation(text: &str) -> Result<Rotation, String> {
    match text {
        "0" => Ok(Rotation::None),
        "90" => Ok(Rotation::Right),
        "180" => Ok(Rotation::Half),
        "270" => Ok(Rotation::Left),
        _ => Err(format!("`{text}`, expected 0, 90, 180 or 270 degrees")),
    }
}

/// Left to right, and top to bottom.
pub(crate) type Flip = (bool, bool);

/// `horizontal`.
pub(crate) fn flip(text: &str) -> Result<Flip, String> {
    match text {
        "horizontal" | "h" => Ok((true, false)),
        "vertical" | "v" => Ok((false, true)),
        "both" | "hv" => Ok((true, true)),
        _ => Err(format!("`{text}`, expected horizontal, vertical or both")),
    }
}

/// `0.25,0,0.5,1`.
pub(crate) fn roi(text: &str) -> Result<Roi, String> {
    let shares: Option<Vec<f64>> = text.split(',').map(parse).collect();
    match shares.as_deref() {
        Some(&[x, y, width, height])
            if x >= 0.0
                && y >= 0.0
                && width > 0.0
                && height > 0.0
                && x + width <= 1.0 + ROUNDING
                && y + height <= 1.0 + ROUNDING =>
        {
            Ok(Roi {
                x,
                y,
                width,
                height,
            })
        }
        _ => Err(format!(
            "`{text}`, expected X,Y,WIDTH,HEIGHT in shares of the picture, within 0 to 1, such as 0.25,0,0.5,1"
        )),
    }
}

/// 0.7 + 0.3 is a little more than 1.
const ROUNDING: f64 = 1e-9;

/// Steps of luma.
pub(crate) fn steps(text: &str) -> Result<f32, String> {
    parse(text)
        .filter(|steps| (0.0..=255.0).contains(steps))
        .ok_or_else(|| format!("`{text}`, expected steps of luma from 0 to 255"))
}

/// More than 0.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    parse(text)
        .filter(|s| *s > 0.0 && *s < 1e6)
        .ok_or_else(|| format!("`{text}`, expected seconds above 0"))
}

/// A rate per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    parse(text)
        .filter(|rate| (0.001..=1000.0).contains(rate))
        .ok_or_else(|| format!("`{text}`, expected a number per second from 0.001 to 1000"))
}

/// How many false alarms a year are put up with.
pub(crate) fn alarms(text: &str) -> Result<f64, String> {
    parse(text)
        .filter(|alarms| (0.01..=100.0).contains(alarms))
        .ok_or_else(|| format!("`{text}`, expected alarms per year from 0.01 to 100"))
}

/// A length of time with its unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|e| format!("`{text}`: {e}, expected a time such as 500ms, 2s or 15min"))
}

/// How a camera delivers pixels.
pub(crate) fn coding(text: &str) -> Result<Coding, String> {
    Coding::from_name(text).ok_or_else(|| {
        format!("`{text}`, expected yuyv, nv12, mjpeg, rgb24, bgr24, gray8, yuv420p or yuv422p")
    })
}

#[cfg(test)]
mod tests {
    use super::{
        ResizeArg, by_name, by_upper_name, fraction, numbers, quantization, raw, resize, size,
    };
    use ocelli::model::Fit;
    use ocelli::model::manifest::{Color, Filter, Resize, Size};

    #[test]
    fn values_are_understood() {
        assert_eq!(
            size("224x192"),
            Ok(Size {
                width: 224,
                height: 192
            })
        );
        assert_eq!(
            resize("shortest:256"),
            Ok(ResizeArg::Sized(Resize::Shortest { size: 256 }))
        );
        assert_eq!(
            resize("letterbox:1,2,3"),
            Ok(ResizeArg::Fit(Fit::Letterbox([1, 2, 3])))
        );
        assert_eq!(fraction("1/255"), Ok(1.0 / 255.0));
        assert_eq!(numbers("0,-1.5,1/2").unwrap().0, [0.0, -1.5, 0.5]);
        assert_eq!(quantization("1/128,-3").unwrap().zero_point, -3);
        assert_eq!(by_upper_name::<Color>("bgr"), Ok(Color::Bgr));
        assert_eq!(raw("nv12:4x2").unwrap().frame_bytes(), Some(12));
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        let cases = [
            (
                size("0").unwrap_err(),
                "`0` is not a size, expected 224 or 224x192",
            ),
            (
                resize("shortest").unwrap_err(),
                "`shortest`, expected shortest:256, exact, exact:256x192, letterbox or letterbox:R,G,B",
            ),
            (
                fraction("1/0").unwrap_err(),
                "`1/0`, expected a number such as 1/255",
            ),
            (
                numbers("1,2").unwrap_err().to_string(),
                "`1,2`, expected 1 or 3 numbers such as 0.485,0.456,0.406",
            ),
            (
                raw("rgb24").unwrap_err(),
                "`` is not a size, expected 224 or 224x192",
            ),
            (
                by_name::<Filter>("cubic").unwrap_err(),
                "unknown variant `cubic`, expected one of `nearest`, `box`, `bilinear`, `hamming`, `bicubic`, `lanczos`",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error, expected);
        }
    }
}
