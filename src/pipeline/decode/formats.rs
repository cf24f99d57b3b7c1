//! PNG, PNM and unusual BMPs through the `image` crate.

use std::io::Cursor;

use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::bmp;
use super::limits::{BUDGET, Refusal, check_memory, check_size, unsupported};
use super::orientation::{orientation, turn};
use super::picture::Picture;
use super::png_metadata::{self, Metadata};

/// Where a PNG says which channels it has.
const PNG_COLOR_TYPE: usize = 25;

/// Decodes a whole file.
pub(crate) fn decode(
    bytes: &[u8],
    max_pixels: usize,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    if let Some(decoded) = bmp::decode(bytes, max_pixels, picture) {
        return decoded;
    }
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| format!("cannot be read: {e}"))?;
    let Some(format) = reader.format().filter(ImageFormat::reading_enabled) else {
        return Err(unknown(bytes));
    };
    let name = format
        .extensions_str()
        .first()
        .copied()
        .unwrap_or("image")
        .to_uppercase();
    let damaged = |e: ImageError| refusal(&name, &e);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height, max_pixels)?;
    let size = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    check_memory(width, height, size.div_ceil(width * height), max_pixels)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some((max_pixels as u64).saturating_mul(BUDGET as u64));
    decoder.set_limits(limits).map_err(damaged)?;
    let Metadata { exif, xmp } = if format == ImageFormat::Png {
        png_metadata::read(bytes)
    } else {
        Metadata::default()
    };
    let orientation = orientation(exif.as_deref(), xmp.as_deref());
    let mut color = decoder.color_type();
    picture.pixels.resize(size, 0);
    decoder.read_image(&mut picture.pixels).map_err(damaged)?;
    // A grey with a transparent value among them; the decoder makes alpha of that.
    let is_gray = format == ImageFormat::Png && bytes.get(PNG_COLOR_TYPE) == Some(&0);
    if color == ColorType::La16 && is_gray {
        drop_alpha(&mut picture.pixels);
        color = ColorType::L16;
    }
    to_rgb(&mut picture.pixels, color)?;
    picture.set_whole(width, height);
    turn(picture, orientation);
    Ok(())
}

/// A kind that is not read is no damage.
fn refusal(name: &str, error: &ImageError) -> Refusal {
    match error {
        ImageError::Unsupported(_) => unsupported(name, error),
        _ => format!("the {name} is damaged: {error}").into(),
    }
}

/// What a file is, if it is none of these, and what makes a picture of it.
fn unknown(bytes: &[u8]) -> Refusal {
    const EXPECTED: &str = "expected JPEG, PNG, WebP, GIF, BMP, TIFF or PNM";
    const HEIF: &str = "heif-convert FILE OUT.jpg";
    const VIDEO: &str =
        "name it .mp4, or: ffmpeg -i FILE -f image2pipe -c:v mjpeg - | ocelli run -m MODEL -";
    // ISO base media files say what they are behind their first size (ISO/IEC 14496-12).
    let brand = bytes.get(4..12).filter(|b| b.starts_with(b"ftyp"));
    let known: [(&str, bool, &'static str); 5] = [
        ("an AVIF", brand.is_some_and(|b| b.ends_with(b"avif")), HEIF),
        (
            "a HEIC",
            brand.is_some_and(|b| [&b"heic"[..], b"heix", b"mif1"].contains(&&b[4..])),
            HEIF,
        ),
        ("a video (MP4)", brand.is_some(), VIDEO),
        (
            "a video (Matroska)",
            bytes.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]),
            VIDEO,
        ),
        (
            "a PDF",
            bytes.starts_with(b"%PDF"),
            "pdftoppm -r 150 -png FILE OUT",
        ),
    ];
    match known.into_iter().find(|(_, is_it, _)| *is_it) {
        Some((kind, _, remedy)) => Refusal {
            text: format!("it is {kind}, which is not read, {EXPECTED}"),
            remedy: Some(remedy),
            settings: &[],
        },
        None => {
            let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            format!(
                "not an image: it begins with {}, {EXPECTED}",
                start.join(" ")
            )
            .into()
        }
    }
}

/// Brings any pixels to 8-bit RGB in place as PIL does: alpha is dropped, of 16-bit
/// colours the high byte counts, and 16-bit greys (PIL's mode `I;16`) above 255 are 255.
fn to_rgb(pixels: &mut Vec<u8>, color: ColorType) -> Result<(), Refusal> {
    // Bytes per pixel, and where the bytes of red, green and blue stand among them. The
    // decoder stores 16-bit values in the machine's order.
    let high = usize::from(cfg!(target_endian = "little"));
    let (stride, offsets) = match color {
        ColorType::L8 => (1, [0, 0, 0]),
        ColorType::La8 => (2, [0, 0, 0]),
        ColorType::Rgb8 => return Ok(()),
        ColorType::Rgba8 => (4, [0, 1, 2]),
        ColorType::L16 => {
            for value in pixels.as_chunks_mut::<2>().0 {
                let clipped = u16::from_ne_bytes(*value).min(255) as u8;
                *value = [clipped; 2];
            }
            (2, [0, 0, 0])
        }
        ColorType::La16 => (4, [high, high, high]),
        ColorType::Rgb16 => (6, [high, high + 2, high + 4]),
        ColorType::Rgba16 => (8, [high, high + 2, high + 4]),
        other => return Err(format!("pixels of the type {other:?}, expected 8 or 16 bits").into()),
    };
    let count = pixels.len() / stride;
    if stride < 3 {
        // The pixels grow: from the last to the first, so that none is overwritten unread.
        pixels.resize((count * 3).max(pixels.len()), 0);
        for at in (0..count).rev() {
            let rgb = offsets.map(|offset| pixels[at * stride + offset]);
            pixels[at * 3..at * 3 + 3].copy_from_slice(&rgb);
        }
    } else {
        for at in 0..count {
            let rgb = offsets.map(|offset| pixels[at * stride + offset]);
            pixels[at * 3..at * 3 + 3].copy_from_slice(&rgb);
        }
    }
    pixels.truncate(count * 3);
    Ok(())
}

/// Takes the alpha out of 16-bit greys, which then are what the file has.
fn drop_alpha(pixels: &mut Vec<u8>) {
    let count = pixels.len() / 4;
    for at in 0..count {
        pixels.copy_within(4 * at..4 * at + 2, 2 * at);
    }
    pixels.truncate(2 * count);
}

#[cfg(test)]
mod tests {
    use super::to_rgb;
    use image::ColorType;

    #[test]
    fn every_layout_comes_down_to_rgb() {
        let be = |v: [u16; 4]| v.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>();
        let cases: [(ColorType, Vec<u8>, Vec<u8>); 5] = [
            (ColorType::L8, vec![1, 2], vec![1, 1, 1, 2, 2, 2]),
            (ColorType::La8, vec![1, 0, 2, 255], vec![1, 1, 1, 2, 2, 2]),
            (
                ColorType::Rgba8,
                vec![1, 2, 3, 0, 4, 5, 6, 9],
                vec![1, 2, 3, 4, 5, 6],
            ),
            (
                ColorType::L16,
                be([7, 0x02ff, 0xffff, 0]),
                vec![7, 7, 7, 255, 255, 255, 255, 255, 255, 0, 0, 0],
            ),
            (
                ColorType::Rgba16,
                be([0x0100, 0x02ff, 0xfffe, 7]),
                vec![1, 2, 255],
            ),
        ];
        for (color, mut pixels, expected) in cases {
            assert!(to_rgb(&mut pixels, color).is_ok());
            assert_eq!(pixels, expected, "{color:?}");
        }
    }
}
