//! `ocelli match`: which preprocessing was this trained with? Measured on a few labelled
//! photographs.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ocelli::matching::{self, Match, MatchOptions, Row};
use ocelli::model::manifest::Resize;
use ocelli::model::{Facts, Overrides, label_set, label_set_names};
use ocelli::{Model, Result};

use super::{Finding, cores, pack, print, print_json};
use crate::cli::MatchArgs;

/// Rows that a person is shown of those that cannot be told apart.
const EQUALS: usize = 10;
/// Recipes that are named.
const RECIPES: usize = 4;

pub(crate) fn run(args: &MatchArgs) -> Result<Finding> {
    let started = Instant::now();
    let overrides = args.model.facts.overrides();
    let options = MatchOptions {
        engine: args.engine.options(),
        threads: args.threads.unwrap_or_else(|| cores().min(4)),
        max_pixels: args.decode.max_pixels,
        max_bytes: args.decode.max_bytes(),
        framing: args.decode.framing(),
        per_class: args.per_class,
    };
    let bar = bar();
    let mut tell = |progress: matching::Progress| {
        bar.set_message(progress.step);
        bar.set_length(progress.of as u64);
        bar.set_position(progress.done as u64);
    };
    let path = &args.model.model;
    let found = matching::measure(path, &overrides, &args.folder, &options, &mut tell);
    bar.finish_and_clear();
    let found = found?;
    if args.json {
        print_json(&found)?;
    } else {
        print(&text(&found, started.elapsed()))?;
    }
    if let Some(out) = &args.output_file {
        let measured = Overrides {
            facts: or_given(found.facts, &overrides.facts),
            ..Overrides::default()
        };
        pack::write(Model::open(path, measured)?, true, out)?;
    }
    Ok(Finding::Good)
}

/// What was measured, and what the user gives of the rest.
fn or_given(measured: Facts, given: &Facts) -> Facts {
    Facts {
        tensor: given.tensor.clone(),
        quantization: given.quantization.clone(),
        output: given.output.clone(),
        kind: given.kind.clone(),
        temperature: given.temperature.clone(),
        output_quantization: given.output_quantization.clone(),
        ..measured
    }
}

/// A bar on standard error, where that is a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is a constant.
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} runs") {
        bar.set_style(style);
    }
    bar
}

/// The report for people. Writing to a String cannot fail.
fn text(found: &Match, took: Duration) -> String {
    let mut text = format!(
        "{} on {} ({}): {} photographs of {} classes, {} ways tried in {} runs, {:.1} s\n\n",
        found.model,
        found.identity.engine,
        found.identity.provider,
        found.pictures,
        found.classes,
        found.tried,
        found.runs,
        took.as_secs_f64()
    );
    let equals = found.rows.iter().filter(|row| row.equal).count();
    let shown = found.rows.iter().take(equals.min(EQUALS));
    let others = found.rows.iter().skip(equals);
    let header = [
        "log-loss",
        "above the lowest",
        "right",
        "colour",
        "values",
        "resize",
        "filter",
    ];
    let mut table = vec![header.map(String::from)];
    table.extend(shown.chain(others).map(|row| cells(row, found.pictures)));
    text.push_str(&aligned(&table));
    if equals > EQUALS {
        let _ = writeln!(
            text,
            "… and {} more that cannot be told from the best",
            equals - EQUALS
        );
    }
    text.push('\n');
    let _ = match equals {
        1 => writeln!(
            text,
            "told apart from all others by these photographs (95 %)"
        ),
        many => writeln!(
            text,
            "{many} ways cannot be told apart by these photographs (95 %); the most usual of the best stands first"
        ),
    };
    for agreement in &found.agreement {
        let _ = match agreement.values.as_slice() {
            [one] => writeln!(text, "  {}: {one}", agreement.fact),
            [first, rest @ ..] => {
                writeln!(
                    text,
                    "  {}: {first}, or {}",
                    agreement.fact,
                    rest.join("; ")
                )
            }
            [] => Ok(()),
        };
    }
    if !found.recipes.is_empty() {
        let names: Vec<&str> = found
            .recipes
            .iter()
            .take(RECIPES)
            .map(String::as_str)
            .collect();
        let more = if found.recipes.len() > RECIPES {
            ", …"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "the winner is the recipe of {}{more}",
            names.join(", ")
        );
    }
    let _ = writeln!(text, "\n{}", flags(&found.facts));
    text
}

fn cells(row: &Row, pictures: usize) -> [String; 7] {
    let difference = &row.difference;
    [
        format!("{:.4}", row.log_loss),
        format!("{:+.4} ± {:.4}", difference.mean, difference.error),
        format!("{}/{pictures}", row.right),
        upper(&row.color),
        row.values.clone(),
        row.resize(),
        row.filter(),
    ]
}

/// Columns as wide as their widest cell.
fn aligned(table: &[[String; 7]]) -> String {
    let width = |column: usize| {
        let widths = table.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for row in table {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    text
}

fn upper(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").to_uppercase()
}

/// The facts as flags, to be copied.
fn flags(facts: &Facts) -> String {
    let mut flags: Vec<String> = Vec::new();
    let mut add = |flag: &str, value: Option<String>| {
        // A value that begins with a hyphen would be taken for a flag.
        flags.extend(value.map(|value| match value.starts_with('-') {
            true => format!("--{flag}={value}"),
            false => format!("--{flag} {value}"),
        }));
    };
    let list = |values: &Vec<f64>| {
        let values: Vec<String> = values.iter().map(|v| number(*v)).collect();
        values.join(",")
    };
    let labels = facts.labels.as_ref().map(|f| &f.value);
    let is_labels = |set: &&str| label_set(set).as_ref() == labels;
    add(
        "labels",
        label_set_names().find(is_labels).map(String::from),
    );
    add("color", facts.color.as_ref().map(|f| upper(&f.value)));
    add("layout", facts.layout.as_ref().map(|f| upper(&f.value)));
    add("rescale", facts.rescale.as_ref().map(|f| number(f.value)));
    add("mean", facts.mean.as_ref().map(|f| list(&f.value)));
    add("std", facts.std.as_ref().map(|f| list(&f.value)));
    let crop = facts.crop.as_ref().and_then(|f| f.value);
    add(
        "resize",
        facts.resize.as_ref().map(|f| match f.value {
            Resize::Shortest { size } => format!("shortest:{size}"),
            Resize::Exact { width, height } => format!("exact:{width}x{height}"),
            Resize::Letterbox {
                fill: [r, g, b], ..
            } => format!("letterbox:{r},{g},{b}"),
        }),
    );
    add("crop", crop.map(|c| format!("{}x{}", c.width, c.height)));
    add(
        "filter",
        facts
            .filter
            .as_ref()
            .map(|f| format!("{:?}", f.value).to_lowercase()),
    );
    let mut flags = flags.join(" ");
    if facts.antialias.as_ref().is_some_and(|f| !f.value) {
        flags.push_str(" --no-antialias");
    }
    flags
}

/// A number as people write it: 1/255 rather than 0.00392156862745098.
fn number(value: f64) -> String {
    match 1.0 / value {
        whole
            if (whole.round() - whole).abs() < 1e-9
                && whole.abs() > 1.5
                && value.to_string().len() > 6 =>
        {
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}1/{}", whole.abs().round())
        }
        _ => value.to_string(),
    }
}
