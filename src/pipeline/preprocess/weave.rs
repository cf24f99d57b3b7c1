//! Eight rows of bytes woven into one of columns of eight, and back. What is woven, a pass
//! over columns reads as rows: whole registers, whatever the number of channels and taps.
//! In steps of pairs, because compilers turn those into wide instructions everywhere.

/// Rows that are woven together.
pub(super) const ROWS: usize = 8;
/// Bytes of each row at once: what lies between the steps stays in the nearest cache.
const STRIPE: usize = 256;

/// What lies between the steps: of two rows each, then of four.
pub(super) struct Steps {
    pairs: [[u16; STRIPE]; ROWS / 2],
    fours: [[u32; STRIPE]; ROWS / 4],
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            pairs: [[0; STRIPE]; ROWS / 2],
            fours: [[0; STRIPE]; ROWS / 4],
        }
    }
}

/// Weaves rows of one length into as many columns.
#[inline(always)]
pub(super) fn weave(rows: [&[u8]; ROWS], steps: &mut Steps, columns: &mut [u8]) {
    let length = rows[0].len();
    let (columns, _) = columns.as_chunks_mut::<ROWS>();
    let mut start = 0;
    while start < length {
        let count = STRIPE.min(length - start);
        let [a, b, c, d, e, f, g, h] = rows.map(|row| &row[start..][..count]);
        let [ab, cd, ef, gh] = &mut steps.pairs;
        pair(a, b, &mut ab[..count]);
        pair(c, d, &mut cd[..count]);
        pair(e, f, &mut ef[..count]);
        pair(g, h, &mut gh[..count]);
        let [low, high] = &mut steps.fours;
        four(&ab[..count], &cd[..count], &mut low[..count]);
        four(&ef[..count], &gh[..count], &mut high[..count]);
        let (low, high) = (&low[..count], &high[..count]);
        let columns = &mut columns[start..][..count];
        for at in 0..count {
            columns[at] = (u64::from(low[at]) | u64::from(high[at]) << 32).to_le_bytes();
        }
        start += count;
    }
}

#[inline(always)]
fn pair(a: &[u8], b: &[u8], ab: &mut [u16]) {
    let (a, b) = (&a[..ab.len()], &b[..ab.len()]);
    for at in 0..ab.len() {
        ab[at] = u16::from(a[at]) | u16::from(b[at]) << 8;
    }
}

#[inline(always)]
fn four(ab: &[u16], cd: &[u16], abcd: &mut [u32]) {
    let (ab, cd) = (&ab[..abcd.len()], &cd[..abcd.len()]);
    for at in 0..abcd.len() {
        abcd[at] = u32::from(ab[at]) | u32::from(cd[at]) << 16;
    }
}

/// The first rows of `length` bytes out of columns, as many as `rows` holds.
#[inline(always)]
pub(super) fn unweave(columns: &[u8], length: usize, rows: &mut [u8]) {
    let (columns, _) = columns.as_chunks::<ROWS>();
    let columns = &columns[..length];
    for line in 0..rows.len() / length {
        let row = &mut rows[line * length..][..length];
        for at in 0..length {
            row[at] = (u64::from_le_bytes(columns[at]) >> (8 * line)) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, Steps, unweave, weave};

    #[test]
    fn what_is_woven_comes_apart_again() {
        for length in [1, 7, 255, 256, 600] {
            let bytes: Vec<u8> = (0..length * ROWS).map(|at| (at * 7 % 251) as u8).collect();
            let rows = std::array::from_fn(|row| &bytes[row * length..][..length]);
            let mut columns = vec![0; length * ROWS];
            weave(rows, &mut Steps::default(), &mut columns);
            for (at, column) in columns.chunks(ROWS).enumerate() {
                assert_eq!(column, rows.map(|row| row[at]), "column {at} of {length}");
            }
            let mut apart = vec![0; length * 5];
            unweave(&columns, length, &mut apart);
            assert_eq!(apart, bytes[..length * 5]);
        }
    }
}
