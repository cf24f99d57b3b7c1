//! Resampling with PIL's arithmetic, to the bit: the same taps, 22-bit weights and order
//! of the two passes, each rounded to 8 bits (Pillow, `src/libImaging/Resample.c`).
//!
//! A faster library was measured first: `fast_image_resize` has 16-bit weights and is one
//! step off in 1 to 2 of 1000 values, which moves a probability of an 8-bit MobileNet by
//! up to 0.04. A classifier should answer on the device what it answered in training.

use pulp::{Arch, NullaryFnOnce};

use crate::model::manifest::Filter;

/// Bits behind the point of a weight: 32, less 8 of the pixel and 2 of overshoot.
const PRECISION: u32 = 32 - 8 - 2;
/// Products that are summed side by side: a 256-bit register of them. Taps come in groups
/// that fill it; the rest of a group are zeros.
const LANES: usize = 8;
/// Colours are computed as red, green, blue and a channel of nothing, so that a register
/// holds whole pixels.
pub const PADDED: usize = 4;

/// One axis of a resize whose result is cropped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Axis {
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
struct Taps {
    axis: Option<(Axis, Filter, bool, usize)>,
    /// Weights per pixel, a multiple of the group that they are computed in.
    count: usize,
    /// First source pixel, and how many.
    spans: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

/// The resampler with its buffers.
pub struct Resampler {
    arch: Arch,
    across: Taps,
    down: Taps,
    /// Weights of `across`, each repeated for every channel.
    spread: Vec<i32>,
    /// One source row with room behind it for the last group.
    row: Vec<u8>,
    /// The picture between the two passes.
    between: Vec<u8>,
}

/// A picture, or the region of one that begins at `x`, `y`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Row after row, channels interleaved.
    pub pixels: &'a [u8],
    /// Pixels per row.
    pub width: usize,
    /// Values per pixel, 1 or 3.
    pub channels: usize,
    /// Columns of the whole picture left of the region.
    pub x: usize,
    /// Rows of the whole picture above it.
    pub y: usize,
}

impl Resampler {
    /// A resampler for this processor.
    pub fn new() -> Self {
        Self {
            arch: Arch::new(),
            across: Taps::default(),
            down: Taps::default(),
            spread: Vec::new(),
            row: Vec::new(),
            between: Vec::new(),
        }
    }

    /// Resizes and crops `view` into `out`, which gets `across.kept * down.kept` pixels of
    /// one value, or of [`PADDED`] for colours.
    pub fn run(
        &mut self,
        view: View,
        across: Axis,
        down: Axis,
        filter: Filter,
        antialias: bool,
        out: &mut Vec<u8>,
    ) {
        let channels = if view.channels == 1 { 1 } else { PADDED };
        if self
            .across
            .prepare(across, filter, antialias, LANES / channels)
        {
            let repeated = |weight: &i32| std::iter::repeat_n(*weight, channels);
            self.spread.clear();
            self.spread
                .extend(self.across.weights.iter().flat_map(repeated));
        }
        self.down.prepare(down, filter, antialias, 1);
        let mut between = std::mem::take(&mut self.between);
        if rows_first(across, down) {
            self.resample_rows(view, &mut between);
            let view = View {
                pixels: &between,
                y: 0,
                ..view
            };
            self.resample_columns(view, 0, down.kept, channels, out);
        } else {
            let (first, last) = self.down.reach();
            self.resample_columns(view, first - view.y, last - first, channels, &mut between);
            let view = View {
                pixels: &between,
                width: across.kept,
                channels,
                y: first,
                ..view
            };
            self.resample_rows(view, out);
        }
        self.between = between;
    }

    /// Makes `count` rows of `view`, from row `first`, as wide as is kept.
    fn resample_columns(
        &mut self,
        view: View,
        first: usize,
        count: usize,
        channels: usize,
        out: &mut Vec<u8>,
    ) {
        let Self {
            arch,
            across,
            spread,
            row,
            ..
        } = self;
        out.resize(count * across.spans.len() * channels, 0);
        row.resize((view.width + across.count + LANES) * channels, 0);
        match channels {
            1 => arch.dispatch(Columns::<1, 1> {
                view,
                first,
                taps: across,
                spread,
                row,
                out,
            }),
            _ => arch.dispatch(Columns::<3, PADDED> {
                view,
                first,
                taps: across,
                spread,
                row,
                out,
            }),
        }
    }

    /// Makes the rows that are kept, as wide as `view` is.
    fn resample_rows(&mut self, view: View, out: &mut Vec<u8>) {
        out.resize(self.down.spans.len() * view.width * view.channels, 0);
        self.arch.dispatch(Rows {
            view,
            taps: &self.down,
            out,
        });
    }
}

/// Whether PIL resamples rows before columns. It does, from Pillow 12 or 13 on, where the
/// height shrinks by more than twice as many pixels as the width: seen by comparing its
/// results with those of the two orders, over some thousand sizes.
fn rows_first(across: Axis, down: Axis) -> bool {
    let shrinks = |axis: Axis| axis.source.saturating_sub(axis.resized);
    across.source != across.resized && shrinks(down) > 2 * shrinks(across)
}

/// The pass over columns: every kept pixel of a row from its span of source pixels of `C`
/// values, computed as `P` values. A struct instead of a closure, because only so is the
/// whole loop compiled for the processor at hand; plain indices for the same reason
/// (adapters of iterators are not inlined there).
struct Columns<'a, const C: usize, const P: usize> {
    view: View<'a>,
    first: usize,
    taps: &'a Taps,
    spread: &'a [i32],
    row: &'a mut [u8],
    out: &'a mut [u8],
}

impl<const C: usize, const P: usize> NullaryFnOnce for Columns<'_, C, P> {
    type Output = ();

    /// The usual numbers of groups get loops of known length, which are unrolled: a
    /// bilinear filter takes 2 for enlarging, 3 at 480 lines to 256, 4 at 720, 6 at 1080.
    #[inline(always)]
    fn call(self) {
        match self.taps.count * P / LANES {
            1 => self.rows::<1>(),
            2 => self.rows::<2>(),
            3 => self.rows::<3>(),
            4 => self.rows::<4>(),
            6 => self.rows::<6>(),
            _ => self.rows::<0>(),
        }
    }
}

impl<const C: usize, const P: usize> Columns<'_, C, P> {
    /// All rows, with `G` groups of taps per pixel; 0 is any number.
    #[inline(always)]
    fn rows<const G: usize>(self) {
        let Self {
            view,
            first,
            taps,
            spread,
            row,
            out,
        } = self;
        let kept = taps.spans.len();
        let groups = if G == 0 { taps.count * P / LANES } else { G };
        let weights = &spread.as_chunks::<LANES>().0[..kept * groups];
        for line in 0..out.len() / (kept * P) {
            let source = &view.pixels[(first + line) * view.width * C..]
                .as_chunks::<C>()
                .0[..view.width];
            pad::<C, P>(source, &mut row.as_chunks_mut::<P>().0[..view.width]);
            let out = &mut out[line * kept * P..].as_chunks_mut::<P>().0[..kept];
            for index in 0..kept {
                let start = (taps.spans[index].0 - view.x) * P;
                let values = &row[start..][..groups * LANES].as_chunks::<LANES>().0[..groups];
                let weights = &weights[index * groups..][..groups];
                let mut sums = [0_i32; LANES];
                for group in 0..groups {
                    for lane in 0..LANES {
                        sums[lane] += i32::from(values[group][lane]) * weights[group][lane];
                    }
                }
                for channel in 0..P {
                    let mut sum = 1 << (PRECISION - 1);
                    for tap in 0..LANES / P {
                        sum += sums[tap * P + channel];
                    }
                    out[index][channel] = clip(sum);
                }
            }
        }
    }
}

/// Pixels of `C` values to pixels of `P`, the rest 0.
#[expect(
    clippy::manual_memcpy,
    reason = "a call of memcpy for three bytes costs more than the resampling"
)]
#[inline(always)]
fn pad<const C: usize, const P: usize>(source: &[[u8; C]], padded: &mut [[u8; P]]) {
    for at in 0..padded.len() {
        let mut pixel = [0; P];
        for channel in 0..C {
            pixel[channel] = source[at][channel];
        }
        padded[at] = pixel;
    }
}

/// The pass over rows: every kept row from its span of source rows.
struct Rows<'a> {
    view: View<'a>,
    taps: &'a Taps,
    out: &'a mut [u8],
}

impl NullaryFnOnce for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        const BLOCK: usize = 32;
        let Self { view, taps, out } = self;
        let stride = view.width * view.channels;
        for index in 0..taps.spans.len() {
            let (start, count) = taps.spans[index];
            let weights = &taps.weights[index * taps.count..][..count];
            let rows = &view.pixels[(start - view.y) * stride..][..count * stride];
            let out = &mut out[index * stride..][..stride];
            let (chunks, rest) = out.as_chunks_mut::<BLOCK>();
            for at in 0..chunks.len() {
                let mut sums = [1_i32 << (PRECISION - 1); BLOCK];
                for tap in 0..count {
                    let values = &rows[tap * stride + at * BLOCK..][..BLOCK];
                    for lane in 0..BLOCK {
                        sums[lane] += i32::from(values[lane]) * weights[tap];
                    }
                }
                for lane in 0..BLOCK {
                    chunks[at][lane] = clip(sums[lane]);
                }
            }
            let whole = chunks.len() * BLOCK;
            for at in 0..rest.len() {
                let mut sum = 1 << (PRECISION - 1);
                for tap in 0..count {
                    sum += i32::from(rows[tap * stride + whole + at]) * weights[tap];
                }
                rest[at] = clip(sum);
            }
        }
    }
}

#[inline(always)]
fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

impl Taps {
    /// The source pixels that are looked at: first, and one behind the last.
    fn reach(&self) -> (usize, usize) {
        let first = self.spans.iter().map(|s| s.0).min().unwrap_or(0);
        (
            first,
            self.spans.iter().map(|s| s.0 + s.1).max().unwrap_or(0),
        )
    }

    /// Computes the taps, unless they are there already. Whether they are new.
    fn prepare(&mut self, axis: Axis, filter: Filter, antialias: bool, group: usize) -> bool {
        if self.axis == Some((axis, filter, antialias, group)) {
            return false;
        }
        self.axis = Some((axis, filter, antialias, group));
        self.spans.clear();
        self.weights.clear();
        let scale = axis.source as f64 / axis.resized as f64;
        let stretch = if antialias { scale.max(1.0) } else { 1.0 };
        let support = support(filter) * stretch;
        self.count = (support.ceil() as usize * 2 + 1).next_multiple_of(group);
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
            self.identity(axis, group);
        }
        true
    }

    fn identity(&mut self, axis: Axis, group: usize) {
        self.count = group;
        self.weights.clear();
        for (index, span) in self.spans.iter_mut().enumerate() {
            *span = (axis.start + axis.offset + index, 1);
            self.weights.push(1 << PRECISION);
            self.weights.resize((index + 1) * group, 0);
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
pub fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Nearest | Filter::Box => 0.5,
        Filter::Bilinear => 1.0,
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
