//! What is seen of a frame, as pixels of any size: turned, cut and shrunk. For whoever shows
//! pictures, or keeps them, rather than classifying them.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::capture::Frame;
use super::decode::{DecodeOptions, Decoder, Need, Picture};
use super::preprocess::{Framing, Geometry, Preprocessor};
use crate::error::{Error, Result};
use crate::model::manifest::{Color, CropRule, Dtype, Filter, Input, Layout, Preprocess, Resize};
use crate::region::Region;
use crate::tensor::{Elements, Tensor};

/// How large a view is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ViewSize {
    /// As the camera sees it.
    Whole,
    /// Its longer side has at most so many pixels.
    #[cfg(feature = "serve")]
    Within(usize),
    /// Its shorter side has at most so many pixels.
    Covering(usize),
    /// So many pixels each way, whatever its proportions.
    Square(usize),
}

/// What of frames is seen, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViewOptions {
    pub(crate) size: ViewSize,
    pub(crate) color: Color,
    /// Larger pictures are refused.
    pub(crate) max_pixels: usize,
}

/// Pixels, row after row, of the colour that was asked for.
pub(crate) struct View<'a> {
    pub(crate) pixels: &'a [u8],
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// Makes views with buffers that go round. One decoder serves all sources; only what depends
/// on the size of a source's pictures is kept for each.
pub(crate) struct Viewer {
    decoder: Decoder,
    picture: Picture,
    sights: Vec<Sight>,
}

/// A source as it is seen.
struct Sight {
    wanted: Wanted,
    shrinker: Option<Shrinker>,
}

/// What brings pictures of one size to that of the view.
struct Shrinker {
    from: (usize, usize),
    to: (usize, usize),
    preprocessor: Preprocessor,
    tensor: Tensor,
}

/// What is asked for.
struct Wanted {
    framing: Framing,
    size: ViewSize,
    color: Color,
}

impl Wanted {
    /// Width and height for a picture of `width` x `height` pixels.
    fn target(&self, width: usize, height: usize) -> (usize, usize) {
        match self.size {
            ViewSize::Whole => {
                let Region { width, height, .. } = self.framing.source(width, height);
                self.framing.turn.swap((width, height))
            }
            ViewSize::Square(side) => (side, side),
            #[cfg(feature = "serve")]
            ViewSize::Within(side) => self.scaled((width, height), |(across, down)| {
                side as f64 / across.max(down)
            }),
            ViewSize::Covering(side) => self.scaled((width, height), |(across, down)| {
                side as f64 / across.min(down)
            }),
        }
    }

    /// What is looked at of a picture of this size, at a `scale` of its own, never larger.
    fn scaled(
        &self,
        (width, height): (usize, usize),
        scale: impl Fn((f64, f64)) -> f64,
    ) -> (usize, usize) {
        let shares = self.framing.roi.map_or((1.0, 1.0), |r| (r.width, r.height));
        let seen = (width as f64 * shares.0, height as f64 * shares.1);
        let (across, down) = self.framing.turn.swap(seen);
        let scale = scale((across, down)).min(1.0);
        let pixels = |length: f64| ((length * scale).round() as usize).max(1);
        (pixels(across), pixels(down))
    }

    fn geometry(&self, width: usize, height: usize) -> Geometry {
        let (width, height) = self.target(width, height);
        let channels = self.color.channels();
        let preprocess = Preprocess {
            resize: Resize::Exact { width, height },
            filter: Filter::Bilinear,
            antialias: true,
            crop: None,
            crop_rule: CropRule::default(),
            rescale: 1.0,
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        };
        Geometry::new(&preprocess, self.framing, false)
    }

    fn shrinker(&self, from: (usize, usize)) -> Shrinker {
        let to = self.target(from.0, from.1);
        let input = Input {
            tensor: String::new(),
            layout: Layout::Nhwc,
            dtype: Dtype::Uint8,
            color: self.color,
            width: to.0,
            height: to.1,
            quantization: None,
        };
        let preprocessor = Preprocessor::new(&input, self.geometry(from.0, from.1));
        Shrinker {
            from,
            to,
            tensor: preprocessor.tensor(1),
            preprocessor,
        }
    }
}

impl Need for Wanted {
    fn region(&self, width: usize, height: usize) -> Region {
        self.geometry(width, height).region(width, height)
    }

    fn eighths(&self, width: usize, height: usize) -> usize {
        let (across, down) = self.target(width, height);
        let shrink = width.max(height) as f64 / across.max(down) as f64;
        // Nobody measures these pictures: decoding at a lower resolution is good enough.
        let enough = |eighths: &usize| shrink * *eighths as f64 / 8.0 >= 1.0;
        match self.size {
            // A proof's picture is compared with what the whole one gives.
            ViewSize::Whole | ViewSize::Covering(_) => 8,
            _ => [1, 2, 4].into_iter().find(enough).unwrap_or(8),
        }
    }
}

impl Viewer {
    /// A viewer of sources that are looked at through `framings`.
    ///
    /// # Errors
    /// There is no memory for a decoder.
    pub(crate) fn new(options: ViewOptions, framings: &[Framing]) -> Result<Self> {
        let ViewOptions {
            size,
            color,
            max_pixels,
        } = options;
        let sights = framings.iter().map(|framing| Sight {
            wanted: Wanted {
                framing: *framing,
                size,
                color,
            },
            shrinker: None,
        });
        Ok(Self {
            decoder: Decoder::new(DecodeOptions {
                max_pixels,
                gray: color == Color::Gray,
            })?,
            picture: Picture::default(),
            sights: sights.collect(),
        })
    }

    /// What is seen of a frame of the `source`.
    ///
    /// # Errors
    /// It is not a picture, damaged, or too large.
    pub(crate) fn view(&mut self, source: usize, frame: &Frame) -> Result<View<'_>> {
        let Sight { wanted, shrinker } = &mut self.sights[source];
        self.decoder.decode(frame, wanted, &mut self.picture)?;
        let from = (self.picture.width, self.picture.height);
        let kept = match shrinker.take() {
            Some(kept) if kept.from == from => kept,
            _ => wanted.shrinker(from),
        };
        let Shrinker {
            to,
            preprocessor,
            tensor,
            ..
        } = shrinker.insert(kept);
        preprocessor.run(&self.picture, tensor, 0);
        let Elements::Uint8(pixels) = tensor.elements() else {
            return Err(Error::engine("a view", "its pixels are not bytes"));
        };
        Ok(View {
            pixels,
            width: to.0,
            height: to.1,
        })
    }
}

/// Makes JPEGs of views.
pub(crate) struct JpegEncoder(Compressor);

impl JpegEncoder {
    /// JPEGs of this `quality`, 1 to 100, with chroma as `sampling` says.
    ///
    /// # Errors
    /// There is no memory for an encoder.
    pub(crate) fn new(quality: i32, sampling: Sampling) -> Result<Self> {
        let sampling = match sampling {
            #[cfg(feature = "serve")]
            Sampling::Quarter => Subsamp::Sub2x2,
            Sampling::Half => Subsamp::Sub2x1,
            Sampling::Full => Subsamp::None,
        };
        let compressor = Compressor::new().and_then(|mut compressor| {
            compressor.set_quality(quality)?;
            compressor.set_subsamp(sampling)?;
            Ok(compressor)
        });
        compressor.map(Self).map_err(|e| {
            Error::engine("libjpeg-turbo", "there is no memory for an encoder").caused_by(e)
        })
    }

    /// The view, which is in red, green and blue, as a JPEG.
    ///
    /// # Errors
    /// libjpeg-turbo's own words.
    pub(crate) fn encode(&mut self, view: &View) -> Result<Vec<u8>> {
        let image = Image {
            pixels: view.pixels,
            width: view.width,
            pitch: 3 * view.width,
            height: view.height,
            format: PixelFormat::RGB,
        };
        let jpeg = self.0.compress_to_vec(image);
        jpeg.map_err(|e| Error::output("libjpeg-turbo", "a picture cannot be encoded").caused_by(e))
    }
}

/// How much of the colours a JPEG keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sampling {
    /// A sample for four pixels.
    #[cfg(feature = "serve")]
    Quarter,
    /// A sample for two pixels of a row, as most cameras give them.
    Half,
    /// All of them.
    Full,
}
