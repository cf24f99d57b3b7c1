//! Resampling with PIL's arithmetic, to the bit: the same taps, 22-bit weights and order
//! of the two passes, each rounded to 8 bits (Pillow, `src/libImaging/Resample.c`).
//!
//! A faster library was measured first: `fast_image_resize` has 16-bit weights and is one
//! step off in 1 to 2 of 1000 values, which moves a probability of an 8-bit MobileNet by
//! up to 0.04. A classifier should answer on the device what it answered in training.

use pulp::{Arch, NullaryFnOnce};

use super::taps::{Axis, PRECISION, Taps};
use crate::model::manifest::Filter;

/// Products that are summed side by side: a 256-bit register of them. Taps come in groups
/// that fill it; the rest of a group are zeros.
const LANES: usize = 8;
/// Colours are computed as red, green, blue and a channel of nothing, so that a register
/// holds whole pixels.
pub(super) const PADDED: usize = 4;

/// The resampler with its buffers.
pub(super) struct Resampler {
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
pub(super) struct View<'a> {
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
    pub(super) fn new() -> Self {
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
    pub(super) fn run(
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
