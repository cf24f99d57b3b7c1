//! A new head on any classifier's network, from a folder of pictures for each class, on the
//! device and in seconds: the network stays as it is and sees each picture once per view; a
//! logistic regression learns on its features; the file that is written describes and proves
//! itself as a trained model does. How good it is, is measured by heads that have not seen the
//! pictures they answer.

mod add;
mod alarm;
mod baselines;
mod calibrate;
mod cases;
mod cross;
mod curve;
mod features;
mod findings;
mod groups;
mod learn;
mod logistic;
mod look;
mod material;
mod metrics;
mod minimise;
mod parallel;
mod report;
mod row;
mod samples;
mod views;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::EngineOptions;
use crate::error::Result;
use crate::model::manifest::OutputKind;
use crate::model::{Facts, Gathered, Model, Overrides, fact};
use crate::pipeline::preprocess::Framing;
pub use add::{AddReport, add};
pub use curve::{Curve, CurvePoint, Help};
use features::{Limits, engines};
pub use findings::{Confusion, Suspect};
use learn::Learned;
use material::{Folders, Material};
pub use metrics::Accuracy;
pub use report::{ClassReport, ProofReport, Report, TestReport, Wrong};
use views::{SETS, views};

/// With more pictures than these, views bring little and take long: each counts as it is.
const FEW: usize = 1000;

/// How a head is taught.
#[derive(Clone, Debug)]
pub struct TeachOptions {
    /// What runs the network.
    pub engine: EngineOptions,
    /// Pictures in work at a time.
    pub workers: usize,
    /// Pictures of more pixels are refused.
    pub max_pixels: usize,
    /// Larger files are refused.
    pub max_bytes: usize,
    /// Which part of pictures is looked at, and which way up.
    pub framing: Framing,
    /// The new model's name; else that of its file.
    pub name: Option<String>,
    /// Its version; else 1.
    pub version: Option<String>,
    /// Pictures to measure the new model by, a folder for each class.
    pub test: Option<PathBuf>,
}

/// How far a teaching is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being done.
    pub step: &'static str,
    /// Pieces done of this step so far.
    pub done: usize,
    /// Pieces of it.
    pub of: usize,
}

/// Who is told of progress.
type Tell<'a> = &'a mut dyn FnMut(Progress);

/// Teaches the network of the model at `path` the classes that the folders in `data` are called
/// after, and writes the new model to `out`.
///
/// # Errors
/// The model cannot be used, or has no head that can be told; the pictures are too few, of one
/// class only, or in two classes; the file cannot be written.
pub fn teach(
    path: &Path,
    overrides: Overrides,
    data: &Path,
    out: &Path,
    options: &TeachOptions,
    progress: Tell<'_>,
) -> Result<Report> {
    let folders = Folders::below(data)?;
    folders.check()?;
    let labels = folders.labels.clone();
    let test = options.test.as_deref().map(Folders::below).transpose()?;
    let test = test.map(|folders| folders.by(&labels)).transpose()?;
    let model = Arc::new(open(path, overrides)?.at_head()?);
    let engines = engines(&model, &options.engine)?;
    let sets = if folders.len() > FEW {
        &SETS[..1]
    } else {
        &SETS[..]
    };
    let all = views(options.framing);
    let used = if sets.len() == 1 { &all[..1] } else { &all[..] };
    let mut look = |folders, views: &[Framing], step| {
        let mut tell = |done, of| progress(Progress { step, done, of });
        let how = (views, options.limits());
        Material::look(folders, &engines, how, options.workers, &mut tell)
    };
    let material = look(folders, used, "looking at pictures")?;
    material.check(&labels)?;
    let test = test.map(|folders| look(folders, &all[..1], "looking at test pictures"));
    let test = test.transpose()?;
    if let Some(test) = &test {
        material.check_apart(test)?;
    }
    let has_others = test.as_ref().is_some_and(|test| !test.files.is_empty());
    let sets = (sets, used.len());
    let learned = Learned::of(
        &material,
        &labels,
        sets,
        has_others,
        options.workers,
        progress,
    )?;
    write::write(
        &engines,
        &material,
        &learned,
        (&labels, test.as_ref()),
        (data, out),
        options,
    )
}

impl TeachOptions {
    fn limits(&self) -> Limits {
        Limits {
            max_pixels: self.max_pixels,
            max_bytes: self.max_bytes,
        }
    }
}

/// The model whose network is used. What its scores mean and what its classes are called
/// matters no more.
fn open(path: &Path, overrides: Overrides) -> Result<Model> {
    let Gathered { facts, classes, .. } = Model::gathered(path, overrides)?;
    let origin = "of no use to a new head";
    let labels = (0..classes.unwrap_or(2)).map(|index| index.to_string());
    let facts = Facts {
        kind: fact(OutputKind::Logits, origin),
        labels: fact(labels.collect(), origin),
        ..facts
    };
    Model::open(
        path,
        Overrides {
            facts,
            ..Overrides::default()
        },
    )
}
