//! How rows of pixels stand in memory: drivers and camera programs pad them, because their
//! hardware writes them at addresses of its liking. Frames are copied without the padding.

use super::RawFormat;

/// A format, and how far apart the rows of each plane are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) format: RawFormat,
    /// Bytes from one row to the next; 0 where they follow one another.
    strides: [usize; 3],
}

impl Rows {
    /// Rows without padding.
    pub(super) fn packed(format: RawFormat) -> Self {
        let strides = [0; 3];
        Self { format, strides }
    }

    /// Rows that are `strides` bytes apart in each plane.
    pub(super) fn padded(format: RawFormat, strides: [usize; 3]) -> Self {
        Self { format, strides }
    }

    /// Rows whose first plane's are `stride` bytes apart, the others' in proportion.
    pub(super) fn with_stride(format: RawFormat, stride: usize) -> Self {
        let planes = format.planes().unwrap_or_default();
        let (first, _) = planes[0];
        if stride <= first || first == 0 {
            return Self::packed(format);
        }
        let strides = planes.map(|(row, _)| stride.saturating_mul(row) / first);
        Self::padded(format, strides)
    }

    /// Bytes per row, rows, and bytes from one row to the next.
    fn planes(&self) -> Option<[(usize, usize, usize); 3]> {
        let planes = self.format.planes()?;
        Some(std::array::from_fn(|plane| {
            let (row, rows) = planes[plane];
            (row, rows, self.strides[plane].max(row))
        }))
    }

    /// Bytes per frame, padding included; `None` when the size overflows.
    pub(super) fn bytes(&self) -> Option<usize> {
        let planes = self.planes()?.into_iter();
        planes.map(|(_, rows, apart)| apart.checked_mul(rows)).sum()
    }

    /// Puts a frame's pixels into `out`; `false` if `bytes` are too few. The padding of the
    /// very last row may be missing.
    pub(super) fn copy(&self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        let Some(planes) = self.planes() else {
            return false;
        };
        let mut rest = bytes;
        for (row, rows, apart) in planes {
            if row == apart {
                let Some(plane) = rest.get(..row * rows) else {
                    return false;
                };
                out.extend_from_slice(plane);
                rest = &rest[plane.len()..];
                continue;
            }
            for _ in 0..rows {
                let Some(pixels) = rest.get(..row) else {
                    return false;
                };
                out.extend_from_slice(pixels);
                rest = rest.get(apart..).unwrap_or_default();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;
    use crate::pipeline::capture::{Matrix, PixelFormat, RawFormat};

    const FORMAT: RawFormat = RawFormat {
        pixels: PixelFormat::Yuv420p,
        width: 4,
        height: 2,
        full_range: true,
        matrix: Matrix::Bt601,
    };

    #[test]
    fn padding_is_left_out_of_every_plane() {
        let padded = [
            1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0, 10, 11, 0, 0, 20, 21, 0, 0,
        ];
        let pixels = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 20, 21];
        let mut out = Vec::new();
        let rows = Rows::with_stride(FORMAT, 8);
        assert_eq!(rows.bytes(), Some(24));
        assert!(rows.copy(&padded, &mut out));
        assert_eq!(out, pixels);
        assert!(rows.copy(&padded[..22], &mut out));
        assert!(!rows.copy(&padded[..21], &mut out));
        for packed in [Rows::packed(FORMAT), Rows::with_stride(FORMAT, 4)] {
            assert_eq!(packed.bytes(), Some(12));
            assert!(packed.copy(&pixels, &mut out));
            assert_eq!(out, pixels);
            assert!(!packed.copy(&pixels[..11], &mut out));
        }
    }
}
