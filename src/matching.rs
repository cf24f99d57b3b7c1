//! Measuring which preprocessing a model was trained with, from a few labelled photographs:
//! the right one makes the right classes likely. Candidates are the known recipes and their
//! combinations; they run through the stages that every frame goes through, are compared by
//! log-loss (the mean of `-ln p` of the right class, bounded) on the same photographs, and fall out
//! by successive halving. What the photographs cannot tell apart is said.

mod candidate;
mod order;
mod ranges;
mod report;
mod search;
mod space;
mod statistics;
mod trial;

use std::path::Path;
use std::sync::Arc;

use crate::engine::{EngineMaker, EngineOptions};
use crate::error::{Error, Result};
use crate::labelled::Labelled;
use crate::model::manifest::{Color, Filter, Layout, Resize, Size};
use crate::model::{Facts, Gathered, Model, Overrides, fact};
use crate::pipeline::preprocess::Framing;
use order::Order;
pub use report::{Agreement, Match, Row};
pub use search::Progress;
use space::Space;
pub use statistics::Difference;
use trial::Trials;

/// Fewer photographs tell nothing apart: one in 256 of equal candidates is better on each of
/// eight by chance.
const FEWEST: usize = 8;
/// What photographs are sorted into.
const FOLDERS: &str =
    "sort 3 to 5 photographs of each of a few classes into folders that are called like the labels";

/// How a model is measured.
#[derive(Clone, Debug)]
pub struct MatchOptions {
    /// What runs it.
    pub engine: EngineOptions,
    /// Threads per run of the network.
    pub threads: usize,
    /// Pictures of more pixels are refused.
    pub max_pixels: usize,
    /// Larger files are refused.
    pub max_bytes: usize,
    /// Which part of the photographs is looked at, and which way up.
    pub framing: Framing,
    /// Photographs used of each class, the first by name.
    pub per_class: usize,
}

/// Measures the preprocessing of the model at `path` on the photographs in `folder`, a
/// folder per class. What `overrides` give stands fast, a recipe that they name apart: that
/// is measured like the others, as is what the file says.
///
/// # Errors
/// The model or the photographs cannot be used; they are too few, of one class only, or of
/// classes that the model does not have.
pub fn measure(
    path: &Path,
    overrides: &Overrides,
    folder: &Path,
    options: &MatchOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Match> {
    let labelled = Labelled::below(folder, options.per_class, FOLDERS)?;
    let Gathered { facts, classes, .. } = Model::gathered(path, overrides.clone())?;
    // One number decides between two.
    let classes = classes.map(|numbers| numbers.max(2));
    let orders = Order::all(&labelled, facts.labels.as_ref(), classes)?;
    let opened = Overrides {
        facts: Facts {
            labels: fact(orders[0].labels.clone(), &orders[0].what),
            ..completed(path, facts.clone())?
        },
        ..Overrides::default()
    };
    let mut model = Model::open(path, opened)?;
    // A proof belongs to the facts that are in question.
    model.manifest.proof = None;
    let model = Arc::new(model);
    let engines = EngineMaker::new(model.clone(), &options.engine)?;
    let engine = engines.make(options.threads)?;
    let identity = engine.identity().clone();
    let mut trials = Trials::new(&model, engine, &labelled, &orders, options)?;
    check_number(folder, &trials)?;
    let space = Space::new(&model.manifest, overrides, &facts, &orders);
    let results = search::search(&space, &mut trials, progress)?;
    Ok(report::report(
        &model.manifest,
        identity,
        &trials,
        results,
        &orders,
    ))
}

fn check_number(folder: &Path, trials: &Trials) -> Result<()> {
    let (pictures, classes) = (trials.pictures(), trials.classes());
    let place = folder.display().to_string();
    if classes < 2 {
        return Err(Error::usage(place, "photographs of one class only")
            .with_expected("two classes or more")
            .with_remedy("add a folder with photographs of another class"));
    }
    if pictures < FEWEST {
        return Err(
            Error::usage(place, format!("{pictures} photographs tell nothing apart"))
                .with_expected(format!("{FEWEST} or more"))
                .with_remedy("add some: 3 to 5 of each class are good"),
        );
    }
    Ok(())
}

/// The facts known, filled up so that the model can be opened.
fn completed(path: &Path, known: Facts) -> Result<Facts> {
    let origin = "measured";
    let axes = Facts {
        color: fact(Color::Rgb, origin),
        layout: fact(Layout::Nchw, origin),
        ..Facts::default()
    };
    let facts = known.or(axes).with_consequences();
    let Some(Size { width, height }) = facts.size.as_ref().map(|size| size.value) else {
        let place = path.display().to_string();
        return Err(Error::model(place, "the size of the input is not known")
            .with_remedy("give it")
            .with_settings(&["input.size"]));
    };
    let channels = facts.color.as_ref().map_or(3, |c| c.value.channels());
    let rest = Facts {
        resize: fact(Resize::Exact { width, height }, origin),
        filter: fact(Filter::Bilinear, origin),
        rescale: fact(1.0 / 255.0, origin),
        mean: fact(vec![0.0; channels], origin),
        std: fact(vec![1.0; channels], origin),
        ..Facts::default()
    };
    Ok(facts.or(rest).with_consequences())
}
