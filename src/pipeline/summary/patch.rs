//! A square of neighbouring pixels, and what is counted in it. Of fixed size, so that the
//! compiler can do many pixels at once.

use super::Colours;

/// Pixels of a side.
pub(super) const SIDE: usize = 8;
/// Pixels of a square.
pub(super) const PIXELS: usize = SIDE * SIDE;
/// Of a side at half size, and how many Laplacians fit into that.
const HALF: usize = SIDE / 2;
pub(super) const LAPLACIANS: usize = (HALF - 2) * (HALF - 2);
/// The row whose colours count.
const COLOURED: usize = SIDE / 2;

/// Its luma, row after row.
pub(super) struct Patch(pub(super) [u8; PIXELS]);

/// What is added up over all squares.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) luma: u64,
    pub(super) squares: u64,
    pub(super) bright: u64,
    pub(super) lit: u64,
    /// Squares of the Laplacian at half size.
    pub(super) detail: u64,
    /// Largest minus smallest luma at half size; only of one square.
    pub(super) range: u32,
}

impl Sums {
    pub(super) fn add(&mut self, other: &Self) {
        self.luma += other.luma;
        self.squares += other.squares;
        self.bright += other.bright;
        self.lit += other.lit;
        self.detail += other.detail;
    }
}

/// How two squares differ.
pub(super) struct SquareDifference {
    pub(super) changed: u32,
    pub(super) sum: u16,
}

pub(super) fn difference(now: &[u8; PIXELS], then: &[u8; PIXELS]) -> SquareDifference {
    // One loop for each, in types that just hold what a square can give: many at once.
    let apart: [u8; PIXELS] = std::array::from_fn(|at| now[at].abs_diff(then[at]));
    let changed: u8 = apart.iter().map(|v| u8::from(*v != 0)).sum();
    SquareDifference {
        changed: changed.into(),
        sum: apart.iter().map(|v| u16::from(*v)).sum(),
    }
}

impl Patch {
    /// The square whose first pixel is at `at` of rows of `width`.
    pub(super) fn of_luma(pixels: &[u8], at: usize, width: usize) -> Self {
        let mut luma = [0; PIXELS];
        for (row, out) in luma.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
            out.copy_from_slice(&pixels[at + row * width..][..SIDE]);
        }
        Self(luma)
    }

    /// The same of red, green and blue; one row's colours are added to `colours`.
    pub(super) fn of_rgb(pixels: &[u8], at: usize, width: usize, colours: &mut Colours) -> Self {
        let mut luma = [0; PIXELS];
        for (row, out) in luma.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
            let (pixels, _) = pixels[3 * (at + row * width)..][..3 * SIDE].as_chunks::<3>();
            for (pixel, out) in pixels.iter().zip(out.iter_mut()) {
                let [red, green, blue] = pixel.map(u16::from);
                // As the motion gate has it: near enough to luma.
                *out = ((red + 2 * green + blue) / 4) as u8;
            }
            if row == COLOURED {
                for (pixel, luma) in pixels.iter().zip(out.iter()) {
                    let [red, green, blue] = *pixel;
                    let chroma = u64::from(red.abs_diff(*luma)) + u64::from(blue.abs_diff(*luma));
                    let values = [u64::from(red), u64::from(green), u64::from(blue), chroma];
                    let sums = colours.sums.iter_mut().zip(values);
                    sums.for_each(|(sum, value)| *sum += value);
                }
                colours.count += SIDE as u64;
            }
        }
        Self(luma)
    }

    /// Counts, with pixels from `bright` as burnt out and those above `lit` as lit.
    pub(super) fn sums(&self, bright: u8, lit: u8) -> Sums {
        let (mut luma, mut squares, mut over, mut seen) = (0u16, 0i32, 0u8, 0u8);
        for value in self.0 {
            luma += u16::from(value);
            let wide = i16::from(value);
            squares += i32::from(wide) * i32::from(wide);
            over += u8::from(value >= bright);
            seen += u8::from(value > lit);
        }
        let half = self.halved();
        let (mut detail, mut least, mut most) = (0i32, i16::MAX, 0i16);
        for value in half.as_flattened() {
            least = least.min(*value);
            most = most.max(*value);
        }
        for y in 1..HALF - 1 {
            for x in 1..HALF - 1 {
                let around = half[y - 1][x] + half[y + 1][x] + half[y][x - 1] + half[y][x + 1];
                let laplacian = i32::from((4 * half[y][x] - around) / 4);
                detail += laplacian * laplacian;
            }
        }
        Sums {
            luma: luma.into(),
            squares: squares.unsigned_abs().into(),
            bright: over.into(),
            lit: seen.into(),
            detail: detail.unsigned_abs().into(),
            range: ((most - least) / 4).unsigned_abs().into(),
        }
    }

    /// Sums of two by two pixels.
    fn halved(&self) -> [[i16; HALF]; HALF] {
        let (rows, _) = self.0.as_chunks::<SIDE>();
        std::array::from_fn(|y| {
            let both: [i16; SIDE] =
                std::array::from_fn(|x| i16::from(rows[2 * y][x]) + i16::from(rows[2 * y + 1][x]));
            std::array::from_fn(|x| both[2 * x] + both[2 * x + 1])
        })
    }
}
