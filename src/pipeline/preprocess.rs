//! Third stage: the input tensor from a picture, exactly as in training: resize and centre
//! crop in one step, then normalise and lay out in another.

mod framing;
mod geometry;
mod layout;
mod plan;
mod resample;
mod shrink;
mod taps;
mod weave;
mod yuv;

use super::capture::Cover;
use super::decode::{Need, Picture};
use crate::model::manifest::{Color, Input, Preprocess, Resize};
use crate::region::Region;
use crate::tensor::Tensor;
pub use framing::{Framing, Roi, Rotation, Turn};
use geometry::Sampling;

use shrink::Shrinker;
use taps::support;

/// Turns pictures into tensors; owns every buffer that takes.
pub struct Preprocessor {
    geometry: Geometry,
    color: Color,
    shrinker: Shrinker,
    /// The resized, cropped and turned pixels.
    small: Vec<u8>,
    tables: layout::Tables,
    input: Input,
    fill: [u8; 3],
}

/// What pictures are cut to; also tells the decoder what it need not decode.
#[derive(Clone, Debug)]
pub struct Geometry {
    preprocess: Preprocess,
    framing: Framing,
    fast_decode: bool,
}

impl Geometry {
    /// The geometry of `preprocess` on pictures looked at through `framing`. With
    /// `fast_decode`, JPEGs may be decoded at a lower resolution as long as that is at
    /// least twice the one needed: quicker, not exact.
    pub fn new(preprocess: &Preprocess, framing: Framing, fast_decode: bool) -> Self {
        Self {
            preprocess: preprocess.clone(),
            framing,
            fast_decode,
        }
    }

    fn sampling(&self, width: usize, height: usize) -> Sampling {
        Sampling::new(&self.preprocess, &self.framing, width, height)
    }
}

/// The smallest picture that need not be enlarged.
pub fn cover(preprocess: &Preprocess, framing: &Framing) -> Cover {
    let (width, height, both) = match preprocess.resize {
        Resize::Shortest { size } => (size, size, true),
        Resize::Exact { width, height } | Resize::Cover { width, height } => (width, height, true),
        Resize::Central { of, .. } => (of.width, of.height, true),
        Resize::Letterbox { width, height, .. } => (width, height, false),
    };
    let shares = framing
        .roi
        .map_or((1.0, 1.0), |roi| (roi.width, roi.height));
    let seen = (width as f64 / shares.0, height as f64 / shares.1);
    let (width, height) = framing.turn.swap(seen);
    if both {
        Cover::Both(width, height)
    } else {
        Cover::Either(width, height)
    }
}

impl Need for Geometry {
    fn region(&self, width: usize, height: usize) -> Region {
        self.sampling(width, height)
            .region(support(self.preprocess.filter), width, height)
    }

    fn eighths(&self, width: usize, height: usize) -> usize {
        if !self.fast_decode {
            return 8;
        }
        let shrink = self.sampling(width, height).shrink();
        // Twice the resolution needed keeps the error of the cheaper decoding small.
        [1, 2, 4]
            .into_iter()
            .find(|e| shrink * *e as f64 / 8.0 >= 2.0)
            .unwrap_or(8)
    }
}

impl Preprocessor {
    /// A preprocessor for this input and these steps.
    pub fn new(input: &Input, geometry: Geometry) -> Self {
        let fill = match geometry.preprocess.resize {
            Resize::Letterbox { fill, .. } => fill,
            _ => [0; 3],
        };
        let Preprocess {
            filter, antialias, ..
        } = geometry.preprocess;
        Self {
            tables: layout::Tables::new(input, &geometry.preprocess),
            geometry,
            color: input.color,
            shrinker: Shrinker::new(filter, antialias, input.color == Color::Gray),
            small: Vec::new(),
            input: input.clone(),
            fill,
        }
    }

    /// What the decoder has to decode.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// A tensor for `batch` pictures.
    pub fn tensor(&self, batch: usize) -> Tensor {
        Tensor::new(&self.input, batch)
    }

    /// Writes `picture` into place `item` of `tensor`.
    pub fn run(&mut self, picture: &Picture, tensor: &mut Tensor, item: usize) {
        let sampling = self.geometry.sampling(picture.width, picture.height);
        let turn = self.geometry.framing.turn;
        self.shrinker.run(picture, &sampling, turn, &mut self.small);
        let image = layout::Placed {
            pixels: &self.small,
            at: sampling.target,
            fill: self.fill,
        };
        self.tables.write(&image, self.color, tensor, item);
    }
}
