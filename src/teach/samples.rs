//! What a head learns from: the features of all views of all pictures, moved and scaled so that
//! one range of strengths serves every network. The bias takes up the move, and the weights the
//! scale: what is learned is a head on the features as the network gives them.

use crate::model::{LinearHead, Places};

/// Features of pictures, each in several views.
pub(super) struct Samples {
    /// Picture after picture, view after view.
    values: Vec<f32>,
    /// Numbers per view.
    pub width: usize,
    /// Views per picture.
    views: usize,
    /// The class of each picture.
    pub classes: Vec<usize>,
    /// Number of classes.
    pub count: usize,
    /// What was subtracted from the network's features.
    center: Vec<f32>,
    /// By what each was divided then.
    scales: Vec<f32>,
}

/// How features are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scaling {
    /// All by one number: features that vary more count more, as the network has them.
    Together,
    /// Each by its own deviation: all count alike.
    Each,
}

/// Of the largest deviation, what is added to each: features that hardly vary are noise.
const LEAST: f64 = 1e-3;

impl Samples {
    /// Pictures by their features, `views` of each, and their classes, of which there are
    /// `count`.
    pub(super) fn new<'a>(
        features: impl Iterator<Item = &'a [f32]> + Clone,
        classes: Vec<usize>,
        (count, views): (usize, usize),
        scaling: Scaling,
    ) -> Self {
        let width = features
            .clone()
            .next()
            .map_or(0, |f| f.len() / views.max(1));
        let pictures = classes.len().max(1) as f64;
        let mut center = vec![0.0_f64; width];
        for picture in features.clone() {
            for (sum, value) in center.iter_mut().zip(picture) {
                *sum += f64::from(*value) / pictures;
            }
        }
        let mut squares = vec![0.0_f64; width];
        for picture in features.clone() {
            for ((sum, value), center) in squares.iter_mut().zip(picture).zip(&center) {
                *sum += (f64::from(*value) - center).powi(2) / pictures;
            }
        }
        let center: Vec<f32> = center.into_iter().map(|mean| mean as f32).collect();
        let scales = scales(&squares, scaling);
        let mut values = Vec::with_capacity(classes.len() * views * width);
        for picture in features {
            for view in picture.chunks_exact(width.max(1)) {
                values.extend(placed(view, &center, &scales));
            }
        }
        Self {
            values,
            width,
            views,
            classes,
            count,
            center,
            scales,
        }
    }

    /// Number of pictures.
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    /// One view of a picture.
    pub(super) fn row(&self, picture: usize, view: usize) -> &[f32] {
        let start = (picture * self.views + view) * self.width;
        &self.values[start..start + self.width]
    }

    /// The same features as the network gives them.
    pub(super) fn original(&self, picture: usize) -> impl Iterator<Item = f64> {
        let row = self
            .row(picture, 0)
            .iter()
            .zip(&self.center)
            .zip(&self.scales);
        row.map(|((v, c), scale)| f64::from(*v) * f64::from(*scale) + f64::from(*c))
    }

    /// Distance of two pictures, in the scale of the samples.
    pub(super) fn distance(&self, a: usize, b: usize) -> f32 {
        squared_distance(self.row(a, 0), self.row(b, 0)).sqrt()
    }

    /// Distance of a picture from a row of other samples that are placed as these are.
    pub(super) fn distance_to(&self, picture: usize, row: &[f32]) -> f32 {
        squared_distance(self.row(picture, 0), row).sqrt()
    }

    /// Other pictures, moved and scaled as these were; one view of each.
    pub(super) fn placed<'a>(
        &self,
        features: impl Iterator<Item = &'a [f32]>,
        classes: Vec<usize>,
    ) -> Self {
        let values = features.flat_map(|row| placed(row, &self.center, &self.scales));
        Self {
            values: values.collect(),
            classes,
            views: 1,
            center: self.center.clone(),
            scales: self.scales.clone(),
            ..*self
        }
    }

    /// The head that gives for the network's features what `parameters` give for samples: of
    /// each class its weights, then its bias.
    pub(super) fn head(&self, parameters: &[f64], places: Places) -> LinearHead {
        let mut head = LinearHead {
            weights: Vec::with_capacity(self.count * self.width),
            biases: Vec::with_capacity(self.count),
            places,
        };
        for row in parameters.chunks_exact(self.width + 1) {
            let (weights, bias) = row.split_at(self.width);
            let own = weights
                .iter()
                .zip(&self.scales)
                .map(|(w, scale)| w / f64::from(*scale));
            let moved = own
                .clone()
                .zip(&self.center)
                .map(|(w, c)| w * f64::from(*c));
            head.biases.push((bias[0] - moved.sum::<f64>()) as f32);
            head.weights.extend(own.map(|weight| weight as f32));
        }
        head
    }
}

/// What each feature is divided by, so that the mean square length becomes 1.
fn scales(squares: &[f64], scaling: Scaling) -> Vec<f32> {
    let deviations: Vec<f64> = squares.iter().map(|square| square.sqrt()).collect();
    let largest = deviations.iter().copied().fold(0.0, f64::max);
    let own: Vec<f64> = match scaling {
        Scaling::Together => vec![1.0; squares.len()],
        Scaling::Each => deviations
            .iter()
            .map(|d| (d + LEAST * largest).max(1e-12))
            .collect(),
    };
    let length: f64 = squares
        .iter()
        .zip(&own)
        .map(|(square, own)| square / (own * own))
        .sum();
    let length = length.sqrt().max(1e-12);
    own.iter().map(|own| (own * length) as f32).collect()
}

fn placed(row: &[f32], center: &[f32], scales: &[f32]) -> impl Iterator<Item = f32> {
    let values = row.iter().zip(center).zip(scales);
    values.map(|((value, center), scale)| (value - center) / scale)
}

/// The sum of the squares of the differences.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (x, y) in a.0.iter().zip(b.0) {
        for lane in 0..LANES {
            sums[lane] += (x[lane] - y[lane]).powi(2);
        }
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(x, y)| (x - y).powi(2)).sum();
    sums.iter().sum::<f32>() + rest
}

/// The sum of the products.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (x, y) in a.0.iter().zip(b.0) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(x, y)| x * y).sum();
    f64::from(sums.iter().sum::<f32>() + rest)
}
