//! What a frame looks like, in few bytes: by its features, folded to a fixed number, and by
//! its luma in 16 x 16 cells. Two frames look alike if both say so; how bright it is does not
//! matter.

/// Features are folded to so many: enough that distances stay within an eighth of what they
/// were (Johnson and Lindenstrauss: a relative error of √(2/128)).
const FEATURES: usize = 128;
/// Cells of luma each way.
pub(super) const CELLS: usize = 16;
/// Features whose cosine is nearer to 1 than this are alike: groups of such pictures were 99 %
/// of one class where that was measured.
const ALIKE_FEATURES: f32 = 0.1;
/// Pictures whose cells differ by less (root of the mean square, steps of luma) are alike.
/// Noise averages out to less than 1; an object on a twentieth of the picture makes 10.
const ALIKE_LUMA: f32 = 6.0;

/// What a frame looks like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signature {
    /// Which model's features they are.
    model: u64,
    features: Option<Box<[i8; FEATURES]>>,
    luma: Box<[u8]>,
}

impl Signature {
    /// Of the features that the model whose hash begins with `model` gave, if it gives any,
    /// and of the luma in [`CELLS`] x [`CELLS`] cells.
    pub(super) fn new(model: u64, embedding: &[f32], luma: &[u8]) -> Self {
        Self {
            model,
            features: (!embedding.is_empty()).then(|| folded(embedding)),
            luma: luma.into(),
        }
    }

    /// How unlike two frames are: up to 1 they look alike.
    pub(super) fn distance(&self, other: &Self) -> f32 {
        let luma = if self.luma.len() == other.luma.len() {
            difference(&self.luma, &other.luma) / ALIKE_LUMA
        } else {
            f32::INFINITY
        };
        match (&self.features, &other.features) {
            (Some(a), Some(b)) if self.model == other.model => {
                luma.max((1.0 - cosine(a, b)) / ALIKE_FEATURES)
            }
            _ => luma,
        }
    }
}

/// What tells models apart: the first 16 digits of a model's hash.
pub(super) fn model_key(sha256: Option<&str>) -> u64 {
    let digits = sha256.and_then(|hash| hash.get(..16));
    digits.map_or(0, |digits| u64::from_str_radix(digits, 16).unwrap_or(0))
}

/// The features as a few whole numbers: each goes, with a sign, to one of the places.
fn folded(embedding: &[f32]) -> Box<[i8; FEATURES]> {
    let mut sums = [0.0_f32; FEATURES];
    for (index, value) in embedding.iter().enumerate() {
        let (place, sign) = if embedding.len() <= FEATURES {
            (index, 1.0)
        } else {
            // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden
            // ratio.
            let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let sign = if hash >> 56 & 1 == 0 { 1.0 } else { -1.0 };
            ((hash >> 57) as usize, sign)
        };
        sums[place] += sign * value;
    }
    let largest = sums.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
    Box::new(sums.map(|sum| (sum / largest * 127.0).round() as i8))
}

fn cosine(a: &[i8; FEATURES], b: &[i8; FEATURES]) -> f32 {
    let (mut product, mut a_square, mut b_square) = (0, 0, 0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (i32::from(*a), i32::from(*b));
        product += a * b;
        a_square += a * a;
        b_square += b * b;
    }
    let lengths = (a_square as f32 * b_square as f32).sqrt();
    if lengths == 0.0 {
        return f32::from(a_square == b_square);
    }
    product as f32 / lengths
}

/// The root of the mean squared difference of two rows of cells about their means.
fn difference(a: &[u8], b: &[u8]) -> f32 {
    let count = a.len().max(1) as f32;
    let pairs = || {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f32::from(*a) - f32::from(*b))
    };
    let mean = pairs().sum::<f32>() / count;
    (pairs().map(|d| (d - mean) * (d - mean)).sum::<f32>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{CELLS, Signature};

    fn luma(cell: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..CELLS * CELLS)
            .map(|at| cell(at % CELLS, at / CELLS))
            .collect()
    }

    #[test]
    fn a_scene_is_like_itself_in_other_light_and_unlike_itself_with_an_object() {
        let scene = Signature::new(1, &[], &luma(|x, y| (8 * x + y) as u8));
        let bright = Signature::new(1, &[], &luma(|x, y| (8 * x + y) as u8 + 60));
        let object = |x, y| if x < 4 && y < 3 { 90 } else { 0 };
        let object = luma(|x, y| (8 * x + y) as u8 + object(x, y));
        let object = Signature::new(1, &[], &object);
        assert_eq!(scene.distance(&bright), 0.0);
        // 12 of 256 cells differ by 90: sqrt(90² · (12/256) · (1 - 12/256)) = 19.02.
        assert!((scene.distance(&object) - 19.02 / 6.0).abs() < 1e-2);
        let other_size = Signature::new(1, &[], &[0; 9]);
        assert_eq!(scene.distance(&other_size), f32::INFINITY);
    }

    #[test]
    fn folding_keeps_the_angle_between_features() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut features = || -> Vec<f32> { (0..1280).map(|_| random.f32() - 0.5).collect() };
        let (a, b) = (features(), features());
        let mixed = |share: f32| -> Vec<f32> {
            let pairs = a.iter().zip(&b);
            pairs.map(|(a, b)| a + share * b).collect()
        };
        let of = |features: &[f32]| Signature::new(1, features, &[0; 4]);
        // cos = 1 / sqrt(1 + share²): 0.995, 0.894.
        let near = of(&a).distance(&of(&mixed(0.1)));
        let far = of(&a).distance(&of(&mixed(0.5)));
        assert!((0.03..0.08).contains(&near), "{near}");
        assert!((0.8..1.4).contains(&far), "{far}");
        // Features of another model cannot be compared.
        let other = Signature::new(2, &b, &[0; 4]);
        assert_eq!(of(&a).distance(&other), 0.0);
    }
}
