//! One class per picture: accuracy, the confusion matrix and what follows from it.

use std::fmt::Write;
use std::path::Path;

use ocelli::Result;
use ocelli::pipeline::record::Record;
use ocelli::pipeline::write::Format;
use serde::Serialize;

use super::confusion::{Confusion, Quality};
use super::{Subject, plot, table};
use crate::commands::{print, print_json};

/// The result.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    subject: Subject,
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

/// What was counted so far.
pub(super) struct Count<'a> {
    labels: &'a [String],
    confusion: Confusion,
    in_top: u64,
    unknown: u64,
    mistakes: Vec<Mistake>,
}

impl<'a> Count<'a> {
    pub(super) fn new(labels: &'a [String]) -> Self {
        Self {
            labels,
            confusion: Confusion::new(labels.to_vec()),
            in_top: 0,
            unknown: 0,
            mistakes: Vec::new(),
        }
    }

    /// Counts a picture of the class `expected`.
    pub(super) fn enter(&mut self, record: &Record, expected: usize) {
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

    /// What it comes to, with the `worst` surest mistakes.
    pub(super) fn report(mut self, subject: Subject, worst: usize) -> Report {
        self.mistakes.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.file.cmp(&b.file))
        });
        self.mistakes.truncate(worst);
        Report {
            unknown: self.unknown,
            top5: self.in_top as f64 / (subject.pictures.max(1)) as f64,
            quality: self.confusion.quality(),
            confusion: self.confusion,
            worst: self.mistakes,
            subject,
        }
    }
}

impl Report {
    /// Share of the pictures whose best label is right.
    pub(super) fn accuracy(&self) -> f64 {
        self.quality.accuracy
    }

    /// Prints it, and draws its matrix where that is asked for.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn show(&self, format: Format, png: Option<&Path>) -> Result<()> {
        if let Some(file) = png {
            plot::draw(&self.confusion, file)?;
        }
        match format {
            Format::Json => print_json(self),
            Format::Csv => print(&table::write(&self.confusion.rows())?),
            Format::Text => print(&text(self)),
        }
    }
}

/// The report for people. Writing to a String cannot fail.
fn text(report: &Report) -> String {
    let quality = &report.quality;
    let mut text = format!(
        "{}\naccuracy {:.4}   top-5 {:.4}   unknown {}\n\n",
        report.subject, quality.accuracy, report.top5, report.unknown
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
