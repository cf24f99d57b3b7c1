//! `ocelli inspect`: what a model says, and where each fact comes from.

use std::fmt::Write;

use ocelli::model::{FactLine, recipes};
use ocelli::{Model, Result};
use serde_json::{Value, json};

use super::{Finding, print, print_json};
use crate::cli::InspectArgs;
use crate::fetching::find_model;

pub(crate) fn run(args: &InspectArgs) -> Result<Finding> {
    let path = find_model(&args.model)?;
    let model = match Model::open(&path, args.facts.overrides()) {
        Ok(model) => model,
        Err(error) => {
            // What is known helps to find what is not.
            if let Ok(known) = Model::known(&path, args.facts.overrides()) {
                let recipes = fitting(&known);
                if args.json {
                    let document = json!({ "path": path, "facts": known, "recipes": recipes });
                    print_json(&document)?;
                } else {
                    print(&table(&[rows(&known), recipe_row(&recipes)].concat()))?;
                }
            }
            return Err(error);
        }
    };
    if args.json {
        print_json(&model.document()?)?;
    } else {
        print(&text(&model)?)?;
    }
    Ok(Finding::Good)
}

fn text(model: &Model) -> Result<String> {
    let file = &model.file;
    let batch = file.fixed_batch.map_or("any".into(), |n| n.to_string());
    let mut rows: Vec<Row> = vec![
        (
            "file".into(),
            format!("{} ({} bytes)", model.place(), file.bytes),
            String::new(),
        ),
        ("sha256".into(), model.sha256()?, String::new()),
        (
            "onnx".into(),
            format!(
                "opset {}, IR {}, batch {batch}, by {}",
                file.opset, file.ir_version, file.producer
            ),
            String::new(),
        ),
    ];
    if !file.external_data.is_empty() {
        rows.push((
            "weights".into(),
            file.external_data.join(", "),
            String::new(),
        ));
    }
    rows.extend(self::rows(&model.facts));
    let manifest = &model.manifest;
    if let Some(training) = &manifest.training {
        let metrics = &training.metrics;
        let accuracy = match manifest.output.kind.is_independent() {
            true => "all labels right",
            false => "accuracy",
        };
        rows.push((
            "training".into(),
            format!(
                "{} on {}: {accuracy} {:.4}, macro F1 {:.4}, {} test pictures",
                training.architecture,
                training.dataset.name,
                metrics.accuracy,
                metrics.macro_f1,
                training.dataset.test
            ),
            "manifest in the file".into(),
        ));
    }
    if let Some(proof) = &manifest.proof {
        rows.push((
            "proof".into(),
            format!(
                "{} pictures, tolerance {}",
                proof.cases.len(),
                proof.tolerance
            ),
            "manifest in the file".into(),
        ));
    }
    Ok(table(&rows))
}

/// The recipes that fit what is known of a model that does not say how pictures are prepared.
fn fitting(known: &[FactLine]) -> Vec<&'static str> {
    let value = |fact: &str| {
        known
            .iter()
            .find(|l| l.fact == fact)
            .map(|l| l.value.clone())
    };
    if value("preprocess.resize").is_some() && value("preprocess.mean").is_some() {
        return Vec::new();
    }
    let read = |fact| value(fact).and_then(|value| serde_json::from_value(value).ok());
    let color = value("input.color").and_then(|value| serde_json::from_value(value).ok());
    let name = value("name");
    let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
    recipes::fitting(name, read("input.size"), color)
}

/// Their names, in a listing that has few of them or none.
fn recipe_row(recipes: &[&str]) -> Vec<Row> {
    const SHOWN: usize = 8;
    let names = recipes.iter().take(SHOWN).copied().collect::<Vec<_>>();
    let more = if recipes.len() > SHOWN { ", …" } else { "" };
    let row = || {
        let origin =
            "fit by name and size, not used: choose by --like, or measure by `ocelli match`";
        ("recipes".into(), names.join(", ") + more, origin.into())
    };
    (!names.is_empty()).then(row).into_iter().collect()
}

/// Name, value, origin.
type Row = (String, String, String);

fn rows(facts: &[FactLine]) -> Vec<Row> {
    let row = |line: &FactLine| (line.fact.into(), short(&line.value), line.origin.clone());
    facts.iter().map(row).collect()
}

fn table(rows: &[Row]) -> String {
    let width = |column: fn(&Row) -> &String| {
        rows.iter()
            .map(|r| column(r).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (names, values) = (width(|r| &r.0), width(|r| &r.1).min(64));
    let mut text = String::new();
    for (name, value, origin) in rows {
        let line = format!("{name:names$}  {value:values$}  {origin}");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A fact on one line: long lists by their beginning and their length.
fn short(value: &Value) -> String {
    const SHOWN: usize = 3;
    match value {
        Value::Array(items) if items.len() > 2 * SHOWN => {
            let first: Vec<String> = items.iter().take(SHOWN).map(short).collect();
            format!("{}, … ({})", first.join(", "), items.len())
        }
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        Value::Null => "none".into(),
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| format!("{k} {}", short(v)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}
