//! The new model's file, and the report: the network with its new head, and a manifest that
//! says of it all that a trained model's says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::baselines::baselines;
use super::calibrate::probabilities;
use super::cases::{self, MOST};
use super::learn::{Learned, SEED};
use super::logistic::answers;
use super::material::Material;
use super::metrics::{Accuracy, confusion, metrics};
use super::report::{ClassReport, ProofReport, Report, TestReport, Wrong};
use super::samples::Samples;
use super::{TeachOptions, findings};
use crate::calibration::measures::best;
use crate::engine::{EngineMaker, Identity};
use crate::error::{Error, Result};
use crate::model::manifest::{
    Dataset, FORMAT, Manifest, Output, OutputKind, Proof, Taught, TaughtFrom, Training,
};
use crate::model::{LinearHead, Model};

/// What a proof allows until it is known how far engines differ.
pub(super) const ANYTHING: f32 = 0.999;

/// Writes the model that has `learned` to `out`, once it has passed its proof, and says what
/// came of it.
///
/// # Errors
/// The file cannot be written; no engine gives the answers that it should.
pub(super) fn write(
    engines: &EngineMaker,
    material: &Material,
    learned: &Learned,
    (labels, test): (&[String], Option<&Material>),
    (data, out): (&Path, &Path),
    options: &TeachOptions,
) -> Result<Report> {
    let model = engines.model();
    let Some(first) = material.seen.first() else {
        return Err(Error::usage(&material.place, "no picture can be used"));
    };
    let head = learned.samples().head(&learned.parameters, first.places);
    let with_temperature = (&head, learned.temperature);
    let (files, kept_out) = proof_files(material, learned, test);
    let cases = cases::cases(engines, &files, labels, with_temperature, options.limits())?;
    let mut manifest = manifest(model, material, learned, labels, (data, out), options)?;
    if let (Some(test), Some(training)) = (test, &mut manifest.training) {
        training.dataset.test = test.files.len();
    }
    manifest.proof = Some(Proof {
        tolerance: ANYTHING,
        cases,
    });
    write_proven(model, &head, &mut manifest, out, options)?;
    let proof = manifest.proof.as_ref();
    let proof = ProofReport {
        cases: proof.map_or(0, |proof| proof.cases.len()),
        tolerance: proof.map_or(0.0, |proof| proof.tolerance),
        kept_out,
    };
    let identity = engines.make(1)?.identity().clone();
    let names = (manifest.id(), model.manifest.id(), out);
    let test = test.map(|test| tested(test, learned, labels));
    Ok(report(
        material,
        learned,
        labels,
        names,
        (identity, proof, test),
    ))
}

/// What there is to tell.
fn report(
    material: &Material,
    learned: &Learned,
    labels: &[String],
    (model, from, out): (String, String, &Path),
    (identity, proof, test): (Identity, ProofReport, Option<TestReport>),
) -> Report {
    let matrix = confusion(&learned.probabilities, &material.classes, labels.len());
    let right = (0..labels.len()).map(|class| matrix[class][class]).sum();
    let counts = material.counts(labels.len());
    let class = |(index, label): (usize, &String)| ClassReport {
        label: label.clone(),
        pictures: counts[index],
        different: learned.groups.of_class[index].len(),
        recall: matrix[index][index] as f64 / counts[index].max(1) as f64,
    };
    Report {
        model,
        from,
        file: out.to_owned(),
        identity,
        pictures: material.files.len(),
        failed: material.failed,
        classes: labels.iter().enumerate().map(class).collect(),
        features: learned.samples().width,
        views: learned.views,
        scaling: learned.scaling,
        strength: learned.chosen.strength,
        folds: learned.folds,
        accuracy: Accuracy::new(right, material.files.len(), learned.groups.total()),
        curve: learned.curve.clone(),
        confusions: findings::confusions(&matrix, labels),
        suspects: findings::suspects(
            &material.files,
            &learned.probabilities,
            &material.classes,
            labels,
        ),
        temperature: learned.temperature,
        rejection: learned.rejection,
        proof,
        test,
    }
}

/// The pictures to prove with: of the test, or kept out; where neither is to be had, some of
/// those learned from. Whether the head has not learned from them.
fn proof_files(
    material: &Material,
    learned: &Learned,
    test: Option<&Material>,
) -> (Vec<PathBuf>, bool) {
    let (from, pictures, kept_out) = match test.filter(|test| !test.files.is_empty()) {
        Some(test) => (test, one_of_each(&test.classes), true),
        None if learned.kept_out.is_empty() => (material, one_of_each(&material.classes), false),
        None => (material, learned.kept_out.clone(), true),
    };
    let files = pictures.iter().map(|picture| from.files[*picture].clone());
    (files.collect(), kept_out)
}

/// The first picture of each class, then the second, as many as a proof takes.
fn one_of_each(classes: &[usize]) -> Vec<usize> {
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, usize)> = Vec::new();
    for (picture, class) in classes.iter().enumerate() {
        let rank = seen.entry(*class).or_default();
        ranked.push((*rank, picture));
        *rank += 1;
    }
    ranked.sort_unstable();
    ranked
        .into_iter()
        .map(|(_, picture)| picture)
        .take(MOST)
        .collect()
}

/// Writes the file beside, lets it prove itself, and puts it in its place.
pub(super) fn write_proven(
    model: &Model,
    head: &LinearHead,
    manifest: &mut Manifest,
    out: &Path,
    options: &TeachOptions,
) -> Result<()> {
    let unfinished = out.with_extension("unfinished.onnx");
    let mut written = || {
        model.write_with_head(head, manifest, &unfinished)?;
        cases::settle(&unfinished, manifest, &options.engine)?;
        model.write_with_head(head, manifest, &unfinished)?;
        std::fs::rename(&unfinished, out)
            .map_err(|e| Error::output(out.display().to_string(), "cannot be written").caused_by(e))
    };
    let result = written();
    if result.is_err() {
        // It may never have been written, and what failed is said.
        std::fs::remove_file(&unfinished).ok();
    }
    result
}

fn manifest(
    model: &Model,
    material: &Material,
    learned: &Learned,
    labels: &[String],
    (data, out): (&Path, &Path),
    options: &TeachOptions,
) -> Result<Manifest> {
    let base = &model.manifest;
    let stem = out
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let looks: Vec<_> = material.seen.iter().map(|seen| seen.look).collect();
    Ok(Manifest {
        format: FORMAT,
        name: options.name.clone().unwrap_or(stem),
        version: options.version.clone().unwrap_or_else(|| "1".into()),
        labels: labels.to_vec(),
        input: base.input.clone(),
        preprocess: base.preprocess.clone(),
        output: Output {
            tensor: model.head_output()?,
            kind: OutputKind::Logits,
            temperature: learned.temperature,
            quantization: None,
            embedding: model.features_output().map(String::from),
            independent: None,
        },
        rejection: learned.rejection,
        drift: Some(baselines(learned.samples(), &looks, &learned.probabilities)),
        training: Some(training(model, material, learned, labels, data)?),
        proof: None,
    })
}

fn training(
    model: &Model,
    material: &Material,
    learned: &Learned,
    labels: &[String],
    data: &Path,
) -> Result<Training> {
    let base = &model.manifest;
    let name = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = name
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let hyperparameters = json!({
        "strength": learned.chosen.strength,
        "views": learned.views,
        "scaling": learned.scaling,
        "folds": learned.folds,
    });
    let hyperparameters = match hyperparameters {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut pictures = material.counts(labels.len());
    for picture in &learned.kept_out {
        pictures[material.classes[*picture]] -= 1;
    }
    let architecture = base
        .training
        .as_ref()
        .map(|training| training.architecture.clone());
    Ok(Training {
        dataset: Dataset {
            name,
            fingerprint: material.fingerprint(labels),
            train: material.files.len() - learned.kept_out.len(),
            validation: 0,
            test: 0,
        },
        architecture: architecture.unwrap_or_else(|| base.name.clone()),
        seed: SEED,
        hyperparameters,
        versions: BTreeMap::from([("ocelli".to_owned(), version)]),
        metrics: metrics(&learned.probabilities, &material.classes, labels),
        receipt: None,
        taught: Some(Taught {
            from: TaughtFrom {
                name: base.id(),
                sha256: model.sha256()?,
            },
            pictures: labels.iter().cloned().zip(pictures).collect(),
            measured: format!("cross-validation in {} parts", learned.folds),
        }),
    })
}

/// How good the head is on pictures that were kept apart.
fn tested(test: &Material, learned: &Learned, labels: &[String]) -> TestReport {
    let placed = learned
        .samples()
        .placed(test.features(), test.classes.clone());
    let all: Vec<usize> = (0..placed.len()).collect();
    let logits = answers(&placed, &learned.parameters, &all);
    let rows = probabilities(&logits, learned.temperature);
    let mut wrong = Vec::new();
    for ((row, class), file) in rows.iter().zip(&test.classes).zip(&test.files) {
        let (answer, probability) = best(row);
        if answer != *class {
            wrong.push(Wrong {
                file: file.clone(),
                label: labels[*class].clone(),
                taken_for: labels[answer].clone(),
                probability,
            });
        }
    }
    let plain = learned
        .plain()
        .placed(test.features(), test.classes.clone());
    let near = all
        .iter()
        .filter(|picture| is_near(&plain, **picture, learned))
        .count();
    TestReport {
        accuracy: Accuracy::new(all.len() - wrong.len(), all.len(), all.len()),
        failed: test.failed,
        near,
        wrong,
    }
}

/// Whether a test picture is nearly one that was learned from.
fn is_near(test: &Samples, picture: usize, learned: &Learned) -> bool {
    let class = test.classes[picture];
    let near = learned.groups.near[class];
    let mut own = learned.groups.of_class[class].iter().flatten();
    own.any(|own| learned.plain().distance_to(*own, test.row(picture, 0)) <= near)
}
