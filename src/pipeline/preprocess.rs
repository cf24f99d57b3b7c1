//! Third stage: the input tensor from a picture, exactly as in training: resize and centre
//! crop in one step, then normalise and lay out in another.

mod geometry;
mod layout;
mod tensor;

use fast_image_resize as fir;
use fir::images::{Image, ImageRef};

use super::decode::{Need, Picture, Region};
use crate::error::{Error, Result};
use crate::model::manifest::{Color, Filter, Input, Preprocess};
pub use geometry::{Plan, SourceBox, plan};
pub use tensor::{Elements, Tensor};

/// Turns pictures into tensors; owns every buffer that takes.
pub struct Preprocessor {
    geometry: Geometry,
    color: Color,
    resizer: fir::Resizer,
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

impl Need for Geometry {
    fn region(&self, width: usize, height: usize) -> Region {
        let plan = plan(&self.preprocess, width, height);
        let support = if self.preprocess.antialias {
            support(self.preprocess.filter)
        } else {
            1.0
        };
        plan.source.with_margin(&plan, support, width, height)
    }

    fn eighths(&self, width: usize, height: usize) -> usize {
        if !self.fast_decode {
            return 8;
        }
        let plan = plan(&self.preprocess, width, height);
        let shrink = plan.source.shrink(&plan);
        // Twice the resolution needed keeps the error of the cheaper decoding small.
        [1, 2, 4]
            .into_iter()
            .find(|e| shrink * *e as f64 / 8.0 >= 2.0)
            .unwrap_or(8)
    }
}

/// The filter's reach in pixels of the smaller picture.
fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Nearest | Filter::Box => 0.5,
        Filter::Bilinear => 1.0,
        Filter::Bicubic => 2.0,
        Filter::Lanczos => 3.0,
    }
}

impl Preprocessor {
    /// A preprocessor for this input and these steps.
    pub fn new(input: &Input, geometry: Geometry) -> Self {
        let fill = match geometry.preprocess.resize {
            crate::model::manifest::Resize::Letterbox { fill, .. } => fill,
            _ => [0; 3],
        };
        Self {
            tables: layout::Tables::new(input, &geometry.preprocess),
            geometry,
            color: input.color,
            resizer: fir::Resizer::new(),
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
    ///
    /// # Errors
    /// The picture has other channels than the decoder was asked for.
    pub fn run(&mut self, picture: &Picture, tensor: &mut Tensor, item: usize) -> Result<()> {
        let plan = plan(&self.geometry.preprocess, picture.width, picture.height);
        self.resize(picture, &plan).map_err(|e| {
            Error::input(
                "resize",
                format!(
                    "{}x{} to {}x{}",
                    picture.width, picture.height, plan.target.width, plan.target.height
                ),
            )
            .caused_by(e)
        })?;
        let image = layout::Placed {
            pixels: &self.small,
            at: plan.target,
            fill: self.fill,
        };
        self.tables.write(&image, self.color, tensor, item);
        Ok(())
    }

    /// Resizes the plan's part of the picture into `small`.
    fn resize(
        &mut self,
        picture: &Picture,
        plan: &Plan,
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let kind = if picture.channels == 1 {
            fir::PixelType::U8
        } else {
            fir::PixelType::U8x3
        };
        let Region {
            x,
            y,
            width,
            height,
        } = picture.region;
        let source = ImageRef::new(width as u32, height as u32, &picture.pixels, kind)?;
        let target = plan.target;
        self.small
            .resize(target.width * target.height * picture.channels, 0);
        let mut small = Image::from_slice_u8(
            target.width as u32,
            target.height as u32,
            &mut self.small,
            kind,
        )?;
        let part = plan.source.seen_in(picture, x, y);
        let options = fir::ResizeOptions::new()
            .resize_alg(algorithm(&self.geometry.preprocess))
            .crop(part.x, part.y, part.width, part.height)
            .use_alpha(false);
        Ok(self.resizer.resize(&source, &mut small, &options)?)
    }
}

fn algorithm(preprocess: &Preprocess) -> fir::ResizeAlg {
    let filter = match preprocess.filter {
        Filter::Nearest => return fir::ResizeAlg::Nearest,
        Filter::Box => fir::FilterType::Box,
        Filter::Bilinear => fir::FilterType::Bilinear,
        Filter::Bicubic => fir::FilterType::CatmullRom,
        Filter::Lanczos => fir::FilterType::Lanczos3,
    };
    if preprocess.antialias {
        fir::ResizeAlg::Convolution(filter)
    } else {
        fir::ResizeAlg::Interpolation(filter)
    }
}
