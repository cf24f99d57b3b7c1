//! TIFF and BigTIFF through the `tiff` crate, which unpacks the values as they are stored;
//! what they mean is decided in `colors`, as PIL decides it. JPEG inside goes to
//! libjpeg-turbo, and LZW is unpacked here.

mod colors;
mod jpeg;
mod layout;
mod lzw;
mod predictor;

use std::io::Cursor;
use std::mem::take;

use tiff::decoder::{Decoder, Limits};
use tiff::{TiffError, tags::Tag};

use super::directory::Directory;
use super::limits::{BUDGET, Refusal, check_memory, check_size, unsupported};
use super::orientation::{orientation_in, turn};
use super::picture::Picture;
use layout::{BLACK_IS_ZERO, Layout, PHOTOMETRIC};

/// Whether a file begins as a TIFF does.
pub(crate) fn is_tiff(bytes: &[u8]) -> bool {
    [&b"II*\0"[..], b"MM\0*", b"II+\0", b"MM\0+"]
        .iter()
        .any(|start| bytes.starts_with(start))
}

/// Decodes the first picture of a file.
pub(crate) fn decode(
    bytes: &[u8],
    max_pixels: usize,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    let Some(directory) = Directory::first(bytes) else {
        return Err("the TIFF is damaged: its directory lies outside the file".into());
    };
    let mut layout = Layout::read(&directory)?;
    let (width, height) = (layout.width, layout.height);
    check_size(width, height, max_pixels)?;
    check_memory(width, height, layout.bytes_per_pixel(), max_pixels)?;
    let samples = if layout.is_jpeg() {
        let samples = jpeg::samples(bytes, &layout, max_pixels)?;
        layout.chroma_is_converted();
        samples
    } else if layout.is_lzw() {
        lzw::samples(bytes, &layout, max_pixels, take(&mut picture.pixels))?
    } else {
        samples(bytes, &directory, &layout, max_pixels)?
    };
    colors::to_rgb(samples, &layout, &mut picture.pixels);
    picture.set_whole(width, height);
    let xmp = directory.find(Tag::Unknown(700).to_u16());
    let xmp = xmp.map(|entry| entry.bytes());
    turn(picture, orientation_in(Some(&directory), xmp));
    Ok(())
}

/// The values as they are stored, 16-bit and larger ones in the machine's order.
fn samples(
    bytes: &[u8],
    directory: &Directory<'_>,
    layout: &Layout,
    max_pixels: usize,
) -> Result<Vec<u8>, Refusal> {
    let mut plain = layout.in_bit_order(bytes).into_owned();
    declare_plain(&mut plain, directory)?;
    let mut decoder = Decoder::new(Cursor::new(&plain)).map_err(refusal)?;
    let needed = decoder.image_buffer_layout().map_err(refusal)?.complete_len;
    if needed != layout.stored_bytes() {
        return Err(format!(
            "the TIFF is damaged: its values take {needed} bytes, expected {}",
            layout.stored_bytes()
        )
        .into());
    }
    let mut limits = Limits::default();
    limits.intermediate_buffer_size = max_pixels.saturating_mul(BUDGET);
    let mut decoder = decoder.with_limits(limits);
    let mut samples = vec![0; needed];
    decoder.read_image_bytes(&mut samples).map_err(refusal)?;
    Ok(samples)
}

/// Says in a copy of the file that its values are plain greys: so the `tiff` crate gives
/// all of each pixel, palette indices too, and changes none.
fn declare_plain(plain: &mut [u8], directory: &Directory<'_>) -> Result<(), Refusal> {
    let Some(entry) = directory.find(PHOTOMETRIC) else {
        return Err(unsupported("TIFF", "without PhotometricInterpretation"));
    };
    let length = entry.bytes().len();
    let value = &mut plain[entry.at..entry.at + length];
    value.fill(0);
    let low = if directory.is_big_endian() {
        length - 1
    } else {
        0
    };
    value[low] = BLACK_IS_ZERO;
    Ok(())
}

fn refusal(error: TiffError) -> Refusal {
    match error {
        TiffError::UnsupportedError(kind) => unsupported("TIFF", kind),
        TiffError::LimitsExceeded => {
            "the TIFF needs more memory than its picture, which is not used".into()
        }
        error => format!("the TIFF is damaged: {error}").into(),
    }
}
