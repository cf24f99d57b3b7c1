//! What goes into a network and what comes out of it. Engines, preprocessing and scoring
//! all speak of these, and of nothing of one another.

use half::f16;

use crate::model::manifest::{Dtype, Input, Layout};

/// A batch of pictures: `[batch, C, H, W]` or `[batch, H, W, C]`, normalised.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: [usize; 4],
    pub(crate) elements: Elements,
}

/// The values, in the type that the network takes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Elements {
    /// 32-bit floating point.
    Float32(Vec<f32>),
    /// 16-bit floating point.
    Float16(Vec<f16>),
    /// Unsigned integers, quantised.
    Uint8(Vec<u8>),
    /// Signed integers, quantised.
    Int8(Vec<i8>),
}

impl Tensor {
    /// A tensor of zeros for `batch` pictures.
    pub fn new(input: &Input, batch: usize) -> Self {
        let (c, h, w) = (input.color.channels(), input.height, input.width);
        let shape = match input.layout {
            Layout::Nchw => [batch, c, h, w],
            Layout::Nhwc => [batch, h, w, c],
        };
        let count = shape.iter().product();
        let elements = match input.dtype {
            Dtype::Float32 => Elements::Float32(vec![0.0; count]),
            Dtype::Float16 => Elements::Float16(vec![f16::ZERO; count]),
            Dtype::Uint8 => Elements::Uint8(vec![0; count]),
            Dtype::Int8 => Elements::Int8(vec![0; count]),
        };
        Self { shape, elements }
    }

    /// Makes room for `batch` pictures, or leaves out those behind it. Within the size it
    /// was made for, this takes no memory.
    pub(crate) fn set_batch(&mut self, batch: usize) {
        self.shape[0] = batch;
        let count = self.shape.iter().product();
        match &mut self.elements {
            Elements::Float32(v) => v.resize(count, 0.0),
            Elements::Float16(v) => v.resize(count, f16::ZERO),
            Elements::Uint8(v) => v.resize(count, 0),
            Elements::Int8(v) => v.resize(count, 0),
        }
    }

    /// The axes.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The values, row-major.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }
}

/// What a network gives for a batch.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// A value per class: `[batch, classes]`.
    pub scores: RawOutput,
    /// The features below the classes: `[batch, D]`, or `[batch, D, rows, columns]` where
    /// the network pools later. `None` asks for none, and then none is computed.
    pub embedding: Option<RawOutput>,
}

impl Outputs {
    /// Room for scores, and for features if the engine was made to give them.
    pub fn new(embedding: bool) -> Self {
        Self {
            scores: RawOutput::default(),
            embedding: embedding.then(RawOutput::default),
        }
    }
}

/// An output tensor as the network gave it, widened to f32: flat, item after item,
/// integers not yet dequantised.
#[derive(Clone, Debug, Default)]
pub struct RawOutput {
    /// The values, row-major.
    pub values: Vec<f32>,
    /// Axes as the engine reports them.
    pub shape: Vec<usize>,
}

impl RawOutput {
    /// Sets the axes and makes room for the values.
    pub(crate) fn begin(&mut self, shape: impl Iterator<Item = usize>) {
        self.values.clear();
        self.shape.clear();
        self.shape.extend(shape);
    }

    /// The features of place `item` of a batch: a value each, pooled over rows and columns
    /// where there still are some.
    pub(crate) fn features(&self, item: usize, features: &mut Vec<f32>) {
        features.clear();
        let (batch, count) = match self.shape[..] {
            [batch, count, ..] => (batch.max(1), count.max(1)),
            _ => (1, self.values.len().max(1)),
        };
        let each = self.values.len() / batch;
        let Some(values) = self.values.get(item * each..(item + 1) * each) else {
            return;
        };
        let places = (each / count).max(1);
        let mean = |values: &[f32]| values.iter().sum::<f32>() / places as f32;
        features.extend(values.chunks_exact(places).map(mean));
    }
}

/// `exp(v / t) / sum(exp(v / t))`, from the largest down so that nothing overflows.
pub(crate) fn softmax(values: &mut [f32], temperature: f32) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        *value = ((*value - largest) / temperature).exp();
        sum += *value;
    }
    values.iter_mut().for_each(|v| *v /= sum);
}

#[cfg(test)]
mod tests {
    use super::{RawOutput, softmax};

    #[test]
    fn softmax_is_what_numpy_gives() {
        // numpy: exp([1,2,3]/2) / sum
        let mut values = [1.0, 2.0, 3.0];
        softmax(&mut values, 2.0);
        let expected = [0.186_323_72, 0.307_195_9, 0.506_480_4];
        assert!(
            values
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-6),
            "{values:?}"
        );
        let mut huge = [1e30, -1e30, f32::NEG_INFINITY];
        softmax(&mut huge, 1.0);
        assert_eq!(huge, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn features_are_one_value_each_whatever_is_left_of_rows_and_columns() {
        let mut features = Vec::new();
        let flat = RawOutput {
            values: vec![1.0, 2.0, 3.0, 4.0],
            shape: vec![2, 2],
        };
        flat.features(1, &mut features);
        assert_eq!(features, [3.0, 4.0]);
        let map = RawOutput {
            values: vec![1.0, 3.0, 5.0, 9.0],
            shape: vec![1, 2, 1, 2],
        };
        map.features(0, &mut features);
        assert_eq!(features, [2.0, 7.0]);
        map.features(1, &mut features);
        assert!(features.is_empty());
    }
}
