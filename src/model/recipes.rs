//! Known recipes: how well-known families of models prepare pictures, by the names that
//! people know. Each row of the tables says where it was read; `scripts/recipes` writes
//! those of torchvision and timm from the libraries, and a test replays what their own code
//! makes of a picture.

pub(crate) mod near;
mod recipe;
pub(crate) mod values;

use std::sync::OnceLock;

use super::manifest::{Color, Size};
use crate::error::{Error, Result};
use near::{near, plain};
pub use recipe::Recipe;

/// The tables, families first.
const TABLES: [&str; 3] = [
    include_str!("recipes/families.json"),
    include_str!("recipes/torchvision.json"),
    include_str!("recipes/timm.json"),
];
/// Names that an error shows of those that are called alike.
const SHOWN: usize = 8;

/// Every recipe.
pub fn recipes() -> &'static [Recipe] {
    static ALL: OnceLock<Vec<Recipe>> = OnceLock::new();
    ALL.get_or_init(|| {
        let rows = |table: &&str| {
            serde_json::from_str::<Vec<Recipe>>(table).expect("the tables are compiled in")
        };
        TABLES.iter().flat_map(rows).collect()
    })
}

/// The recipe called `name`, and its full name: `torchvision/resnet50.IMAGENET1K_V2`, the
/// same without its library, or without its weights, where all that are called so prepare
/// pictures alike. Capitals, `-` and `_` do not matter.
///
/// # Errors
/// There is none, or several that differ.
pub fn recipe(name: &str) -> Result<(&'static str, &'static Recipe)> {
    let whole = |full: &str| full.eq_ignore_ascii_case(name);
    let wanted = Name::of(name);
    let ways: [&dyn Fn(&str) -> bool; 2] = [&whole, &|full| Name::of(full).is_meant_by(&wanted)];
    for is_meant in ways {
        let found: Vec<_> = all_names().filter(|(full, _)| is_meant(full)).collect();
        match found.as_slice() {
            [] => {}
            [first, rest @ ..] if rest.iter().all(|(_, r)| r.means(first.1)) => return Ok(*first),
            several => {
                let names = several.iter().map(|(full, _)| *full);
                return Err(Error::usage(name, "several recipes are called so")
                    .with_expected(listed(names))
                    .with_settings(&["like"]));
            }
        }
    }
    Err(Error::usage(name, "no recipe is called so")
        .with_expected(meant(name))
        .with_settings(&["like"]))
}

/// A name taken apart: `torchvision`, `resnet50` and `IMAGENET1K_V2`, as people may as well
/// write them.
struct Name {
    library: Option<String>,
    model: String,
    weights: Option<String>,
}

impl Name {
    fn of(name: &str) -> Self {
        let (library, rest) = match name.split_once('/') {
            Some((library, rest)) => (Some(library), rest),
            None => (None, name),
        };
        let (model, weights) = match rest.split_once('.') {
            Some((model, weights)) => (model, Some(weights)),
            None => (rest, None),
        };
        Self {
            library: library.map(plain),
            model: plain(model),
            weights: weights.map(plain),
        }
    }

    /// Whether `wanted` says the same as far as it goes: no library is likelier than another.
    fn is_meant_by(&self, wanted: &Self) -> bool {
        let agrees =
            |own: &Option<String>, wanted: &Option<String>| wanted.is_none() || own == wanted;
        self.library.is_some()
            && self.model == wanted.model
            && agrees(&self.library, &wanted.library)
            && agrees(&self.weights, &wanted.weights)
    }
}

/// Recipes that fit a model: the name of one of theirs stands in its name, and the
/// input's size, where the graph fixes it, is theirs. Without such a name, the families of
/// that size.
pub fn fitting(name: &str, size: Option<Size>, color: Option<Color>) -> Vec<&'static str> {
    let name = plain(name);
    let fits = |recipe: &Recipe| {
        let own = recipe.size;
        let colored = color != Some(Color::Gray) || recipe.is_colorless();
        colored && (size.is_none() || own.is_none() || own == size)
    };
    let named = |(full, _): &(&'static str, &Recipe)| {
        let (library, model) = full.split_once('/')?;
        let model = plain(model.split('.').next().unwrap_or(model));
        name.contains(&model)
            .then_some((library, model.len(), *full))
    };
    let fitting = || all_names().filter(|(_, recipe)| fits(recipe));
    let named: Vec<_> = fitting().filter_map(|of| named(&of)).collect();
    // Of a library's names the longest says most: `efficientnet_b0` rather than `efficientnet`.
    let is_longest = |of: &&(&str, usize, &str)| {
        let longer = |other: &(&str, usize, &str)| other.0 == of.0 && other.1 > of.1;
        !named.iter().any(longer)
    };
    let best = named.iter().filter(is_longest).map(|(_, _, full)| *full);
    let mut best: Vec<&'static str> = best.collect();
    if best.is_empty() {
        let names = fitting().map(|(full, _)| full);
        best = names.filter(|full| !full.contains('/')).collect();
    }
    best
}

/// Every name, and the recipe that it means.
pub(crate) fn all_names() -> impl Iterator<Item = (&'static str, &'static Recipe)> {
    let rows = recipes().iter();
    rows.flat_map(|recipe| recipe.names.iter().map(move |name| (&**name, recipe)))
}

/// What one who typed `wanted` may have meant: the names near it, else the families.
fn meant(wanted: &str) -> String {
    let names = near(wanted, all_names().map(|(full, _)| full));
    if !names.is_empty() {
        return names.join(", ");
    }
    let families = all_names().map(|(full, _)| full);
    let families: Vec<&str> = families.filter(|full| !full.contains('/')).collect();
    format!(
        "{}, or a name of torchvision, timm or Keras, such as torchvision/resnet50.IMAGENET1K_V2, \
         timm/resnet50.a1_in1k or keras/mobilenet_v2",
        families.join(", ")
    )
}

/// The first names and how many more there are.
fn listed(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} … ({more} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::{fitting, recipe, recipes};
    use crate::model::manifest::{Color, Resize, Size};

    const SQUARE: Size = Size {
        width: 224,
        height: 224,
    };

    #[test]
    fn a_recipe_is_found_by_the_names_that_people_write() {
        let full = "torchvision/resnet50.IMAGENET1K_V2";
        for name in [full, "resnet50.IMAGENET1K_V2", "ResNet50.imagenet1k_v2"] {
            assert_eq!(recipe(name).unwrap().0, full);
        }
        // One set of weights, or several that are prepared alike.
        assert_eq!(
            recipe("torchvision/googlenet").unwrap().0,
            "torchvision/googlenet.IMAGENET1K_V1"
        );
        assert_eq!(recipe("keras/vgg16").unwrap().0, "keras/vgg16");
        assert!(recipes().len() > 150);
    }

    #[test]
    fn a_name_of_several_or_of_none_is_refused_with_those_near_it() {
        let several = recipe("torchvision/resnet50").unwrap_err();
        assert_eq!(
            several.to_string(),
            "torchvision/resnet50: several recipes are called so, expected \
             torchvision/resnet50.IMAGENET1K_V1, torchvision/resnet50.IMAGENET1K_V2"
        );
        // A library's name may be left out only where no other one means something else by it.
        for name in [
            "resnet50",
            "mobilenet_v2",
            "MobileNet-V2",
            "vgg16",
            "densenet121",
        ] {
            let several = recipe(name).unwrap_err();
            assert_eq!(several.problem(), "several recipes are called so", "{name}");
            let named = several.expected().unwrap();
            assert!(
                named.contains("keras/") && named.contains("torchvision/"),
                "{named}"
            );
        }
        assert_eq!(recipe("ResNet50-v2").unwrap().0, "keras/resnet50v2");
        let near = recipe("resnt50").unwrap_err();
        let near: Vec<&str> = near.expected().unwrap().split(", ").collect();
        assert_eq!(near.len(), 8, "{near:?}");
        assert_eq!(
            near[..3],
            [
                "keras/resnet50",
                "torchvision/resnet50.IMAGENET1K_V1",
                "torchvision/resnet50.IMAGENET1K_V2"
            ]
        );
        let near = recipe("keras/mobilenetv22").unwrap_err().to_string();
        assert!(near.contains("expected keras/mobilenet_v2, "), "{near}");
        let none = recipe("pasta").unwrap_err();
        assert_eq!(none.problem(), "no recipe is called so");
        assert!(none.expected().unwrap().starts_with("0-1, -1-1, "));
    }

    #[test]
    fn a_recipe_follows_the_input() {
        let (name, timm) = recipe("timm/resnet50.a1_in1k").unwrap();
        let own = timm.facts(name, None, None);
        assert_eq!(own.size.unwrap().value, SQUARE);
        assert_eq!(own.resize.unwrap().value, Resize::Shortest { size: 235 });
        let small = Size {
            width: 160,
            height: 160,
        };
        let facts = timm.facts(name, Some(small), None);
        assert_eq!(facts.resize.unwrap().value, Resize::Shortest { size: 168 });
        // The mean turns with the order of the channels.
        let facts = timm.facts(name, None, Some(Color::Bgr));
        assert_eq!(facts.mean.unwrap().value, [0.406, 0.456, 0.485]);
        // A range alone leaves the rest open.
        let (name, range) = recipe("-1-1").unwrap();
        let facts = range.facts(name, Some(SQUARE), Some(Color::Gray));
        assert_eq!(facts.mean.unwrap().value, [0.5]);
        assert!(facts.resize.is_none() && facts.filter.is_none());
    }

    #[test]
    fn what_fits_is_named_by_name_and_size() {
        assert_eq!(
            fitting("resnet50-v2-7", Some(SQUARE), None)
                .iter()
                .filter(|name| name.starts_with("torchvision/"))
                .count(),
            2
        );
        let large = Size {
            width: 299,
            height: 299,
        };
        let fits = fitting("my_xception", Some(large), None);
        assert!(fits.contains(&"keras/xception"), "{fits:?}");
        let none = fitting("model", Some(SQUARE), None);
        assert!(none.contains(&"teachable-machine") && none.contains(&"0-1"));
        let gray = fitting("model", None, Some(Color::Gray));
        assert_eq!(gray, ["0-1", "-1-1", "inception-values", "raw"]);
    }
}
