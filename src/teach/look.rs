//! How a picture looks before it is normalised, read back from the input tensor: the
//! properties that a manifest's drift baselines are of.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::model::manifest::{Color, Layout, Manifest};
use crate::tensor::{Elements, Tensor};

/// Shares of red, green and blue in luma (ITU-R BT.601).
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// A picture's properties, at the size that the network takes; in grey levels of 255 but for
/// sharpness.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Mean luma.
    pub brightness: f64,
    /// Standard deviation of luma.
    pub contrast: f64,
    /// `ln(1 + variance of the Laplacian of luma)`.
    pub sharpness: f64,
    /// Mean red minus mean blue.
    pub red_blue: f64,
}

impl Look {
    /// Of the picture in the first place of `tensor`.
    pub(super) fn of(tensor: &Tensor, manifest: &Manifest) -> Self {
        let (width, height) = (manifest.input.width, manifest.input.height);
        let planes = planes(tensor, manifest);
        let means: Vec<f64> = planes.iter().map(|plane| mean(plane)).collect();
        let luma: Vec<f64> = match &planes[..] {
            [red, green, blue] => (0..width * height)
                .map(|at| LUMA[0] * red[at] + LUMA[1] * green[at] + LUMA[2] * blue[at])
                .collect(),
            other => other.first().cloned().unwrap_or_default(),
        };
        Self {
            brightness: mean(&luma),
            contrast: deviation(&luma),
            sharpness: laplacian_variance(&luma, width, height).ln_1p(),
            red_blue: means.first().unwrap_or(&0.0) - means.last().unwrap_or(&0.0),
        }
    }
}

/// The picture's pixels, 0 to 255: planes of red, green and blue, or of luma.
fn planes(tensor: &Tensor, manifest: &Manifest) -> Vec<Vec<f64>> {
    let (input, pre) = (&manifest.input, &manifest.preprocess);
    let channels = input.color.channels();
    let pixels = input.width * input.height;
    let (scale, zero) = input.quantization.map_or((1.0, 0.0), |q| {
        (f64::from(q.scale), f64::from(q.zero_point))
    });
    let plane = |channel: usize| -> Vec<f64> {
        let pixel = |at: usize| {
            let place = match input.layout {
                Layout::Nchw => channel * pixels + at,
                Layout::Nhwc => at * channels + channel,
            };
            let real = (element(tensor.elements(), place) - zero) * scale;
            (real * pre.std[channel] + pre.mean[channel]) / pre.rescale
        };
        (0..pixels).map(pixel).collect()
    };
    let mut planes: Vec<Vec<f64>> = (0..channels).map(plane).collect();
    if input.color == Color::Bgr {
        planes.reverse();
    }
    planes
}

fn element(elements: &Elements, at: usize) -> f64 {
    match elements {
        Elements::Float32(v) => f64::from(v[at]),
        Elements::Float16(v) => v[at].to_f64(),
        Elements::Uint8(v) => f64::from(v[at]),
        Elements::Int8(v) => f64::from(v[at]),
    }
}

/// A number that tells pictures apart as the network sees them: equal for copies, in whatever
/// format they are kept.
pub(super) fn identity(tensor: &Tensor) -> u64 {
    let mut hash = DefaultHasher::new();
    match tensor.elements() {
        Elements::Float32(v) => v.iter().for_each(|v| v.to_bits().hash(&mut hash)),
        Elements::Float16(v) => v.iter().for_each(|v| v.to_bits().hash(&mut hash)),
        Elements::Uint8(v) => v.hash(&mut hash),
        Elements::Int8(v) => v.hash(&mut hash),
    }
    hash.finish()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

fn laplacian_variance(luma: &[f64], width: usize, height: usize) -> f64 {
    let mut values = Vec::with_capacity(luma.len());
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let at = y * width + x;
            let around = luma[at - width] + luma[at + width] + luma[at - 1] + luma[at + 1];
            values.push(around - 4.0 * luma[at]);
        }
    }
    deviation(&values).powi(2)
}
