//! The input tensor.

use half::f16;

use crate::model::manifest::{Dtype, Input, Layout};

/// A batch of pictures: `[batch, C, H, W]` or `[batch, H, W, C]`, normalised.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: [usize; 4],
    pub(super) elements: Elements,
}

/// The values, in the type that the network takes.
#[derive(Clone, Debug, PartialEq)]
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
    pub fn set_batch(&mut self, batch: usize) {
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

    /// The values.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }
}
