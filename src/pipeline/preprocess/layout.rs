//! Normalising and laying out in one pass. A pixel has 256 values, so the arithmetic is
//! done once for each of them and channel; the pass itself only looks up. That keeps
//! every element type exact and equally quick.

use half::f16;

use super::resample::CHANNELS;
use crate::model::manifest::{Color, Dtype, Input, Layout, Preprocess};
use crate::region::Region;
use crate::tensor::{Elements, Tensor};

/// Per channel of the tensor, the element for each pixel value.
pub(super) struct Tables {
    values: Values,
    layout: Layout,
    width: usize,
    height: usize,
}

type Table<T> = [[T; 256]; 3];

enum Values {
    Float32(Box<Table<f32>>),
    Float16(Box<Table<f16>>),
    Uint8(Box<Table<u8>>),
    Int8(Box<Table<i8>>),
}

/// Pixels (row after row; one value each, or red, green, blue) and where in the tensor they
/// go; what they leave free is filled with one colour.
pub(super) struct Placed<'a> {
    /// 8-bit values.
    pub pixels: &'a [u8],
    /// Their place.
    pub at: Region,
    /// Red, green, blue of the rest.
    pub fill: [u8; 3],
}

impl Tables {
    /// The tables of `(pixel * rescale - mean) / std`, quantised where the input says how.
    pub(super) fn new(input: &Input, preprocess: &Preprocess) -> Self {
        let real = |channel: usize, pixel: usize| {
            let channel = channel.min(preprocess.mean.len() - 1);
            (pixel as f64 * preprocess.rescale - preprocess.mean[channel]) / preprocess.std[channel]
        };
        let integer = |channel, pixel| {
            let value = real(channel, pixel);
            let (scale, zero_point) = input
                .quantization
                .map_or((1.0, 0), |q| (f64::from(q.scale), q.zero_point));
            (value / scale).round_ties_even() + f64::from(zero_point)
        };
        let values = match input.dtype {
            Dtype::Float32 => Values::Float32(table(|c, p| real(c, p) as f32)),
            Dtype::Float16 => Values::Float16(table(|c, p| f16::from_f64(real(c, p)))),
            // `as` saturates, as quantisation does.
            Dtype::Uint8 => Values::Uint8(table(|c, p| integer(c, p) as u8)),
            Dtype::Int8 => Values::Int8(table(|c, p| integer(c, p) as i8)),
        };
        Self {
            values,
            layout: input.layout,
            width: input.width,
            height: input.height,
        }
    }

    /// Writes an image into place `item` of `tensor`.
    pub(super) fn write(&self, image: &Placed, color: Color, tensor: &mut Tensor, item: usize) {
        match (&self.values, &mut tensor.elements) {
            (Values::Float32(table), Elements::Float32(out)) => {
                self.lay_out(table, image, color, out, item)
            }
            (Values::Float16(table), Elements::Float16(out)) => {
                self.lay_out(table, image, color, out, item)
            }
            (Values::Uint8(table), Elements::Uint8(out)) => {
                self.lay_out(table, image, color, out, item)
            }
            (Values::Int8(table), Elements::Int8(out)) => {
                self.lay_out(table, image, color, out, item)
            }
            _ => unreachable!("tensor and tables are made from the same input"),
        }
    }

    fn lay_out<T: Copy>(
        &self,
        table: &Table<T>,
        image: &Placed,
        color: Color,
        out: &mut [T],
        item: usize,
    ) {
        let (width, height) = (self.width, self.height);
        let count = width * height * color.channels();
        let out = &mut out[item * count..(item + 1) * count];
        // Where in a pixel the tensor's channels stand.
        let order = if color == Color::Bgr {
            [2, 1, 0]
        } else {
            [0, 1, 2]
        };
        let at = image.at;
        if (at.width, at.height) != (width, height) {
            self.fill(table, image.fill, order, color.channels(), out);
        }
        if color == Color::Gray {
            // One channel: both layouts are rows of values.
            for (row, pixels) in image.pixels.chunks_exact(at.width).enumerate() {
                let start = (at.y + row) * width + at.x;
                for (to, pixel) in out[start..].iter_mut().zip(pixels) {
                    *to = table[0][usize::from(*pixel)];
                }
            }
            return;
        }
        for (row, pixels) in image.pixels.chunks_exact(at.width * CHANNELS).enumerate() {
            let start = (at.y + row) * width + at.x;
            let (pixels, _) = pixels.as_chunks::<CHANNELS>();
            match self.layout {
                // HWC => CHW
                Layout::Nchw => {
                    let (first, rest) = out.split_at_mut(width * height);
                    let (second, third) = rest.split_at_mut(width * height);
                    let planes = first[start..]
                        .iter_mut()
                        .zip(&mut second[start..])
                        .zip(&mut third[start..]);
                    for (((a, b), c), pixel) in planes.zip(pixels) {
                        *a = table[0][usize::from(pixel[order[0]])];
                        *b = table[1][usize::from(pixel[order[1]])];
                        *c = table[2][usize::from(pixel[order[2]])];
                    }
                }
                Layout::Nhwc => {
                    let (to, _) = out[start * 3..].as_chunks_mut::<3>();
                    for (to, pixel) in to.iter_mut().zip(pixels) {
                        *to = [0, 1, 2].map(|c| table[c][usize::from(pixel[order[c]])]);
                    }
                }
            }
        }
    }

    /// Fills all of the tensor's place with one colour.
    fn fill<T: Copy>(
        &self,
        table: &Table<T>,
        fill: [u8; 3],
        order: [usize; 3],
        channels: usize,
        out: &mut [T],
    ) {
        for (index, value) in out.iter_mut().enumerate() {
            let channel = match self.layout {
                Layout::Nchw => index / (self.width * self.height),
                Layout::Nhwc => index % channels,
            };
            *value = table[channel][usize::from(fill[order[channel]])];
        }
    }
}

fn table<T: Copy>(value: impl Fn(usize, usize) -> T) -> Box<Table<T>> {
    Box::new(std::array::from_fn(|channel| {
        std::array::from_fn(|pixel| value(channel, pixel))
    }))
}

#[cfg(test)]
mod tests {
    use super::{Placed, Tables};
    use crate::model::manifest::{
        Color, CropRule, Dtype, Filter, Input, Layout, Preprocess, Quantization, Resize,
    };
    use crate::region::Region;
    use crate::tensor::{Elements, Tensor};

    /// Lays out a 3x2 picture, no two of whose values are alike, so that every swap of
    /// axes or channels shows.
    fn laid_out(
        layout: Layout,
        color: Color,
        dtype: Dtype,
        quantization: Option<Quantization>,
        at: Region,
    ) -> Elements {
        let input = Input {
            tensor: "x".into(),
            layout,
            dtype,
            color,
            width: 3,
            height: 2,
            quantization,
        };
        let channels = color.channels();
        let preprocess = Preprocess {
            resize: Resize::Exact {
                width: 3,
                height: 2,
            },
            filter: Filter::Bilinear,
            antialias: true,
            crop: None,
            crop_rule: CropRule::default(),
            rescale: 1.0,
            mean: [100.0, 10.0, 1.0][..channels].to_vec(),
            std: vec![1.0; channels],
        };
        let pixels: Vec<u8> = (1..=(at.width * at.height * channels) as u8).collect();
        let mut tensor = Tensor::new(&input, 2);
        let placed = Placed {
            pixels: &pixels,
            at,
            fill: [50, 60, 70],
        };
        Tables::new(&input, &preprocess).write(&placed, color, &mut tensor, 1);
        tensor.elements().clone()
    }

    const WHOLE: Region = Region {
        x: 0,
        y: 0,
        width: 3,
        height: 2,
    };

    fn floats(elements: Elements) -> Vec<f32> {
        match elements {
            Elements::Float32(v) => v[v.len() / 2..].to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn layouts_and_colours_are_told_apart() {
        let nchw = floats(laid_out(
            Layout::Nchw,
            Color::Rgb,
            Dtype::Float32,
            None,
            WHOLE,
        ));
        let red = [-99., -96., -93., -90., -87., -84.];
        let green = [-8., -5., -2., 1., 4., 7.];
        let blue = [2., 5., 8., 11., 14., 17.];
        assert_eq!(nchw, [red, green, blue].concat());
        let nhwc = floats(laid_out(
            Layout::Nhwc,
            Color::Rgb,
            Dtype::Float32,
            None,
            WHOLE,
        ));
        assert_eq!(nhwc[..6], [-99., -8., 2., -96., -5., 5.]);
        let bgr = floats(laid_out(
            Layout::Nchw,
            Color::Bgr,
            Dtype::Float32,
            None,
            WHOLE,
        ));
        // The first channel is blue, less the first mean.
        assert_eq!(bgr[..3], [-97., -94., -91.]);
        let gray = floats(laid_out(
            Layout::Nhwc,
            Color::Gray,
            Dtype::Float32,
            None,
            WHOLE,
        ));
        assert_eq!(gray, [-99., -98., -97., -96., -95., -94.]);
    }

    #[test]
    fn integers_are_quantised_and_saturate() {
        let quantization = Some(Quantization {
            scale: 2.0,
            zero_point: 3,
        });
        let elements = laid_out(Layout::Nhwc, Color::Rgb, Dtype::Int8, quantization, WHOLE);
        let Elements::Int8(values) = elements else {
            panic!()
        };
        // -99 / 2 = -49.5 goes to the even -50; -8 / 2 = -4; 2 / 2 = 1.
        assert_eq!(values[18..21], [-47, -1, 4]);
        let Elements::Uint8(values) = laid_out(Layout::Nhwc, Color::Rgb, Dtype::Uint8, None, WHOLE)
        else {
            panic!()
        };
        assert_eq!(values[18..21], [0, 0, 2]);
    }

    #[test]
    fn a_letterbox_is_filled_around_the_picture() {
        let at = Region {
            x: 1,
            y: 0,
            width: 1,
            height: 2,
        };
        let values = floats(laid_out(Layout::Nchw, Color::Rgb, Dtype::Float32, None, at));
        assert_eq!(values[..6], [-50., -99., -50., -50., -96., -50.]);
        assert_eq!(values[12..], [69., 2., 69., 69., 5., 69.]);
    }
}
