//! The largest connected part of a set of cells: what hides a part of the view is in one
//! piece. A row is one number, so that a whole row grows at once.

use crate::pipeline::summary::GRID;

/// Cells of the grid, a bit each.
pub(super) type Cells = [u32; GRID];

/// The largest part of `cells` whose members touch by their sides.
pub(super) fn largest(cells: &Cells) -> Cells {
    let (mut left, mut best) = (*cells, [0; GRID]);
    while let Some(row) = left.iter().position(|bits| *bits != 0) {
        let mut part = [0; GRID];
        part[row] = left[row] & left[row].wrapping_neg();
        while grow(&mut part, &left) {}
        for (left, bits) in left.iter_mut().zip(part) {
            *left &= !bits;
        }
        if count(&part) > count(&best) {
            best = part;
        }
    }
    best
}

/// Adds the neighbours within `cells`; down and up again, so that few rounds do.
fn grow(part: &mut Cells, cells: &Cells) -> bool {
    let before = *part;
    for row in (0..GRID).chain((0..GRID).rev()) {
        let above = row.checked_sub(1).map_or(0, |row| part[row]);
        let below = part.get(row + 1).copied().unwrap_or(0);
        let own = part[row];
        part[row] = (own | own << 1 | own >> 1 | above | below) & cells[row];
    }
    *part != before
}

/// How many cells there are.
pub(super) fn count(cells: &Cells) -> u32 {
    cells.iter().map(|bits| bits.count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::{count, largest};
    use crate::pipeline::summary::GRID;

    #[test]
    fn the_largest_part_is_found_whatever_its_shape() {
        let mut cells = [0; GRID];
        cells[2] = 0b111;
        // A snake of 5 + 1 + 1 + 5 cells beside a block of 3.
        cells[10] = 0b1111_1000;
        cells[11] = 0b1000_0000;
        cells[12] = 0b1000_0000;
        cells[13] = 0b1111_1000_0000;
        let found = largest(&cells);
        assert_eq!(count(&found), 12);
        assert_eq!(found[2], 0);
        assert_eq!(count(&largest(&[u32::MAX; GRID])), 1024);
        assert_eq!(count(&largest(&[0x5555_5555; GRID])), 32);
        assert_eq!(count(&largest(&[0; GRID])), 0);
    }
}
