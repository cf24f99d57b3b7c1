//! `ocelli eval`: accuracy and per-class quality on folders per class.

mod confusion;
mod plot;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ocelli::engine::Identity;
use ocelli::pipeline::capture::{self, SourceOptions, SourceSpec, pictures_below};
use ocelli::pipeline::record::Record;
use ocelli::pipeline::workers::{self, Summary};
use ocelli::pipeline::write::Format;
use ocelli::{Error, PipelineMaker, PipelineOptions, Result};
use serde::Serialize;

use super::{Finding, cores, open_model, print, print_json, stop_flag};
use crate::cli::EvalArgs;
use crate::flags::Line;
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

pub(crate) fn run(args: &EvalArgs) -> Result<Finding> {
    let model = open_model(&args.model)?;
    let stop = stop_flag()?;
    let labels = &model.manifest.labels;
    let pictures = Pictures::below(&args.folder, labels)?;
    let options = PipelineOptions {
        top_k: TOP,
        ..args.decode.options()
    };
    let maker = PipelineMaker::new(model.clone(), &args.engine.options(), 1, options)?;
    let identity = maker.engines.make(1)?.identity().clone();
    log::info!(
        "{} runs on {} ({})",
        model.manifest.id(),
        identity.engine,
        identity.provider
    );
    let options = SourceOptions {
        max_bytes: args.decode.max_bytes(),
        ..SourceOptions::default()
    };
    let source = capture::open(&pictures.files, &options)?.source;
    let workers = args.workers.unwrap_or_else(cores);
    let mut count = Count::new(labels);
    let make = move |_| maker.make();
    let summary = workers::run(source, workers, None, &stop, make, |record| {
        count.enter(record, &pictures.classes);
        Ok(())
    })?;
    if summary.stopped {
        return Ok(Finding::Interrupted);
    }
    let report = count.report(model.manifest.id(), &identity, summary, args.worst);
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

/// Labelled pictures: each file, and its class.
struct Pictures {
    files: Vec<SourceSpec>,
    classes: Vec<usize>,
}

impl Pictures {
    fn below(folder: &Path, labels: &[String]) -> Result<Self> {
        let (mut files, mut classes) = (Vec::new(), Vec::new());
        for (folder, class) in class_folders(folder, labels)? {
            for file in pictures_below(&folder)? {
                files.push(SourceSpec::Path(file));
                classes.push(class);
            }
        }
        Ok(Self { files, classes })
    }
}

/// What was counted so far.
struct Count<'a> {
    labels: &'a [String],
    confusion: Confusion,
    in_top: u64,
    unknown: u64,
    mistakes: Vec<Mistake>,
}

impl<'a> Count<'a> {
    fn new(labels: &'a [String]) -> Self {
        Self {
            labels,
            confusion: Confusion::new(labels.to_vec()),
            in_top: 0,
            unknown: 0,
            mistakes: Vec::new(),
        }
    }

    fn enter(&mut self, record: &Record, classes: &[usize]) {
        let number = usize::try_from(record.number).ok();
        let Some(&expected) = number.and_then(|number| classes.get(number)) else {
            return;
        };
        if let Some(error) = &record.failure {
            return log::error!("{}", Line(error));
        }
        let best = record.decision.best;
        self.confusion.count(expected, best.index);
        self.in_top += u64::from(record.top.iter().any(|c| c.index == expected));
        self.unknown += u64::from(record.decision.unknown);
        if best.index != expected {
            self.mistakes.push(Mistake {
                file: record.source.clone(),
                expected: self.labels[expected].clone(),
                label: self.labels[best.index].clone(),
                score: best.score,
            });
        }
    }

    fn report(
        mut self,
        model: String,
        identity: &Identity,
        summary: Summary,
        worst: usize,
    ) -> Report {
        self.mistakes.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.file.cmp(&b.file))
        });
        self.mistakes.truncate(worst);
        Report {
            model,
            engine: identity.engine.to_string(),
            provider: identity.provider.to_string(),
            pictures: summary.classified,
            failed: summary.failed,
            unknown: self.unknown,
            top5: self.in_top as f64 / (summary.classified.max(1)) as f64,
            quality: self.confusion.quality(),
            confusion: self.confusion,
            worst: self.mistakes,
        }
    }
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
                "folders that are not labels of the model: {}",
                strangers.join(", ")
            ),
        )
        .with_remedy(format!(
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
