//! Pictures are brought upright, as PIL's `ImageOps.exif_transpose` does.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use super::picture::Picture;

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
