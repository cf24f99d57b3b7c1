//! `ocelli eval`: accuracy and per-class quality on folders per class.

mod confusion;
mod plot;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Finding, PipelineMaker, cores, open_model, print, print_json, stop_flag};
use crate::cli::EvalArgs;
use crate::error::{Error, Result};
use crate::pipeline::capture::{self, SourceOptions, pictures_below};
use crate::pipeline::workers;
use crate::pipeline::write::{Format, Record};
use confusion::{Confusion, Quality};

/// Classes that a picture's label has to be among, for the second accuracy.
const TOP: usize = 5;

/// The result.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    engine: String,
    provider: String,
    pictures: u64,
    failed: u64,
    unknown: u64,
    top5: f64,
    #[serde(flatten)]
    quality: Quality,
    confusion: Confusion,
    worst: Vec<Mistake>,
}

/// A picture that was labelled wrong.
#[derive(Clone, Debug, Serialize)]
struct Mistake {
    file: String,
    expected: String,
    label: String,
    /// The probability of the wrong label: the surer, the worse.
    score: f32,
}

/// Runs the command.
///
/// # Errors
/// The model cannot be used; the folders do not match its labels.
pub fn run(args: &EvalArgs) -> Result<Finding> {
    let stop = stop_flag()?;
    let model = open_model(&args.model)?;
    let labels = model.manifest.labels.clone();
    let classes = class_folders(&args.folder, &labels)?;
    let workers = args.workers.unwrap_or_else(cores);
    let mut maker = PipelineMaker::new(model.clone(), &args.engine.options(), 1, args.decode)?;
    maker.options.top_k = TOP;
    let identity = maker.engines.make(1)?.identity().clone();
    log::info!(
        "{} runs on {} ({})",
        model.manifest.id(),
        identity.engine,
        identity.provider
    );

    let (mut files, mut truth) = (Vec::new(), Vec::new());
    for (folder, class) in &classes {
        for file in pictures_below(folder)? {
            files.push(file.into_os_string());
            truth.push(*class);
        }
    }
    let options = SourceOptions {
        mode: Default::default(),
        raw: None,
        files_from: None,
        list: Default::default(),
        max_bytes: args.decode.max_bytes(),
    };
    let source = capture::open(&files, &options)?.source;
    let mut confusion = Confusion::new(labels.clone());
    let (mut in_top, mut unknown, mut worst) = (0, 0, Vec::new());
    let summary = workers::run(
        source,
        workers,
        None,
        &stop,
        move |_| maker.make(),
        |record: &Record| {
            let Some(&expected) = usize::try_from(record.number)
                .ok()
                .and_then(|n| truth.get(n))
            else {
                return Ok(());
            };
            if let Some(error) = &record.failure {
                log::error!("{error}");
                return Ok(());
            }
            let best = record.decision.best;
            confusion.count(expected, best.index);
            in_top += u64::from(record.top.iter().any(|c| c.index == expected));
            unknown += u64::from(record.decision.unknown);
            if best.index != expected {
                worst.push(Mistake {
                    file: record.source.clone(),
                    expected: labels[expected].clone(),
                    label: labels[best.index].clone(),
                    score: best.score,
                });
            }
            Ok(())
        },
    )?;
    if summary.stopped {
        return Ok(Finding::Interrupted);
    }
    worst.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.file.cmp(&b.file))
    });
    worst.truncate(args.worst);
    let report = Report {
        model: model.manifest.id(),
        engine: identity.engine.to_string(),
        provider: identity.provider.to_string(),
        pictures: summary.classified,
        failed: summary.failed,
        unknown,
        top5: in_top as f64 / (summary.classified.max(1)) as f64,
        quality: confusion.quality(),
        confusion,
        worst,
    };
    if let Some(file) = &args.confusion_png {
        plot::draw(&report.confusion, file)?;
    }
    show(&report, args.format)?;
    let enough = args
        .min_accuracy
        .is_none_or(|least| report.quality.accuracy >= least);
    Ok(if enough && report.failed == 0 {
        Finding::Good
    } else {
        Finding::Negative
    })
}

/// The folder of each class, matched by name.
fn class_folders(root: &Path, labels: &[String]) -> Result<BTreeMap<PathBuf, usize>> {
    let place = root.display().to_string();
    let entries = std::fs::read_dir(root)
        .map_err(|e| Error::usage(&place, "the folder cannot be read").caused_by(e))?
        .flatten()
        .filter(|entry| entry.path().is_dir());
    let mut classes = BTreeMap::new();
    let mut strangers = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        match labels.iter().position(|label| *label == name) {
            Some(class) => drop(classes.insert(entry.path(), class)),
            None => strangers.push(format!("`{name}`")),
        }
    }
    if !strangers.is_empty() {
        strangers.sort();
        let some: Vec<&str> = labels.iter().take(8).map(String::as_str).collect();
        return Err(Error::usage(
            &place,
            format!(
                "folders that are no label of the model: {}",
                strangers.join(", ")
            ),
        )
        .remedy(format!(
            "name the folders like the {} labels: {}…",
            labels.len(),
            some.join(", ")
        )));
    }
    if classes.is_empty() {
        return Err(Error::usage(
            place,
            "no folders in it, expected one per class",
        ));
    }
    Ok(classes)
}

fn show(report: &Report, format: Format) -> Result<()> {
    match format {
        Format::Json => print_json(report),
        Format::Csv => print(&report.confusion.to_csv()?),
        Format::Text => print(&text(report)),
    }
}

/// The report for people. Writing to a String cannot fail.
fn text(report: &Report) -> String {
    let quality = &report.quality;
    let mut text = format!(
        "{} on {} ({}): {} pictures, {} failed\naccuracy {:.4}   top-5 {:.4}   unknown {}\n\n",
        report.model,
        report.engine,
        report.provider,
        report.pictures,
        report.failed,
        quality.accuracy,
        report.top5,
        report.unknown
    );
    let seen = quality
        .per_class
        .iter()
        .filter(|c| c.support > 0 || c.predicted > 0);
    let width = seen
        .clone()
        .map(|c| c.label.chars().count())
        .max()
        .unwrap_or(0)
        .max(12);
    let _ = writeln!(
        text,
        "{:width$}  precision  recall      F1  pictures",
        "class"
    );
    for class in seen {
        let _ = writeln!(
            text,
            "{:width$}     {:.4}  {:.4}  {:.4}  {:8}",
            class.label, class.precision, class.recall, class.f1, class.support
        );
    }
    for (name, mean) in [
        ("macro mean", &quality.macro_mean),
        ("weighted mean", &quality.weighted_mean),
    ] {
        let _ = writeln!(
            text,
            "{name:width$}     {:.4}  {:.4}  {:.4}",
            mean.precision, mean.recall, mean.f1
        );
    }
    let _ = write!(text, "\n{}", report.confusion.to_text());
    if !report.worst.is_empty() {
        text.push_str("\nsurest mistakes\n");
    }
    for mistake in &report.worst {
        let _ = writeln!(
            text,
            "{}: {} {:.4}, expected {}",
            mistake.file, mistake.label, mistake.score, mistake.expected
        );
    }
    text
}
