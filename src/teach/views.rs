//! The views of a picture that a head learns from: as it is, mirrored, and parts of it. A few
//! pictures go further so, where what they show stays the same; whether it does is measured.

use crate::pipeline::preprocess::{Framing, Roi};

/// The share of each side that a part keeps: enough to show what the whole shows.
const SHARE: f64 = 0.85;

/// Sets of views to choose from, by their places in [`views`], the plainest first. All begin
/// with the picture as it is.
pub(super) const SETS: [(&str, &[usize]); 4] = [
    ("as it is", &[0]),
    ("as it is, mirrored", &[0, 1]),
    ("as it is, two parts", &[0, 2, 3]),
    ("as it is, mirrored, two parts", &[0, 1, 2, 3]),
];

/// All views of pictures that are looked at through `framing`.
pub(super) fn views(framing: Framing) -> [Framing; 4] {
    let first = part(framing, 0.0);
    let last = part(framing, 1.0 - SHARE);
    [framing, mirrored(framing), first, last]
}

fn mirrored(framing: Framing) -> Framing {
    Framing {
        turn: framing.turn.mirrored(),
        roi: framing.roi.map(|roi| Roi {
            x: 1.0 - roi.x - roi.width,
            ..roi
        }),
    }
}

/// A part of what is looked at, from this share of its sides on.
fn part(framing: Framing, from: f64) -> Framing {
    let whole = Roi {
        x: 0.0,
        y: 0.0,
        width: 1.0,
        height: 1.0,
    };
    let seen = framing.roi.unwrap_or(whole);
    Framing {
        roi: Some(Roi {
            x: seen.x + from * seen.width,
            y: seen.y + from * seen.height,
            width: SHARE * seen.width,
            height: SHARE * seen.height,
        }),
        ..framing
    }
}

#[cfg(test)]
mod tests {
    use super::views;
    use crate::pipeline::preprocess::{Framing, Roi, Rotation, Turn};
    use crate::region::Region;

    #[test]
    fn the_mirrored_view_is_of_the_same_pixels_and_parts_lie_within() {
        let framing = Framing {
            turn: Turn::new(Rotation::None, (false, false)),
            roi: Some(Roi {
                x: 0.5,
                y: 0.0,
                width: 0.25,
                height: 1.0,
            }),
        };
        let [whole, mirrored, first, last] = views(framing);
        let region = |x, y, width, height| Region {
            x,
            y,
            width,
            height,
        };
        assert_eq!(whole.source(400, 200), region(200, 0, 100, 200));
        assert_eq!(mirrored.source(400, 200), region(200, 0, 100, 200));
        assert_ne!(mirrored.turn, whole.turn);
        assert_eq!(first.source(400, 200), region(200, 0, 85, 170));
        // 215 is odd, and neighbours share chroma.
        assert_eq!(last.source(400, 200), region(214, 30, 86, 170));
    }
}
