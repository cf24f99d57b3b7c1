//! A square of neighbouring pixels, and what is counted in it. Of fixed size, so that the
//! compiler can do many pixels at once; in plain loops, as without link-time optimisation
//! those of iterators stay calls, at five times the cost.

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
    #[inline]
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

#[inline]
pub(super) fn difference(now: &[u8; PIXELS], then: &[u8; PIXELS]) -> SquareDifference {
    // One plain loop for each, in types that just hold what a square can give: many at once.
    let mut apart = [0; PIXELS];
    for at in 0..PIXELS {
        apart[at] = now[at].abs_diff(then[at]);
    }
    let (mut changed, mut sum) = (0u8, 0u16);
    for value in apart {
        changed += u8::from(value != 0);
    }
    for value in apart {
        sum += u16::from(value);
    }
    SquareDifference {
        changed: changed.into(),
        sum,
    }
}

impl Patch {
    /// The square whose first pixel is at `at` of rows of `width`.
    #[inline]
    pub(super) fn of_luma(pixels: &[u8], at: usize, width: usize) -> Self {
        let mut luma = [0; PIXELS];
        for (row, out) in luma.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
            out.copy_from_slice(&pixels[at + row * width..][..SIDE]);
        }
        Self(luma)
    }

    /// The same of red, green and blue; one row's colours are added to `colours`.
    #[inline]
    pub(super) fn of_rgb(pixels: &[u8], at: usize, width: usize, colours: &mut Colours) -> Self {
        let mut luma = [0; PIXELS];
        for row in 0..SIDE {
            let pixels = &pixels[3 * (at + row * width)..][..3 * SIDE];
            for x in 0..SIDE {
                let (red, green) = (u16::from(pixels[3 * x]), u16::from(pixels[3 * x + 1]));
                let blue = u16::from(pixels[3 * x + 2]);
                // As the motion gate has it: near enough to luma.
                let gray = ((red + 2 * green + blue) / 4) as u8;
                luma[row * SIDE + x] = gray;
                if row == COLOURED {
                    let chroma = red.abs_diff(gray.into()) + blue.abs_diff(gray.into());
                    colours.sums[0] += u64::from(red);
                    colours.sums[1] += u64::from(green);
                    colours.sums[2] += u64::from(blue);
                    colours.sums[3] += u64::from(chroma);
                }
            }
        }
        colours.count += SIDE as u64;
        Self(luma)
    }

    /// Counts, with pixels from `bright` as burnt out and those above `lit` as lit.
    #[inline]
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
    #[inline]
    fn halved(&self) -> [[i16; HALF]; HALF] {
        let (rows, _) = self.0.as_chunks::<SIDE>();
        let mut half = [[0; HALF]; HALF];
        for y in 0..HALF {
            for x in 0..SIDE {
                let both = i16::from(rows[2 * y][x]) + i16::from(rows[2 * y + 1][x]);
                half[y][x / 2] += both;
            }
        }
        half
    }
}
