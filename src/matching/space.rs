//! What is tried: the known ranges of values, orders of channels, resizes and filters, as
//! far as the user's own facts leave them open. The numbers of rarity are judgements: half the
//! logarithm of how much less often than the most usual one meets it (half, for what is rare
//! comes together: blue first, Caffe's means, a squash), in the nats that it has to be better
//! by over all photographs.

use super::candidate::Candidate;
use super::order::Order;
use super::ranges::Ranges;
use crate::model::manifest::{Color, Filter, Layout, Manifest, Resize, Size};
use crate::model::{Facts, Overrides};

/// Filters, whether they widen, and their rarity.
const FILTERS: [(Filter, bool, f64); 8] = [
    (Filter::Bilinear, true, 0.0),
    (Filter::Bicubic, true, 0.4),
    (Filter::Bilinear, false, 0.7),
    (Filter::Nearest, true, 1.2),
    (Filter::Lanczos, true, 1.5),
    (Filter::Bicubic, false, 1.5),
    (Filter::Box, true, 1.8),
    (Filter::Lanczos, false, 1.8),
];
/// Rarity of a filter that does not widen, of those that stand there not at all.
const NARROW: f64 = 0.7;
/// Shares of the resized picture that a crop keeps, and their rarity.
const SHARES: [(f64, f64); 6] = [
    (0.875, 0.0),
    (1.0, 0.7),
    (0.9, 0.7),
    (0.95, 0.7),
    (0.965, 1.2),
    (224.0 / 236.0, 1.5),
];
/// Rarity of a squash, of a squash with a crop, and of a letterbox.
const SQUASHED: f64 = 0.2;
const SQUASHED_AND_CUT: f64 = 1.2;
const LETTERBOXED: f64 = 1.5;
/// Rarity of blue before red.
const BGR: f64 = 1.0;
/// Colours that letterboxes are filled with.
const FILLS: [[u8; 3]; 3] = [[114; 3], [0; 3], [255; 3]];
/// Sides that are not cut to: networks of digits and icons take them whole.
const SMALL: usize = 64;
/// How rare it is that they are.
const CUT_SMALL: f64 = 4.0;
/// What the model itself says, or a recipe that the user names, is likelier than all else.
const STATED: f64 = -1.0;

/// The candidates.
pub(super) struct Space {
    /// What the model is opened with.
    base: Candidate,
    stated: Option<Candidate>,
    layouts: Vec<Layout>,
    colors: Vec<(Color, f64)>,
    /// None where they cannot be anything else.
    ranges: Ranges,
    geometries: Vec<(Resize, f64)>,
    filters: Vec<(Filter, bool, f64)>,
    orders: Vec<f64>,
}

impl Space {
    /// All that `given` leaves open. `stated` is what the model or a recipe says besides.
    pub(super) fn new(
        manifest: &Manifest,
        given: &Overrides,
        stated: &Facts,
        orders: &[Order],
    ) -> Self {
        let facts = &given.facts;
        let base = Candidate {
            input: manifest.input.clone(),
            preprocess: manifest.preprocess.clone(),
            order: 0,
            rarity: 0.0,
        };
        let color = base.input.color;
        let gray = color == Color::Gray;
        // Integers that nobody gives another meaning are pixels.
        let pixels = base.input.dtype.is_integer() && base.input.quantization.is_none();
        let resized = facts.resize.is_some() || given.fit.is_some();
        Self {
            layouts: match stated.layout.is_some() {
                true => vec![base.input.layout],
                false => vec![Layout::Nchw, Layout::Nhwc],
            },
            colors: match gray || facts.color.is_some() {
                true => vec![(color, 0.0)],
                false => vec![(Color::Rgb, 0.0), (Color::Bgr, BGR)],
            },
            ranges: match pixels {
                true => Ranges::none(),
                false => Ranges::new(gray, facts),
            },
            geometries: match resized {
                true => vec![(base.preprocess.resize, 0.0)],
                false => geometries(&base, facts.crop.as_ref().is_none_or(|c| c.value.is_some())),
            },
            filters: filters(facts),
            orders: orders.iter().map(|order| order.rarity).collect(),
            stated: is_complete(stated).then(|| Candidate {
                rarity: STATED,
                ..base.clone()
            }),
            base,
        }
    }

    /// Every layout, order of channels, kind of range and order of labels, with a crop and
    /// squashed; and what is stated.
    pub(super) fn values(&self) -> Vec<Candidate> {
        let squashed = |r: &&(Resize, f64)| matches!(r.0, Resize::Exact { .. });
        let squash = self.geometries.iter().find(squashed);
        let mut geometries: Vec<_> = self.geometries.iter().take(1).chain(squash).collect();
        geometries.dedup();
        let mut ways = vec![self.base.clone()];
        ways = each(
            &ways,
            &self.geometries_of(&geometries),
            |c, (resize, crop, rarity)| {
                (c.preprocess.resize, c.preprocess.crop) = (*resize, *crop);
                c.rarity += rarity;
            },
        );
        ways = each(
            &ways,
            &self.filters[..1],
            |c, (filter, antialias, rarity)| {
                (c.preprocess.filter, c.preprocess.antialias) = (*filter, *antialias);
                c.rarity += rarity;
            },
        );
        ways = each(&ways, &self.colors, |c, (color, rarity)| {
            c.input.color = *color;
            c.rarity += rarity;
        });
        if !self.ranges.is_empty() {
            ways = ways.iter().flat_map(|c| self.ranges.heads(c)).collect();
        }
        ways = each(&ways, &self.layouts, |c, layout| c.input.layout = *layout);
        ways.extend(self.stated.clone());
        let orders: Vec<(usize, f64)> = self.orders.iter().copied().enumerate().collect();
        each(&ways, &orders, |c, (order, rarity)| {
            c.order = *order;
            c.rarity += rarity;
        })
    }

    /// The same with the ranges that hardly differ from its own.
    pub(super) fn kin(&self, of: &Candidate) -> Vec<Candidate> {
        self.ranges.kin(of)
    }

    /// Resizes, each with the crop to the input's size where it needs one.
    fn geometries_of(&self, resizes: &[&(Resize, f64)]) -> Vec<(Resize, Option<Size>, f64)> {
        let size = self.base.size();
        let crop = |resize: Resize| match resize {
            Resize::Letterbox { .. } => None,
            Resize::Exact { width, height } if (width, height) == (size.width, size.height) => None,
            _ => Some(size),
        };
        let with_crop = |(resize, rarity): &&(Resize, f64)| (*resize, crop(*resize), *rarity);
        resizes.iter().map(with_crop).collect()
    }

    /// The same with every resize.
    pub(super) fn geometries(&self, of: &Candidate) -> Vec<Candidate> {
        let own = self.geometries.iter().find(|g| g.0 == of.preprocess.resize);
        let plain = of.rarity - own.map_or(0.0, |g| g.1);
        let all: Vec<_> = self.geometries.iter().collect();
        each(
            std::slice::from_ref(of),
            &self.geometries_of(&all),
            |c, (resize, crop, rarity)| {
                (c.preprocess.resize, c.preprocess.crop) = (*resize, *crop);
                c.rarity = plain + rarity;
            },
        )
    }

    /// The same with every filter.
    pub(super) fn filters(&self, of: &Candidate) -> Vec<Candidate> {
        let own = (of.preprocess.filter, of.preprocess.antialias);
        let own = self.filters.iter().find(|f| (f.0, f.1) == own);
        let plain = of.rarity - own.map_or(0.0, |f| f.2);
        each(
            std::slice::from_ref(of),
            &self.filters,
            |c, (filter, antialias, rarity)| {
                (c.preprocess.filter, c.preprocess.antialias) = (*filter, *antialias);
                c.rarity = plain + rarity;
            },
        )
    }
}

/// Each of `ways` changed by each of `choices`.
fn each<T>(
    ways: &[Candidate],
    choices: &[T],
    change: impl Fn(&mut Candidate, &T),
) -> Vec<Candidate> {
    let changed = |way: &Candidate, choice| {
        let mut way = way.clone();
        change(&mut way, choice);
        way
    };
    let of_way = |way| choices.iter().map(move |choice| (way, choice));
    let pairs = ways.iter().flat_map(of_way);
    pairs.map(|(way, choice)| changed(way, choice)).collect()
}

/// Whether all of the preprocessing is stated.
fn is_complete(facts: &Facts) -> bool {
    let values = facts.rescale.is_some() && facts.mean.is_some() && facts.std.is_some();
    values && facts.color.is_some() && facts.resize.is_some() && facts.filter.is_some()
}

/// The filters that the facts given leave open; one that is tried only if it is given, too.
fn filters(given: &Facts) -> Vec<(Filter, bool, f64)> {
    let filter = given.filter.as_ref().map(|f| f.value);
    let antialias = given.antialias.as_ref().map(|f| f.value);
    let is_open = |f: &(Filter, bool, f64)| {
        filter.is_none_or(|given| given == f.0)
            // A filter of the nearest pixel is the same whether or not it widens.
            && antialias.is_none_or(|given| given == f.1 || f.0 == Filter::Nearest)
    };
    let rare = filter.map(|filter| [(filter, true, 0.0), (filter, false, NARROW)]);
    let rare = rare.into_iter().flatten();
    match FILTERS.iter().any(is_open) {
        true => FILTERS.into_iter().filter(is_open).collect(),
        false => rare.filter(is_open).collect(),
    }
}

/// The resizes to the input's size, those that crop among them only where that is allowed.
fn geometries(base: &Candidate, crops: bool) -> Vec<(Resize, f64)> {
    let Size { width, height } = base.size();
    let mut all: Vec<(Resize, f64)> = Vec::new();
    let mut add = |resize: Resize, rarity: f64| {
        if !all.iter().any(|(known, _)| *known == resize) {
            all.push((resize, rarity));
        }
    };
    // Of a picture whose shorter side is as long as a square's, any square can be cut.
    for (share, rarity) in SHARES.into_iter().filter(|_| crops && width == height) {
        let size = base.size().of_share(share).width;
        let cut = if size > width && width <= SMALL {
            CUT_SMALL
        } else {
            0.0
        };
        add(Resize::Shortest { size }, rarity + cut);
    }
    add(Resize::Exact { width, height }, SQUASHED);
    if crops && width.min(height) > SMALL {
        let Size { width, height } = base.size().of_share(0.875);
        add(Resize::Exact { width, height }, SQUASHED_AND_CUT);
    }
    for fill in FILLS {
        let letterbox = Resize::Letterbox {
            width,
            height,
            fill,
        };
        add(letterbox, LETTERBOXED);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::filters;
    use crate::model::manifest::Filter;
    use crate::model::{Facts, fact};

    #[test]
    fn filters_that_are_given_are_tried_whether_or_not_they_are_usual() {
        let tried = |filter: Filter, antialias: Option<bool>| {
            let facts = Facts {
                filter: fact(filter, "flag"),
                antialias: antialias.and_then(|a| fact(a, "flag")),
                ..Facts::default()
            };
            let all = filters(&facts).into_iter();
            all.map(|(filter, antialias, _)| (filter, antialias))
                .collect::<Vec<_>>()
        };
        use Filter::{Bilinear, Box, Hamming};
        assert_eq!(tried(Bilinear, None), [(Bilinear, true), (Bilinear, false)]);
        assert_eq!(tried(Hamming, None), [(Hamming, true), (Hamming, false)]);
        assert_eq!(tried(Box, Some(false)), [(Box, false)]);
    }
}
