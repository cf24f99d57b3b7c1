//! What one picture shows of its own health: the numbers that limits are set for.

use std::time::Duration;

use super::blob;
use super::scene::{Hidden, Seen, Usual};
use crate::pipeline::summary::{CELLS, Colour, GRID, PictureSummary};

/// Below so much chroma a picture is gray: infrared light, or a camera without colours.
const GRAY: f32 = 2.0;
/// A cell is flat if its luma ranges over less, and so much per step of noise more.
const FLAT: f32 = 4.0;
const FLAT_PER_NOISE: f32 = 2.5;
/// A repeated picture changes less: in so many of its pixels, by so much.
const REPEATED_SHARE: f32 = 0.01;
const REPEATED_MEAN: f32 = 0.05;
/// In how long an estimate of noise may grow to a larger one: what moves looks like noise,
/// but not for long in the stillest quarter of the cells.
const NOISE_GROWS_IN: f32 = 60.0;
/// Share of pixels that have to be neither black nor burnt out for noise to show in them.
const NOISY_SHARE: f32 = 0.05;

/// Numbers of which the usual is learned, by their places.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    Brightness,
    BrightShare,
    Sharpness,
    RedCast,
    BlueCast,
    Likeness,
}

impl Measure {
    pub(super) const COUNT: usize = 6;
}

/// The last picture, and what was found.
#[derive(Debug, Default)]
pub(super) struct Look {
    previous: PictureSummary,
    spare: Vec<u16>,
    sequence: Option<u64>,
    /// Standard deviation of the noise, where two pictures could be compared.
    noise: Option<f32>,
    pub(super) brightness: f32,
    pub(super) contrast: f32,
    pub(super) bright_share: f32,
    pub(super) lit_share: f32,
    /// Detail per contrast, less what noise makes of it.
    pub(super) sharpness: f32,
    /// Red and blue beside green, relative to luma; none of a gray picture.
    pub(super) cast: Option<[f32; 2]>,
    /// Share of the cells that are flat.
    pub(super) flat_share: f32,
    /// What is hidden, as far as the usual is known.
    pub(super) hidden: Option<Hidden>,
    pub(super) seen: Seen,
    /// How like the picture is to what this camera shows, -1 to 1, where that is known.
    pub(super) likeness: Option<f32>,
    /// Whether it is the one before again; none where nobody could tell.
    pub(super) repeats: Option<bool>,
    /// For how long it has been the same.
    pub(super) repeated: Duration,
}

impl Look {
    /// Measures `summary`, taken `passed` after the one before.
    pub(super) fn take(
        &mut self,
        summary: &PictureSummary,
        passed: Duration,
        sequence: Option<u64>,
        usual: Option<&Usual>,
    ) {
        self.brightness = summary.brightness();
        self.contrast = summary.contrast();
        self.bright_share = summary.bright_share();
        self.lit_share = summary.lit_share();
        self.compare(summary, passed, sequence);
        let noise = self.noise.unwrap_or(0.0);
        // White noise adds five times its variance to the Laplacian's square at half size.
        let detail = (summary.detail().powi(2) - 5.0 * noise * noise).max(0.0);
        self.sharpness = detail.sqrt() / self.contrast.max(1.0);
        let colour = summary.colour();
        self.seen.is_gray = colour.is_none_or(|colour| colour.chroma < GRAY);
        self.cast = colour.filter(|_| !self.seen.is_gray).map(cast);
        self.find_flat(summary, FLAT + FLAT_PER_NOISE * noise);
        self.seen.thumbnail.make(summary.cell_means());
        let piece = blob::largest(&self.seen.flat);
        self.hidden = usual.map(|usual| usual.hidden(&self.seen, &piece));
    }

    /// What the frame before tells: noise, and whether this is the same picture.
    fn compare(&mut self, summary: &PictureSummary, passed: Duration, sequence: Option<u64>) {
        // One frame that is handed out twice is no second picture.
        let is_same_frame = sequence.is_some() && sequence == self.sequence;
        self.sequence = sequence;
        self.repeats = None;
        if is_same_frame {
            return;
        }
        if let Some(found) = summary.difference(&self.previous, &mut self.spare) {
            let repeats = found.share < REPEATED_SHARE && found.mean <= REPEATED_MEAN;
            let shown = 1.0 - summary.bright_share() - (1.0 - summary.lit_share());
            self.repeats = (!repeats || shown >= NOISY_SHARE).then_some(repeats);
            self.repeated = match repeats {
                true => self.repeated + passed,
                false => Duration::ZERO,
            };
            if !repeats {
                let before = self.noise.unwrap_or(found.noise);
                let share = (passed.as_secs_f32() / NOISE_GROWS_IN).min(1.0);
                let grown = before + (found.noise - before) * share;
                self.noise = Some(found.noise.min(grown));
            }
        }
        self.previous.remember(summary);
    }

    fn find_flat(&mut self, summary: &PictureSummary, limit: f32) {
        self.seen.flat = [0; GRID];
        for (row, ranges) in summary.cell_ranges().chunks_exact(GRID).enumerate() {
            for (column, range) in ranges.iter().enumerate() {
                self.seen.flat[row] |= u32::from(*range < limit) << column;
            }
        }
        self.flat_share = blob::count(&self.seen.flat) as f32 / CELLS as f32;
    }

    /// The numbers of which the usual is learned; those that are not known are not numbers.
    pub(super) fn values(&self) -> [f32; Measure::COUNT] {
        let [red, blue] = self.cast.unwrap_or([f32::NAN; 2]);
        let mut values = [f32::NAN; Measure::COUNT];
        for (measure, value) in [
            (Measure::Brightness, self.brightness),
            (Measure::BrightShare, self.bright_share),
            (Measure::Sharpness, self.sharpness),
            (Measure::RedCast, red),
            (Measure::BlueCast, blue),
            (Measure::Likeness, self.likeness.unwrap_or(f32::NAN)),
        ] {
            values[measure as usize] = value;
        }
        values
    }
}

fn cast(colour: Colour) -> [f32; 2] {
    let mean = ((colour.red + colour.green + colour.blue) / 3.0).max(8.0);
    [
        (colour.red - colour.green) / mean,
        (colour.blue - colour.green) / mean,
    ]
}
