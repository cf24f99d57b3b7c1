//! Which source pixels make each pixel of a resized row or column, and with which weights:
//! PIL's filters in 22-bit fixed point (Pillow, `precompute_coeffs` and
//! `normalize_coeffs_8bpc` in `src/libImaging/Resample.c`).

use crate::model::manifest::Filter;

/// Bits behind the point of a weight: 32, less 8 of the pixel and 2 of overshoot.
pub(super) const PRECISION: u32 = 32 - 8 - 2;
/// One axis of a resize whose result is cropped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Axis {
    /// First pixel of the picture that is resized.
    pub start: usize,
    /// Pixels of it that are resized.
    pub source: usize,
    /// Pixels of the whole result.
    pub resized: usize,
    /// First pixel of the result that is kept.
    pub offset: usize,
    /// Pixels of the result that are kept.
    pub kept: usize,
}

/// Which source pixels make each kept pixel, and with which weights.
#[derive(Default)]
pub(super) struct Taps {
    axis: Option<(Axis, Filter, bool)>,
    /// Weights per pixel, of which as many count as its span has source pixels.
    pub(super) count: usize,
    /// First source pixel, and how many.
    pub(super) spans: Vec<(usize, usize)>,
    pub(super) weights: Vec<i32>,
}

impl Taps {
    /// The source pixels that are looked at: first, and one behind the last.
    pub(super) fn reach(&self) -> (usize, usize) {
        let first = self.spans.iter().map(|s| s.0).min().unwrap_or(0);
        (
            first,
            self.spans.iter().map(|s| s.0 + s.1).max().unwrap_or(0),
        )
    }

    /// Computes the taps, unless they are there already.
    pub(super) fn prepare(&mut self, axis: Axis, filter: Filter, antialias: bool) {
        if self.axis == Some((axis, filter, antialias)) {
            return;
        }
        self.axis = Some((axis, filter, antialias));
        self.spans.clear();
        self.weights.clear();
        let scale = axis.source as f64 / axis.resized as f64;
        let stretch = if antialias { scale.max(1.0) } else { 1.0 };
        let support = support(filter) * stretch;
        self.count = support.ceil() as usize * 2 + 1;
        // Nearest adds up its steps as PIL does: where the sum meets a pixel's edge, its
        // rounding decides.
        let mut stepped = 0.5 * scale;
        if filter == Filter::Nearest && axis.offset < 1 << 24 {
            (0..axis.offset).for_each(|_| stepped += scale);
        }
        for index in axis.offset..axis.offset + axis.kept {
            let centre = (index as f64 + 0.5) * scale;
            let span = match filter {
                Filter::Nearest => ((stepped as usize).min(axis.source - 1), 1),
                _ => span(centre, support, axis.source),
            };
            stepped += scale;
            self.spans.push((axis.start + span.0, span.1));
            let begin = self.weights.len();
            self.weights.resize(begin + self.count, 0);
            let weight =
                |tap: usize| weight(filter, ((tap + span.0) as f64 - centre + 0.5) / stretch);
            let total: f64 = (0..span.1).map(weight).sum();
            for (tap, fixed) in self.weights[begin..][..span.1].iter_mut().enumerate() {
                let share = if total == 0.0 {
                    weight(tap)
                } else {
                    weight(tap) / total
                };
                *fixed = (share * f64::from(1 << PRECISION)).round() as i32;
            }
        }
        // A resize to the same size is none: PIL leaves the pixels alone.
        if axis.source == axis.resized {
            self.identity(axis);
        }
    }

    fn identity(&mut self, axis: Axis) {
        self.count = 1;
        self.weights.clear();
        self.weights.resize(self.spans.len(), 1 << PRECISION);
        for (index, span) in self.spans.iter_mut().enumerate() {
            *span = (axis.start + axis.offset + index, 1);
        }
    }
}

/// First source pixel and number of pixels within `support` of `centre`.
fn span(centre: f64, support: f64, length: usize) -> (usize, usize) {
    let low = (centre - support + 0.5).max(0.0) as usize;
    let high = ((centre + support + 0.5) as usize).min(length);
    (low.min(length - 1), high.saturating_sub(low).max(1))
}

/// A filter's reach in pixels of the smaller picture.
pub(super) fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Nearest | Filter::Box => 0.5,
        Filter::Bilinear | Filter::Hamming => 1.0,
        Filter::Bicubic => 2.0,
        Filter::Lanczos => 3.0,
    }
}

/// A filter's value at distance `x`.
fn weight(filter: Filter, x: f64) -> f64 {
    let far = x.abs();
    match filter {
        Filter::Nearest => 1.0,
        Filter::Box => f64::from(x > -0.5 && x <= 0.5),
        Filter::Bilinear => (1.0 - far).max(0.0),
        Filter::Hamming if far < 1.0 => sinc(x) * (0.54 + 0.46 * (x * std::f64::consts::PI).cos()),
        Filter::Hamming => 0.0,
        Filter::Bicubic => cubic(far),
        Filter::Lanczos if far < 3.0 => sinc(x) * sinc(x / 3.0),
        Filter::Lanczos => 0.0,
    }
}

/// Keys' cubic convolution with a = -0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}
