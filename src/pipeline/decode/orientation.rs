//! Pictures are brought upright, as PIL's `ImageOps.exif_transpose` does: by the orientation
//! in EXIF, or by that in XMP where EXIF has none.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use super::directory::Directory;
use super::picture::Picture;

/// The tag of TIFF and EXIF that says which way is up.
const ORIENTATION: u16 = 274;

/// The orientation of a picture with this EXIF block (TIFF structure, with or without the
/// name that precedes it in JPEG) and XMP packet.
pub(crate) fn orientation(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    const NAME: &[u8] = b"Exif\0\0";
    let strip = |block| <[u8]>::strip_prefix(block, NAME).unwrap_or(block);
    let directory = exif.and_then(|block| Directory::of_exif(strip(block)));
    orientation_in(directory.as_ref(), xmp)
}

/// The orientation that a directory says, else the XMP packet. A value without a meaning
/// is none, but XMP is not asked then.
pub(crate) fn orientation_in(directory: Option<&Directory<'_>>, xmp: Option<&[u8]>) -> Orientation {
    let value = match directory.and_then(|directory| directory.find(ORIENTATION)) {
        Some(entry) => entry.number(),
        None => xmp.and_then(of_xmp).map(f64::from),
    };
    value
        .filter(|value| (1.0..=8.0).contains(value) && value.fract() == 0.0)
        .and_then(|value| Orientation::from_exif(value as u8))
        .unwrap_or(Orientation::NoTransforms)
}

/// The digit of `tiff:Orientation`, an attribute or an element.
fn of_xmp(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    memchr::memmem::find_iter(packet, NAME).find_map(|at| {
        let rest = &packet[at + NAME.len()..];
        let value = rest
            .strip_prefix(b"=\"")
            .or_else(|| rest.strip_prefix(b">"))?;
        let digit = *value.first()?;
        digit.is_ascii_digit().then(|| digit - b'0')
    })
}

/// Turns a whole picture upright.
pub(crate) fn turn(picture: &mut Picture, orientation: Orientation) {
    if orientation == Orientation::NoTransforms {
        return;
    }
    let (width, height) = (picture.width as u32, picture.height as u32);
    let Some(image) = RgbImage::from_raw(width, height, std::mem::take(&mut picture.pixels)) else {
        return;
    };
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    picture.set_whole(image.width() as usize, image.height() as usize);
    picture.pixels = image.into_rgb8().into_raw();
}

#[cfg(test)]
mod tests {
    use super::{Orientation, orientation};

    #[test]
    fn xmp_counts_where_exif_says_nothing() {
        let six = Orientation::Rotate90;
        let none = Orientation::NoTransforms;
        // One entry: tag 274, two bytes, once.
        let exif = |value| {
            [
                b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0",
                &[value, 0, 0][..],
            ]
            .concat()
        };
        let attribute: &[u8] = b"<rdf:Description tiff:Orientation=\"6\"/>";
        let element: &[u8] = b"tiff:Orientation=\"?\" <tiff:Orientation>6</tiff:Orientation>";
        assert_eq!(orientation(None, Some(attribute)), six);
        assert_eq!(orientation(Some(b"rubbish"), Some(element)), six);
        assert_eq!(orientation(None, Some(b"tiff:Orientation='6'")), none);
        assert_eq!(orientation(Some(&exif(6)), None), six);
        let named = [b"Exif\0\0", &exif(6)[..]].concat();
        assert_eq!(orientation(Some(&named), None), six);
        // One that has no meaning is still what EXIF says.
        for value in [0, 1, 9, 255] {
            assert_eq!(
                orientation(Some(&exif(value)), Some(attribute)),
                none,
                "{value}"
            );
        }
    }
}
