//! The few pixels that the network looks at, out of a picture's many: resized, cropped,
//! turned, and in colour if the network sees colours.

use pulp::Arch;

use super::framing::Turn;
use super::geometry::Sampling;
use super::resample::{CHANNELS, Resampler, View};
use super::yuv;
use crate::model::manifest::Filter;
use crate::pipeline::decode::{Picture, Samples};
use crate::region::Region;

/// Shrinks pictures; owns every buffer that takes.
pub(super) struct Shrinker {
    arch: Arch,
    filter: Filter,
    antialias: bool,
    /// Whether the network sees luma only.
    gray: bool,
    luma: Resampler,
    chroma: Resampler,
    planes: [Vec<u8>; 3],
    turned: Vec<u8>,
}

impl Shrinker {
    /// For a network that sees luma only (`gray`) or colours, with PIL's `filter`.
    pub(super) fn new(filter: Filter, antialias: bool, gray: bool) -> Self {
        Self {
            arch: Arch::new(),
            filter,
            antialias,
            gray,
            luma: Resampler::new(),
            chroma: Resampler::new(),
            planes: Default::default(),
            turned: Vec::new(),
        }
    }

    /// Takes from `picture` what `sampling` names, turned by `turn`, into `out`: pixels of
    /// one value, or of [`CHANNELS`].
    pub(super) fn run(
        &mut self,
        picture: &Picture,
        sampling: &Sampling,
        turn: Turn,
        out: &mut Vec<u8>,
    ) {
        let scaled = sampling.at_eighths(picture.eighths);
        match picture.samples {
            Samples::Rgb => self.resample(picture, &scaled, 3, out),
            Samples::Luma if self.gray => self.resample(picture, &scaled, 1, out),
            Samples::Luma => {
                let mut luma = std::mem::take(&mut self.planes[0]);
                self.resample(picture, &scaled, 1, &mut luma);
                out.clear();
                out.extend(luma.iter().flat_map(|luma| [*luma; CHANNELS]));
                self.planes[0] = luma;
            }
            Samples::Yuv(chroma) => {
                let Region { width, height, .. } = picture.region;
                let (luma, rest) = picture.pixels.split_at(width * height);
                let region = chroma.region(picture.region);
                let (cb, cr) = rest.split_at(region.width * region.height);
                let half = scaled.of_chroma(chroma);
                let [to_luma, to_cb, to_cr] = &mut self.planes;
                let (filter, antialias) = (self.filter, self.antialias);
                let view = |pixels, region| plane(pixels, region, 1);
                let run = |resampler: &mut Resampler, view, sampling: &Sampling, out| {
                    resampler.run(view, sampling.across, sampling.down, filter, antialias, out);
                };
                run(&mut self.luma, view(luma, picture.region), &scaled, to_luma);
                run(&mut self.chroma, view(cb, region), &half, to_cb);
                run(&mut self.chroma, view(cr, region), &half, to_cr);
                yuv::to_rgb(self.arch, [to_luma, to_cb, to_cr], chroma, out);
            }
        }
        if !turn.is_none() {
            let size = (sampling.across.kept, sampling.down.kept);
            turn.apply_to(self.gray, out, size, &mut self.turned);
            std::mem::swap(out, &mut self.turned);
        }
    }

    fn resample(
        &mut self,
        picture: &Picture,
        sampling: &Sampling,
        channels: usize,
        out: &mut Vec<u8>,
    ) {
        let view = plane(&picture.pixels, picture.region, channels);
        let Sampling { across, down, .. } = *sampling;
        self.luma
            .run(view, across, down, self.filter, self.antialias, out);
    }
}

fn plane(pixels: &[u8], region: Region, channels: usize) -> View<'_> {
    View {
        pixels,
        width: region.width,
        channels,
        x: region.x,
        y: region.y,
    }
}
