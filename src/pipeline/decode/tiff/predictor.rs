//! Values of a row as they were before they were packed: in the machine's order of bytes, and
//! themselves instead of their differences.

use crate::pipeline::decode::limits::{Refusal, unsupported};

/// What stands in place of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    /// The values.
    None,
    /// Differences from the pixel before.
    Horizontal,
    /// Differences of the bytes of floats.
    Float,
}

impl Predictor {
    /// What the file says of them.
    pub(super) fn of(number: u64) -> Result<Self, Refusal> {
        match number {
            1 => Ok(Self::None),
            2 => Ok(Self::Horizontal),
            3 => Ok(Self::Float),
            other => Err(unsupported("TIFF", format!("predictor {other}"))),
        }
    }
}

/// How the values of a row are stored.
pub(super) struct Stored {
    pub(super) predictor: Predictor,
    /// Whether values begin with their highest byte.
    pub(super) big_endian: bool,
    /// Bits per value.
    pub(super) bits: usize,
    /// Values per pixel of the row.
    pub(super) channels: usize,
}

impl Stored {
    /// Whether they are stored as they are needed.
    pub(super) fn is_plain(&self) -> bool {
        let swapped = self.bits > 8 && self.big_endian != cfg!(target_endian = "big");
        self.predictor == Predictor::None && !swapped
    }

    /// Restores a row of a strip or tile.
    pub(super) fn restore(&self, row: &mut [u8]) {
        let step = self.channels;
        match (self.predictor, self.bits) {
            (Predictor::Float, _) => from_planes(row, step),
            (Predictor::Horizontal, 8) => sum_bytes(row, step),
            (_, 16) => self.each(row, |before: [u8; 2], value| {
                let sum = u16::from_ne_bytes(before).wrapping_add(u16::from_ne_bytes(value));
                sum.to_ne_bytes()
            }),
            (_, 32) => self.each(row, |before: [u8; 4], value| {
                let sum = u32::from_ne_bytes(before).wrapping_add(u32::from_ne_bytes(value));
                sum.to_ne_bytes()
            }),
            _ => {}
        }
    }

    /// Brings values of `N` bytes into the machine's order, and adds to each that of the
    /// pixel before where they are differences.
    fn each<const N: usize>(&self, row: &mut [u8], sum: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
        let (values, _) = row.as_chunks_mut::<N>();
        if self.big_endian != cfg!(target_endian = "big") {
            values.iter_mut().for_each(|value| value.reverse());
        }
        if self.predictor == Predictor::Horizontal {
            for at in self.channels..values.len() {
                values[at] = sum(values[at - self.channels], values[at]);
            }
        }
    }
}

/// Adds to each byte the one `step` bytes before it.
fn sum_bytes(row: &mut [u8], step: usize) {
    match step {
        1 => sum_pixels::<1>(row),
        3 => sum_pixels::<3>(row),
        4 => sum_pixels::<4>(row),
        _ => {
            for at in step..row.len() {
                row[at] = row[at].wrapping_add(row[at - step]);
            }
        }
    }
}

fn sum_pixels<const C: usize>(row: &mut [u8]) {
    let mut sums = [0_u8; C];
    for pixel in row.as_chunks_mut::<C>().0 {
        for (value, sum) in pixel.iter_mut().zip(&mut sums) {
            *sum = sum.wrapping_add(*value);
            *value = *sum;
        }
    }
}

/// Floats of 32 bits whose bytes stand apart, all highest bytes first, as differences of
/// bytes (Adobe Photoshop TIFF Technical Note 3).
fn from_planes(row: &mut [u8], step: usize) {
    sum_bytes(row, step);
    let planes = row.to_vec();
    let count = planes.len() / 4;
    for (at, value) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let bytes = [0, 1, 2, 3].map(|plane| planes[plane * count + at]);
        *value = u32::from_be_bytes(bytes).to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::{Predictor, Stored};

    fn restored(predictor: Predictor, bits: usize, channels: usize, row: &[u8]) -> Vec<u8> {
        let stored = Stored {
            predictor,
            big_endian: true,
            bits,
            channels,
        };
        let mut row = row.to_vec();
        stored.restore(&mut row);
        row
    }

    #[test]
    fn differences_become_values() {
        for (channels, expected) in [(1, [1, 3, 6, 10]), (2, [1, 2, 4, 6]), (4, [1, 2, 3, 4])] {
            let row = restored(Predictor::Horizontal, 8, channels, &[1, 2, 3, 4]);
            assert_eq!(row, expected, "{channels}");
        }
        let wide = restored(Predictor::Horizontal, 16, 1, &[0x01, 0xff, 0x00, 0x02]);
        let expected = [0x01ff_u16, 0x0201].map(u16::to_ne_bytes).concat();
        assert_eq!(wide, expected);
        let wider = restored(
            Predictor::Horizontal,
            32,
            1,
            &[0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff],
        );
        assert_eq!(wider, [9_u32, 8].map(u32::to_ne_bytes).concat());
        assert_eq!(
            restored(Predictor::None, 16, 1, &[1, 2]),
            0x0102_u16.to_ne_bytes()
        );
    }

    #[test]
    fn floats_are_put_together_from_their_bytes() {
        let (one, two) = (1.5_f32.to_be_bytes(), (-2.25_f32).to_be_bytes());
        let planes: Vec<u8> = (0..4).flat_map(|byte| [one[byte], two[byte]]).collect();
        let mut differences = planes.clone();
        for at in 1..planes.len() {
            differences[at] = planes[at].wrapping_sub(planes[at - 1]);
        }
        let expected = [1.5_f32, -2.25].map(f32::to_ne_bytes).concat();
        assert_eq!(restored(Predictor::Float, 32, 1, &differences), expected);
    }
}
