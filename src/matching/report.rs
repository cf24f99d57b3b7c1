//! What came out: the winner, those that cannot be told from it, and where they differ.

use serde::Serialize;

use super::order::Order;
use super::search::{Measured, Results};
use super::statistics::Difference;
use super::trial::Trials;
use crate::engine::Identity;
use crate::model::Facts;
use crate::model::fact;
use crate::model::manifest::{Color, Layout, Manifest, Preprocess, Resize};
use crate::model::recipes::all_names;

/// Rows of those that are worse than the winner.
const WORSE: usize = 6;

/// What the photographs say about a model's preprocessing.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Match {
    /// The model.
    pub model: String,
    /// What ran.
    #[serde(flatten)]
    pub identity: Identity,
    /// Photographs used.
    pub pictures: usize,
    /// Photographs that could not be used.
    pub failed: usize,
    /// Classes that they show.
    pub classes: usize,
    /// Candidates tried.
    pub tried: usize,
    /// Runs of the network that this took.
    pub runs: usize,
    /// The winner first; then, by log-loss, all that cannot be told from the best; then the best of
    /// the others.
    pub rows: Vec<Row>,
    /// Where the winner and its equals agree and where they differ.
    pub agreement: Vec<Agreement>,
    /// Known recipes that are the winner's.
    pub recipes: Vec<String>,
    /// Whether the winner's labels are those that the user or the model gives, in their order.
    pub labels_are_given: bool,
    /// What speaks against trusting it, if anything does.
    pub warning: Option<String>,
    /// The winner's facts.
    #[serde(skip)]
    pub facts: Facts,
}

/// A candidate and what it reached.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Order of the input's axes.
    pub layout: Layout,
    /// Order of its channels.
    pub color: Color,
    /// The range of its values, by name if it has one.
    pub values: String,
    /// The steps.
    pub preprocess: Preprocess,
    /// The order of the labels, in words.
    pub labels: String,
    /// Mean of `-ln (0.95 p + 0.05)` of the right class, in nats.
    pub log_loss: f64,
    /// By how much that is above the lowest.
    pub difference: Difference,
    /// How likely chance alone makes it as much, even if it were as sure of its answers.
    pub chance: f64,
    /// Photographs whose best class is the right one.
    pub right: usize,
    /// Whether the photographs cannot tell it from the best.
    pub equal: bool,
}

/// One fact, and its values among the winner and its equals.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Its name in the manifest.
    pub fact: &'static str,
    /// The winner's value first. One value: all agree.
    pub values: Vec<String>,
}

/// Puts the results together.
pub(super) fn report(
    manifest: &Manifest,
    identity: Identity,
    trials: &Trials<'_>,
    results: Results,
    orders: &[Order],
) -> Match {
    let winner = &results.measured[0];
    let by_loss = |a: &&Measured, b: &&Measured| a.log_loss().total_cmp(&b.log_loss());
    let best = results.measured.iter().min_by(by_loss).unwrap_or(winner);
    let mut worse = 0;
    let rows: Vec<Row> = results
        .measured
        .iter()
        .map(|measured| row(measured, best, orders))
        .filter(|row| {
            worse += usize::from(!row.equal);
            row.equal || worse <= WORSE
        })
        .collect();
    let order = &orders[winner.candidate.order];
    let facts = Facts {
        labels: fact(order.labels.clone(), "measured on labelled photographs"),
        ..winner.candidate.facts()
    };
    Match {
        model: manifest.id(),
        identity,
        pictures: trials.pictures(),
        failed: trials.failed,
        classes: trials.classes(),
        tried: results.tried,
        runs: trials.runs,
        agreement: agreement(&rows, orders.len() > 1),
        rows,
        recipes: recipes(winner),
        labels_are_given: order.is_given(),
        warning: warning(manifest, winner, trials.pictures()),
        facts,
    }
}

/// What a person should know of how far this is to be trusted.
fn warning(manifest: &Manifest, winner: &Measured, pictures: usize) -> Option<String> {
    if winner.right * 2 < pictures {
        return Some(format!(
            "the winner is right on {} of {pictures} only: the labels, or the preprocessing, may be none of those tried",
            winner.right
        ));
    }
    manifest.output.kind.is_independent().then(|| {
        "the labels are independent of one another: what counts is how far the folder's own stands above the others".into()
    })
}

fn row(measured: &Measured, best: &Measured, orders: &[Order]) -> Row {
    let candidate = &measured.candidate;
    Row {
        layout: candidate.input.layout,
        color: candidate.input.color,
        values: candidate.values(),
        preprocess: candidate.preprocess.clone(),
        labels: orders[candidate.order].what.clone(),
        log_loss: measured.log_loss(),
        difference: measured.against(best)[0],
        chance: measured
            .against(best)
            .map(|d| d.chance)
            .into_iter()
            .fold(0.0, f64::max),
        right: measured.right,
        equal: measured.equal,
    }
}

/// One fact of a row.
type InWords = fn(&Row) -> String;

fn agreement(rows: &[Row], labels: bool) -> Vec<Agreement> {
    let facts: [(_, InWords); 6] = [
        ("input.color", |r| format!("{:?}", r.color).to_uppercase()),
        ("input.layout", |r| format!("{:?}", r.layout).to_uppercase()),
        ("values", |r| r.values.clone()),
        ("preprocess.resize", |r| r.resize()),
        ("preprocess.filter", |r| r.filter()),
        ("labels", |r| r.labels.clone()),
    ];
    let equals = || rows.iter().filter(|row| row.equal);
    facts
        .into_iter()
        .filter(|(fact, _)| labels || *fact != "labels")
        .map(|(fact, value)| {
            let mut values: Vec<String> = Vec::new();
            for value in equals().map(value) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Agreement { fact, values }
        })
        .collect()
}

impl Row {
    /// The resize and the crop, in words.
    pub fn resize(&self) -> String {
        let crop = self.preprocess.crop;
        let crop = crop.map_or(String::new(), |c| {
            format!(", crop {}x{}", c.width, c.height)
        });
        match self.preprocess.resize {
            Resize::Shortest { size } => format!("shortest {size}{crop}"),
            Resize::Exact { width, height } => format!("exact {width}x{height}{crop}"),
            Resize::Cover { width, height } => format!("cover {width}x{height}{crop}"),
            Resize::Central { width, height, of } => {
                format!("centre {width}x{height} of {}x{}", of.width, of.height)
            }
            Resize::Letterbox { fill, .. } => {
                format!("letterbox {},{},{}", fill[0], fill[1], fill[2])
            }
        }
    }

    /// The filter, in words.
    pub fn filter(&self) -> String {
        let name = format!("{:?}", self.preprocess.filter).to_lowercase();
        match self.preprocess.antialias {
            true => name,
            false => format!("{name}, not widened"),
        }
    }
}

/// The recipes that are the winner's, fact by fact.
fn recipes(winner: &Measured) -> Vec<String> {
    let won = winner.candidate.facts().lines();
    let is_won = |name: &str, recipe: &crate::model::recipes::Recipe| {
        let facts = recipe.facts(name, Some(winner.candidate.size()), None);
        let whole = facts.resize.is_some() && facts.color.is_some();
        // A crop to what the resize gives is none.
        let lines = facts.lines();
        let same = |fact: &str| {
            let value = |lines: &[crate::model::FactLine]| {
                lines
                    .iter()
                    .find(|l| l.fact == fact)
                    .map(|l| l.value.clone())
            };
            value(&lines) == value(&won)
        };
        let facts = [
            "input.color",
            "preprocess.resize",
            "preprocess.filter",
            "preprocess.antialias",
        ];
        let values = ["preprocess.rescale", "preprocess.mean", "preprocess.std"];
        whole && facts.iter().chain(&values).all(|fact| same(fact))
    };
    all_names()
        .filter(|(name, recipe)| is_won(name, recipe))
        .map(|(name, _)| name.to_owned())
        .collect()
}
