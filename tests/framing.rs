//! Pictures looked at through a region, turned and mirrored, and raw frames that stay
//! luma and chroma until they are small. The reference is the long way: turn, cut and
//! convert the whole picture, then resize it as the golden tensors prove right.

use std::path::Path;

use image::imageops::{crop_imm, flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
use image::{GrayImage, RgbImage};
use ocelli::model::manifest::{
    Color, CropRule, Dtype, Filter, Input, Layout, Preprocess, Resize, Size,
};
use ocelli::pipeline::capture::{Encoding, Frame, Matrix, PixelFormat, RawFormat};
use ocelli::pipeline::decode::{DecodeOptions, Decoder, Picture, Whole};
use ocelli::pipeline::preprocess::{Framing, Geometry, Preprocessor, Roi, Rotation, Turn};
use ocelli::tensor::Elements;

use crate::support::{labels, ocelli, project, records, root, scratch, stderr};

const OUT: usize = 64;

fn raw(pixels: PixelFormat, size: (u32, u32), bytes: Vec<u8>) -> Frame {
    let format = RawFormat {
        pixels,
        width: size.0 as usize,
        height: size.1 as usize,
        full_range: false,
        matrix: Matrix::Bt601,
    };
    Frame {
        encoding: Encoding::Raw(format),
        bytes,
        ..Frame::default()
    }
}

fn rgb(image: &RgbImage) -> Frame {
    raw(PixelFormat::Rgb24, image.dimensions(), image.to_vec())
}

/// The network's input in 8-bit steps.
fn steps(frame: &Frame, resize: Resize, framing: Framing, color: Color) -> Vec<f32> {
    let crop = match resize {
        Resize::Shortest { .. } => Some(Size {
            width: OUT,
            height: OUT,
        }),
        _ => None,
    };
    let preprocess = Preprocess {
        resize,
        filter: Filter::Bilinear,
        antialias: true,
        crop,
        crop_rule: CropRule::default(),
        rescale: 1.0,
        mean: vec![0.0; color.channels()],
        std: vec![1.0; color.channels()],
    };
    let input = Input {
        tensor: "x".into(),
        layout: Layout::Nhwc,
        dtype: Dtype::Float32,
        color,
        width: OUT,
        height: OUT,
        quantization: None,
    };
    let mut preprocessor = Preprocessor::new(&input, Geometry::new(&preprocess, framing, false));
    let (mut picture, mut tensor) = (Picture::default(), preprocessor.tensor(1));
    decoder(color == Color::Gray)
        .decode(frame, preprocessor.geometry(), &mut picture)
        .unwrap();
    preprocessor.run(&picture, &mut tensor, 0);
    match tensor.elements() {
        Elements::Float32(values) => values.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Largest and mean difference.
fn distance(a: &[f32], b: &[f32]) -> (f32, f32) {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    let sum: f32 = differences.clone().sum();
    (differences.fold(0.0, f32::max), sum / a.len() as f32)
}

fn decoder(gray: bool) -> Decoder {
    let options = DecodeOptions {
        max_pixels: 1_000_000,
        gray,
    };
    Decoder::new(options).unwrap()
}

fn file(path: impl AsRef<Path>) -> Frame {
    Frame {
        bytes: std::fs::read(root().join(path)).unwrap(),
        ..Frame::default()
    }
}

fn decoded(frame: &Frame) -> RgbImage {
    let mut picture = Picture::default();
    decoder(false).decode(frame, &Whole, &mut picture).unwrap();
    let (width, height) = (picture.width as u32, picture.height as u32);
    RgbImage::from_raw(width, height, picture.pixels).unwrap()
}

fn turned(image: &RgbImage, rotation: Rotation, flip: (bool, bool)) -> RgbImage {
    let mut turned = match rotation {
        Rotation::None => image.clone(),
        Rotation::Right => rotate90(image),
        Rotation::Half => rotate180(image),
        Rotation::Left => rotate270(image),
    };
    if flip.0 {
        turned = flip_horizontal(&turned);
    }
    if flip.1 {
        turned = flip_vertical(&turned);
    }
    turned
}

const SHORTEST: Resize = Resize::Shortest { size: 72 };
const LETTERBOX: Resize = Resize::Letterbox {
    width: OUT,
    height: OUT,
    fill: [1, 2, 3],
};

#[test]
fn every_framing_is_the_turned_and_cut_picture_within_a_step() {
    let scene = decoded(&file("tests/golden/jpeg444.jpg"));
    let rotations = [
        Rotation::None,
        Rotation::Right,
        Rotation::Half,
        Rotation::Left,
    ];
    let flips = [(false, false), (true, false), (false, true), (true, true)];
    let parts = [
        None,
        Some(Roi {
            x: 0.25,
            y: 0.5,
            width: 0.5,
            height: 0.5,
        }),
    ];
    for rotation in rotations {
        for flip in flips {
            for roi in parts {
                let turn = Turn::new(rotation, flip);
                let framing = Framing { turn, roi };
                // In the camera's coordinates, where parts begin at even pixels.
                let part = framing.source(scene.width() as usize, scene.height() as usize);
                let [x, y, width, height] =
                    [part.x, part.y, part.width, part.height].map(|v| v as u32);
                let part = crop_imm(&scene, x, y, width, height).to_image();
                let upright = turned(&part, rotation, flip);
                for resize in [SHORTEST, LETTERBOX] {
                    let expected = steps(&rgb(&upright), resize, Framing::default(), Color::Rgb);
                    let framed = steps(&rgb(&scene), resize, framing, Color::Rgb);
                    let (worst, _) = distance(&framed, &expected);
                    assert!(
                        worst <= 1.0,
                        "{rotation:?} {flip:?} {roi:?} {resize:?}: {worst} steps"
                    );
                }
            }
        }
    }
}

#[test]
fn a_region_of_a_jpeg_is_that_of_its_pixels_to_the_bit() {
    let jpeg = file("tests/golden/jpeg422.jpg");
    let roi = Some(Roi {
        x: 0.31,
        y: 0.2,
        width: 0.4,
        height: 0.7,
    });
    let framing = Framing {
        roi,
        ..Framing::default()
    };
    assert_eq!(
        steps(&jpeg, SHORTEST, framing, Color::Rgb),
        steps(&rgb(&decoded(&jpeg)), SHORTEST, framing, Color::Rgb)
    );
}

/// Luma, Cb, Cr at half size: BT.601 in video range, in double precision.
fn planes(image: &RgbImage) -> [GrayImage; 3] {
    let (width, height) = image.dimensions();
    let yuv = |x: u32, y: u32| {
        let [r, g, b] = image
            .get_pixel(x.min(width - 1), y.min(height - 1))
            .0
            .map(f64::from);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        [luma, (b - luma) / 1.772, (r - luma) / 1.402]
    };
    let chroma = |plane: usize| {
        GrayImage::from_fn(width.div_ceil(2), height.div_ceil(2), |x, y| {
            let four = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let sum: f64 = four
                .iter()
                .map(|(i, j)| yuv(2 * x + i, 2 * y + j)[plane])
                .sum();
            image::Luma([(sum / 4.0 * 224.0 / 255.0 + 128.0).round() as u8])
        })
    };
    let luma = GrayImage::from_fn(width, height, |x, y| {
        image::Luma([(yuv(x, y)[0] * 219.0 / 255.0 + 16.0).round() as u8])
    });
    [luma, chroma(1), chroma(2)]
}

/// Every pixel converted, with its neighbours' chroma.
fn converted([luma, cb, cr]: &[GrayImage; 3]) -> RgbImage {
    RgbImage::from_fn(luma.width(), luma.height(), |x, y| {
        let y_ = (f64::from(luma.get_pixel(x, y).0[0]) - 16.0) * 255.0 / 219.0;
        let half = |plane: &GrayImage| {
            (f64::from(plane.get_pixel(x / 2, y / 2).0[0]) - 128.0) * 255.0 / 224.0
        };
        let (cb, cr) = (half(cb), half(cr));
        let rgb = [
            y_ + 1.402 * cr,
            y_ - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587,
            y_ + 1.772 * cb,
        ];
        image::Rgb(rgb.map(|v| v.round().clamp(0.0, 255.0) as u8))
    })
}

/// Every layout of luma and chroma, small before it is coloured, is what the whole frame
/// converted and resized is: half a step on average.
#[test]
fn small_planes_give_the_colours_of_the_whole_frame() {
    let photo = decoded(&file("models/samples/star-1.jpg"));
    let planes = planes(&photo);
    let size = photo.dimensions();
    let [luma, cb, cr] = &planes;
    let interleaved: Vec<u8> = cb
        .iter()
        .zip(cr.iter())
        .flat_map(|(b, r)| [*b, *r])
        .collect();
    let pairs = size.0.div_ceil(2);
    let yuyv: Vec<u8> = (0..size.1)
        .flat_map(|y| (0..pairs).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            let at = |x: u32| luma.get_pixel(x.min(size.0 - 1), y).0[0];
            let half = |plane: &GrayImage| plane.get_pixel(x, y / 2).0[0];
            [at(2 * x), half(cb), at(2 * x + 1), half(cr)]
        })
        .collect();
    let frames = [
        raw(
            PixelFormat::Yuv420p,
            size,
            [luma.as_raw().as_slice(), cb, cr].concat(),
        ),
        raw(
            PixelFormat::Nv12,
            size,
            [luma.as_raw().as_slice(), &interleaved].concat(),
        ),
        raw(PixelFormat::Yuyv, size, yuyv),
    ];
    let whole = rgb(&converted(&planes));
    for resize in [SHORTEST, LETTERBOX] {
        let expected = steps(&whole, resize, Framing::default(), Color::Rgb);
        for frame in &frames {
            let small = steps(frame, resize, Framing::default(), Color::Rgb);
            let (worst, mean) = distance(&small, &expected);
            assert!(
                mean < 0.5 && worst <= 10.0,
                "{:?}: {worst}, mean {mean}",
                frame.encoding
            );
        }
        // Luma needs no colours.
        let expected = steps(&whole, resize, Framing::default(), Color::Gray);
        let (worst, mean) = distance(
            &steps(&frames[0], resize, Framing::default(), Color::Gray),
            &expected,
        );
        assert!(worst <= 2.0 && mean < 0.6, "luma: {worst}, mean {mean}");
    }
}

#[test]
fn a_camera_on_its_side_gives_the_labels_of_the_upright_one() {
    let folder = scratch("sideways");
    let samples = project("models/samples");
    for entry in std::fs::read_dir(&samples).unwrap().flatten() {
        let name = folder.join(entry.file_name()).with_extension("png");
        let upright = decoded(&file(entry.path()));
        turned(&flip_horizontal(&upright), Rotation::Left, (false, false))
            .save(name)
            .unwrap();
    }
    let model = project("models/shapes.onnx");
    let run = |rest: &[&str]| {
        let start = ["run", "-q", "-m", &model, "--engine", "rten", "-f", "json"];
        let output = ocelli(start.iter().chain(rest));
        assert!(output.status.success(), "{}", stderr(&output));
        let records = records(&output);
        labels(&records)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let sideways = folder.to_str().unwrap();
    assert_eq!(
        run(&[sideways, "--rotate", "90", "--flip", "horizontal"]),
        run(&[&samples])
    );
}

#[test]
fn framings_that_make_no_sense_are_refused() {
    let cases = [
        (
            ["--roi", "0.5,0,0.6,1"],
            "`0.5,0,0.6,1`, expected X,Y,WIDTH,HEIGHT in shares of the picture, within 0 to 1, such as 0.25,0,0.5,1",
        ),
        (
            ["--rotate", "45"],
            "`45`, expected 0, 90, 180 or 270 degrees",
        ),
        (
            ["--flip", "up"],
            "`up`, expected horizontal, vertical or both",
        ),
    ];
    for (flags, expected) in cases {
        let output = ocelli(["run", "-m", "x.onnx", "y.jpg"].iter().chain(&flags));
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}
