//! Raw pixels: only the region that is needed is taken over. Luma and chroma stay planes
//! until they are small, because converting a whole frame first costs 3 to 4 times as much
//! as everything else that is done with it.

use super::limits::Refusal;
use super::picture::{Chroma, Need, Picture, Samples};
use crate::pipeline::capture::{PixelFormat, RawFormat};
use crate::region::Region;

/// Takes the needed region over.
pub(crate) fn decode(
    bytes: &[u8],
    format: RawFormat,
    need: &dyn Need,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    let (width, height) = (format.width, format.height);
    if format.frame_bytes() != Some(bytes.len()) {
        return Err(format!(
            "{} bytes for a {width}x{height} {:?} frame",
            bytes.len(),
            format.pixels
        )
        .into());
    }
    picture.set_whole(width, height);
    picture.region = need.region(width, height);
    picture.pixels.clear();
    picture.samples = take_over(bytes, format, picture.region, &mut picture.pixels);
    Ok(())
}

/// Appends the pixels of `region`; what they are.
fn take_over(bytes: &[u8], format: RawFormat, region: Region, out: &mut Vec<u8>) -> Samples {
    let (width, height) = (format.width, format.height);
    let chroma = |across, down| Chroma {
        across,
        down,
        full_range: format.full_range,
        matrix: format.matrix,
    };
    match format.pixels {
        PixelFormat::Rgb24 => {
            copy::<3>(bytes, width, region, out);
            Samples::Rgb
        }
        PixelFormat::Bgr24 => {
            take::<3, _>(bytes, width, region, out, |[b, g, r]| [r, g, b]);
            Samples::Rgb
        }
        PixelFormat::Gray8 => {
            copy::<1>(bytes, width, region, out);
            Samples::Luma
        }
        PixelFormat::Yuyv => {
            let (chroma, pairs) = (chroma(2, 1), width.div_ceil(2));
            take::<2, _>(bytes, 2 * pairs, region, out, |[luma, _]| [luma]);
            let region = chroma.region(region);
            take::<4, _>(bytes, pairs, region, out, |[_, cb, _, _]| [cb]);
            take::<4, _>(bytes, pairs, region, out, |[_, _, _, cr]| [cr]);
            Samples::Yuv(chroma)
        }
        PixelFormat::Nv12 => {
            let (chroma, pairs) = (chroma(2, 2), width.div_ceil(2));
            let (luma, rest) = bytes.split_at(width * height);
            copy::<1>(luma, width, region, out);
            let region = chroma.region(region);
            take::<2, _>(rest, pairs, region, out, |[cb, _]| [cb]);
            take::<2, _>(rest, pairs, region, out, |[_, cr]| [cr]);
            Samples::Yuv(chroma)
        }
        PixelFormat::Yuv420p => planes(bytes, (width, height), region, chroma(2, 2), out),
        PixelFormat::Yuv422p => planes(bytes, (width, height), region, chroma(2, 1), out),
        PixelFormat::Yuv444p => planes(bytes, (width, height), region, chroma(1, 1), out),
    }
}

/// Appends `region` of three planes.
fn planes(
    bytes: &[u8],
    (width, height): (usize, usize),
    region: Region,
    chroma: Chroma,
    out: &mut Vec<u8>,
) -> Samples {
    let whole = chroma.region(Region {
        x: 0,
        y: 0,
        width,
        height,
    });
    let (luma, rest) = bytes.split_at(width * height);
    let (cb, cr) = rest.split_at(whole.width * whole.height);
    copy::<1>(luma, width, region, out);
    for plane in [cb, cr] {
        copy::<1>(plane, whole.width, chroma.region(region), out);
    }
    Samples::Yuv(chroma)
}

/// Appends `region` of a plane that has `width` pixels of `C` bytes per row.
fn copy<const C: usize>(plane: &[u8], width: usize, region: Region, out: &mut Vec<u8>) {
    let (start, bytes) = (region.x * C, region.width * C);
    for row in plane
        .chunks_exact(width * C)
        .skip(region.y)
        .take(region.height)
    {
        out.extend_from_slice(&row[start..start + bytes]);
    }
}

/// Appends `region` of a plane that has `width` cells of `C` bytes per row, and of each
/// cell what `pick` picks.
fn take<const C: usize, const P: usize>(
    plane: &[u8],
    width: usize,
    region: Region,
    out: &mut Vec<u8>,
    pick: impl Fn([u8; C]) -> [u8; P],
) {
    let (cells, _) = plane.as_chunks::<C>();
    let start = out.len();
    out.resize(start + region.width * region.height * P, 0);
    let (out, _) = out[start..].as_chunks_mut::<P>();
    let rows = cells.chunks_exact(width).skip(region.y);
    for (out, row) in out.chunks_exact_mut(region.width).zip(rows) {
        for (to, cell) in out.iter_mut().zip(&row[region.x..]) {
            *to = pick(*cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Samples, decode};
    use crate::pipeline::capture::{Matrix, PixelFormat, RawFormat};
    use crate::pipeline::decode::{Need, Picture, Region};

    struct Part;

    impl Need for Part {
        fn region(&self, _: usize, _: usize) -> Region {
            Region {
                x: 1,
                y: 1,
                width: 2,
                height: 2,
            }
        }

        fn eighths(&self, _: usize, _: usize) -> usize {
            8
        }
    }

    fn part(pixels: PixelFormat, bytes: &[u8]) -> Picture {
        let format = RawFormat {
            pixels,
            width: 3,
            height: 3,
            full_range: false,
            matrix: Matrix::Bt601,
        };
        let mut picture = Picture::default();
        assert!(decode(bytes, format, &Part, &mut picture).is_ok());
        picture
    }

    #[test]
    fn planes_are_cut_out_of_every_layout() {
        // Luma 0 to 8 row by row; Cb from 20, Cr from 40, at half size rounded up.
        let luma: Vec<u8> = (0..9).collect();
        let planar = [&luma[..], &[20, 21, 22, 23], &[40, 41, 42, 43]].concat();
        let nv12 = [&luma[..], &[20, 40, 21, 41, 22, 42, 23, 43]].concat();
        let yuyv = [
            [0, 20, 1, 40, 2, 21, 0, 41],
            [3, 22, 4, 42, 5, 23, 0, 43],
            [6, 24, 7, 44, 8, 25, 0, 45],
        ]
        .concat();
        let expected = [4, 5, 7, 8, 20, 21, 22, 23, 40, 41, 42, 43];
        assert_eq!(part(PixelFormat::Yuv420p, &planar).pixels, expected);
        assert_eq!(part(PixelFormat::Nv12, &nv12).pixels, expected);
        let expected = [4, 5, 7, 8, 22, 23, 24, 25, 42, 43, 44, 45];
        let picture = part(PixelFormat::Yuyv, &yuyv);
        assert_eq!(picture.pixels, expected);
        assert!(matches!(picture.samples, Samples::Yuv(c) if (c.across, c.down) == (2, 1)));
        let bgr: Vec<u8> = (0..27).collect();
        assert_eq!(
            part(PixelFormat::Bgr24, &bgr).pixels,
            [14, 13, 12, 17, 16, 15, 23, 22, 21, 26, 25, 24]
        );
    }
}
