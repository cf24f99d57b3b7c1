//! What a teaching tells: how good the head is, what would make it better, and what may be wrong
//! with its pictures.

use std::path::PathBuf;

use serde::Serialize;

use super::curve::Curve;
use super::findings::{Confusion, Suspect};
use super::metrics::Accuracy;
use crate::engine::Identity;
use crate::model::manifest::Rejection;

/// What came of a teaching.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The new model's name and version.
    pub model: String,
    /// The name and version of the model whose network it has.
    pub from: String,
    /// The file.
    pub file: PathBuf,
    /// What ran the network.
    #[serde(flatten)]
    pub identity: Identity,
    /// Pictures learned from and measured by.
    pub pictures: usize,
    /// Pictures that could not be used.
    pub failed: usize,
    /// The classes, in the order of the labels.
    pub classes: Vec<ClassReport>,
    /// Features that the head takes.
    pub features: usize,
    /// In which views pictures were learned from.
    pub views: &'static str,
    /// How features were scaled while it learned: together, or each by its own deviation.
    pub scaling: &'static str,
    /// The penalty on weights that cross-validation chose.
    pub strength: f64,
    /// Heads that were learned to measure with, each without a part of the pictures.
    pub folds: usize,
    /// How good these are on the pictures that they have not seen.
    pub accuracy: Accuracy,
    /// How good heads of fewer pictures are.
    pub curve: Curve,
    /// Classes that are taken for others.
    pub confusions: Vec<Confusion>,
    /// Pictures whose labels may be wrong.
    pub suspects: Vec<Suspect>,
    /// By what logits are divided.
    pub temperature: f64,
    /// When the answer is "unknown"; none where pictures are too few to tell.
    pub rejection: Option<Rejection>,
    /// The proof that the model carries.
    pub proof: ProofReport,
    /// How good it is on pictures kept apart, if there are some.
    pub test: Option<TestReport>,
}

/// One class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassReport {
    /// Its label.
    pub label: String,
    /// Its pictures.
    pub pictures: usize,
    /// How many of them are not nearly the same as another.
    pub different: usize,
    /// Share of its pictures that are found.
    pub recall: f64,
}

/// A proof, and what it is made of.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProofReport {
    /// Its pictures.
    pub cases: usize,
    /// Largest difference allowed.
    pub tolerance: f32,
    /// Whether the head has not learned from these.
    pub kept_out: bool,
}

/// Pictures kept apart.
#[derive(Clone, Debug, Serialize)]
pub struct TestReport {
    /// How good the model is on them.
    pub accuracy: Accuracy,
    /// Pictures that could not be used.
    pub failed: usize,
    /// How many are nearly the same as one that was learned from: these flatter.
    pub near: usize,
    /// Those that are answered wrongly.
    pub wrong: Vec<Wrong>,
}

/// A test picture that is answered wrongly.
#[derive(Clone, Debug, Serialize)]
pub struct Wrong {
    /// The file.
    pub file: PathBuf,
    /// What it shows.
    pub label: String,
    /// What it is taken for.
    pub taken_for: String,
    /// How likely that is said to be.
    pub probability: f64,
}
