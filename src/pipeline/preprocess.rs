//! Third stage: the input tensor from a picture, exactly as in training: resize and centre
//! crop in one step, then normalise and lay out in another.

mod geometry;
mod layout;
mod resample;
mod tensor;

use super::capture::Cover;
use super::decode::{Need, Picture, Region};
use crate::model::manifest::{Color, Input, Preprocess, Resize};
use geometry::plan;
use resample::{Resampler, View, support};
pub use tensor::{Elements, Tensor};

/// Turns pictures into tensors; owns every buffer that takes.
pub struct Preprocessor {
    geometry: Geometry,
    color: Color,
    resampler: Resampler,
    /// The resized and cropped pixels.
    small: Vec<u8>,
    tables: layout::Tables,
    input: Input,
    fill: [u8; 3],
}

/// What pictures are cut to; also tells the decoder what it need not decode.
#[derive(Clone, Debug)]
pub struct Geometry {
    preprocess: Preprocess,
    fast_decode: bool,
}

impl Geometry {
    /// The geometry of `preprocess`. With `fast_decode`, JPEGs may be decoded at a lower
    /// resolution as long as that is at least twice the one needed: quicker, not exact.
    pub fn new(preprocess: &Preprocess, fast_decode: bool) -> Self {
        Self {
            preprocess: preprocess.clone(),
            fast_decode,
        }
    }
}

/// The smallest picture that need not be enlarged.
pub fn cover(preprocess: &Preprocess) -> Cover {
    match preprocess.resize {
        Resize::Shortest { size } => Cover::Both(size as f64, size as f64),
        Resize::Exact { width, height } => Cover::Both(width as f64, height as f64),
        Resize::Letterbox { width, height, .. } => Cover::Either(width as f64, height as f64),
    }
}

impl Need for Geometry {
    fn region(&self, width: usize, height: usize) -> Region {
        let support = support(self.preprocess.filter);
        plan(&self.preprocess, width, height).source_region(support, width, height)
    }

    fn eighths(&self, width: usize, height: usize) -> usize {
        if !self.fast_decode {
            return 8;
        }
        let shrink = plan(&self.preprocess, width, height).shrink(width, height);
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
        Self {
            tables: layout::Tables::new(input, &geometry.preprocess),
            geometry,
            color: input.color,
            resampler: Resampler::new(),
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
        let preprocess = &self.geometry.preprocess;
        let plan = plan(preprocess, picture.width, picture.height);
        let (across, down) = plan.axes(picture.eighths, picture.width, picture.height);
        let Region { x, y, width, .. } = picture.region;
        let view = View {
            pixels: &picture.pixels,
            width,
            channels: picture.channels,
            x,
            y,
        };
        self.resampler.run(
            view,
            across,
            down,
            preprocess.filter,
            preprocess.antialias,
            &mut self.small,
        );
        let image = layout::Placed {
            pixels: &self.small,
            at: plan.target,
            fill: self.fill,
        };
        self.tables.write(&image, self.color, tensor, item);
    }
}
