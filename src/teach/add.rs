//! A class more on a model that stays as it is otherwise: the old classes' pictures are not
//! needed, since the manifest's drift baselines say what they look like to the network. Useful
//! at once, and no substitute for teaching or training on all pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::cases::{self, MOST};
use super::features::engines;
use super::groups::Groups;
use super::learn::{SEED, one_scene};
use super::material::{Folders, Material};
use super::row::{Old, mean};
use super::samples::{Samples, Scaling};
use super::write::{ANYTHING, write_proven};
use super::{Progress, TeachOptions, Tell};
use crate::calibration::measures::{best, significant};
use crate::engine::{EngineMaker, Identity};
use crate::error::{Error, Result};
use crate::model::manifest::{
    EmbeddingStatistics, Manifest, OutputKind, Proof, Taught, TaughtFrom,
};
use crate::model::{LinearHead, Model, Overrides};

/// The share of the pictures that may look like one old class: a class more would take its
/// pictures.
const ALIKE: f64 = 0.5;
/// How much farther, squared, a picture may be from an old class's mean than from that of the
/// others of its own to look like it, where the model takes so large a share of the pictures
/// for that class: of one class with two names, it is about as far from both.
const NO_FARTHER: f64 = 1.5;
const TAKEN: f64 = 0.75;
/// Pictures that only the proof gets, where there are [`RICH`].
const KEPT_OUT: usize = 2;
const RICH: usize = 10;

/// What came of adding a class.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AddReport {
    /// The new model's name and version.
    pub model: String,
    /// The old one's.
    pub from: String,
    /// The file.
    pub file: PathBuf,
    /// What ran the network.
    #[serde(flatten)]
    pub identity: Identity,
    /// The new class.
    pub label: String,
    /// Its pictures.
    pub pictures: usize,
    /// How many of them are not nearly the same as another.
    pub different: usize,
    /// Pictures that could not be used.
    pub failed: usize,
    /// Share of its pictures that rows which had not seen them find.
    pub found: f64,
    /// Share of what the old classes look like, by their statistics, that is still taken for
    /// the same class.
    pub kept: f64,
    /// Pictures of the proof.
    pub cases: usize,
    /// Its tolerance.
    pub tolerance: f32,
}

/// Adds the class `label`, of which the pictures in `folder` are, to the model at `path`, and
/// writes the new model to `out`.
///
/// # Errors
/// The model has no statistics of its classes, or no head that can be told; it has the class;
/// its pictures are too few, nearly the same, or look like an old class.
pub fn add(
    path: &Path,
    overrides: Overrides,
    (label, folder): (&str, &Path),
    out: &Path,
    options: &TeachOptions,
    progress: Tell<'_>,
) -> Result<AddReport> {
    let model = Model::open(path, overrides)?.at_head()?;
    check_label(&model, label)?;
    let head = model.linear_head()?;
    let statistics = statistics(&model)?.clone();
    let model = Arc::new(model);
    let engines = engines(&model, &options.engine)?;
    let material = look(&engines, (label, folder), options, progress)?;
    let shown: Vec<Vec<f64>> = material
        .seen
        .iter()
        .map(|seen| widened(&seen.features))
        .collect();
    let old = Old {
        head: &head,
        statistics: &statistics,
    };
    check_looks(&material, &shown, &old, &model.manifest.labels, label)?;
    let groups = groups(&material, label)?;
    let kept_out = if shown.len() >= RICH { KEPT_OUT } else { 0 };
    let row = old.row(&shown[kept_out..], SEED);
    let new = with_row(&head, &row);
    let mut manifest = manifest(&model, label, (&shown, kept_out), options)?;
    manifest.proof = Some(proof(
        &engines,
        &material.files[..kept_out],
        &manifest,
        &new,
        options,
    )?);
    write_proven(&model, &new, &mut manifest, out, options)?;
    let proof = manifest.proof.as_ref();
    Ok(AddReport {
        model: manifest.id(),
        from: model.manifest.id(),
        file: out.to_owned(),
        identity: engines.make(1)?.identity().clone(),
        label: label.to_owned(),
        pictures: shown.len(),
        different: groups.total(),
        failed: material.failed,
        found: found(&old, &shown, &groups),
        kept: kept(&old, &row),
        cases: proof.map_or(0, |proof| proof.cases.len()),
        tolerance: proof.map_or(0.0, |proof| proof.tolerance),
    })
}

/// The new class's pictures, seen.
fn look(
    engines: &EngineMaker,
    (label, folder): (&str, &Path),
    options: &TeachOptions,
    progress: Tell<'_>,
) -> Result<Material> {
    let mut tell = |done, of| {
        let step = "looking at pictures";
        progress(Progress { step, done, of });
    };
    let folders = Folders::of_one(label, folder)?;
    folders.check_numbers()?;
    let how = (&[options.framing][..], options.limits());
    let material = Material::look(folders, engines, how, options.workers, &mut tell)?;
    material.check(&[label.to_owned()])?;
    Ok(material)
}

fn widened(features: &[f32]) -> Vec<f64> {
    features.iter().map(|value| f64::from(*value)).collect()
}

fn check_label(model: &Model, label: &str) -> Result<()> {
    if model.manifest.labels.iter().any(|known| known == label) {
        return Err(Error::usage(label, "the model has this class already")
            .with_remedy("teach all classes anew, from pictures of each"));
    }
    if model.manifest.output.kind != OutputKind::Logits {
        let what = format!("its output is {:?}", model.manifest.output.kind);
        return Err(Error::model(model.place(), what).with_expected(
            "logits of classes that exclude one another, to which one can be added",
        ));
    }
    Ok(())
}

fn statistics(model: &Model) -> Result<&EmbeddingStatistics> {
    let drift = model.manifest.drift.as_ref();
    let found = drift.and_then(|drift| drift.embedding.as_ref());
    found
        .filter(|_| model.manifest.training.is_some())
        .ok_or_else(|| {
            Error::model(
                model.place(),
                "it does not say what its classes look like to the network",
            )
            .with_expected("the drift baselines that training and teaching write")
            .with_remedy("teach all classes anew, from pictures of each")
        })
}

/// Refuses pictures of which most look like one old class.
fn check_looks(
    material: &Material,
    shown: &[Vec<f64>],
    old: &Old<'_>,
    labels: &[String],
    label: &str,
) -> Result<()> {
    let width = old.statistics.deviation.len();
    if shown.iter().any(|row| row.len() != width) {
        let what = format!("its statistics are of {width} features, the network gives others");
        return Err(Error::model(&material.place, what)
            .with_remedy("teach all classes anew, from pictures of each"));
    }
    let [mut nearer, mut near, mut taken] = [(); 3].map(|()| vec![0; labels.len()]);
    for (number, row) in shown.iter().enumerate() {
        let others = shown
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number);
        let own = old.distance(row, &mean(others.map(|(_, row)| row), width));
        let (class, distance) = old.nearest(row);
        nearer[class] += usize::from(distance < own);
        near[class] += usize::from(distance < NO_FARTHER * own);
        taken[best(&old.logits(row)).0] += 1;
    }
    let share = |count: usize| count as f64 / shown.len() as f64;
    let looks = |class: &usize| {
        let is_taken = share(taken[*class]) >= TAKEN && share(near[*class]) > ALIKE;
        is_taken || share(nearer[*class]) > ALIKE
    };
    let Some(class) = (0..labels.len()).find(looks) else {
        return Ok(());
    };
    let most = near[class];
    let (count, other) = (shown.len(), &labels[class]);
    let what = format!("{most} of the {count} pictures of `{label}` look like `{other}`");
    Err(Error::usage(&material.place, what).with_remedy(format!(
        "if they show something else, teach all classes anew, from pictures of `{other}` and of `{label}`"
    )))
}

/// The groups of the new class.
fn groups(material: &Material, label: &str) -> Result<Groups> {
    let groups = Groups::of(&Samples::new(
        material.features(),
        material.classes.clone(),
        (1, 1),
        Scaling::Together,
    ));
    match groups.total() {
        0 | 1 => Err(one_scene(&material.place, label, material.files.len())),
        _ => Ok(groups),
    }
}

fn with_row(head: &LinearHead, row: &[f64]) -> LinearHead {
    let mut new = head.clone();
    if let Some((bias, weights)) = row.split_last() {
        new.weights
            .extend(weights.iter().map(|weight| *weight as f32));
        new.biases.push(*bias as f32);
    }
    new
}

/// The old manifest with the new class in it. What was measured before holds no more for the
/// threshold, which is left out.
fn manifest(
    model: &Model,
    label: &str,
    (shown, kept_out): (&[Vec<f64>], usize),
    options: &TeachOptions,
) -> Result<Manifest> {
    let mut manifest = model.manifest.clone();
    let from = TaughtFrom {
        name: manifest.id(),
        sha256: model.sha256()?,
    };
    manifest.name = options.name.clone().unwrap_or(manifest.name);
    manifest.version = match &options.version {
        Some(version) => version.clone(),
        None => format!("{}+{label}", manifest.version),
    };
    manifest.labels.push(label.to_owned());
    manifest.output.tensor = model.head_output()?;
    manifest.output.embedding = model.features_output().map(String::from);
    if manifest.rejection.take().is_some() {
        log::warn!(
            "{label}: the threshold for \"unknown\" is left out, it was measured without this class"
        );
    }
    if let Some(drift) = &mut manifest.drift {
        let share = 1.0 / manifest.labels.len() as f64;
        drift
            .prior
            .iter_mut()
            .for_each(|old| *old = significant(*old * (1.0 - share), 6));
        drift.prior.push(significant(share, 6));
        if let Some(embedding) = &mut drift.embedding {
            let mean = mean(shown.iter(), embedding.deviation.len());
            embedding
                .class_means
                .push(mean.iter().map(|v| significant(*v, 4)).collect());
        }
    }
    if let Some(training) = &mut manifest.training {
        let before = training.taught.take();
        let mut pictures = before.map(|taught| taught.pictures).unwrap_or_default();
        pictures.insert(label.to_owned(), shown.len() - kept_out);
        training.taught = Some(Taught {
            from,
            pictures,
            measured: format!("before `{label}` was added"),
        });
    }
    Ok(manifest)
}

/// The old proof's pictures and some of the new class, with the new head's answers.
fn proof(
    engines: &EngineMaker,
    files: &[PathBuf],
    manifest: &Manifest,
    head: &LinearHead,
    options: &TeachOptions,
) -> Result<Proof> {
    let how = (head, manifest.output.temperature);
    let labels = &manifest.labels;
    let mut all = cases::cases(engines, files, labels, how, options.limits())?;
    if let Some(old) = &engines.model().manifest.proof {
        let frames = cases::frames(old)?;
        all.extend(cases::answered(
            engines,
            frames,
            labels,
            how,
            options.max_pixels,
        )?);
    }
    all.truncate(2 * MOST);
    Ok(Proof {
        tolerance: ANYTHING,
        cases: all,
    })
}

/// The share of the shown pictures that rows find which learned from the others.
fn found(old: &Old<'_>, shown: &[Vec<f64>], groups: &Groups) -> f64 {
    let mut right = 0;
    for fold in groups.folds(SEED) {
        let others = (0..shown.len()).filter(|picture| !fold.contains(picture));
        let others: Vec<Vec<f64>> = others.map(|picture| shown[picture].clone()).collect();
        let row = old.row(&others, SEED);
        right += fold
            .iter()
            .filter(|picture| is_new(old, &row, &shown[**picture]))
            .count();
    }
    right as f64 / shown.len().max(1) as f64
}

/// The share of features drawn of the old classes that the new row does not take from them.
fn kept(old: &Old<'_>, row: &[f64]) -> f64 {
    // Others than the row was fitted to.
    let (drawn, _) = old.drawn(SEED + 2);
    let kept = drawn
        .iter()
        .filter(|features| !is_new(old, row, features))
        .count();
    kept as f64 / drawn.len().max(1) as f64
}

/// Whether the new class is the likeliest.
fn is_new(old: &Old<'_>, row: &[f64], features: &[f64]) -> bool {
    let mut logits = old.logits(features);
    let own = features.iter().zip(row).map(|(f, w)| f * w).sum::<f64>();
    logits.push(own + row.last().copied().unwrap_or_default());
    let last = logits.len() - 1;
    best(&logits).0 == last
}
