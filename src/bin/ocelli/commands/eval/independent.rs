//! Independent labels: what each of them comes to, and all together.

use std::fmt::Write;

use ocelli::Result;
use ocelli::pipeline::record::Record;
use ocelli::pipeline::write::Format;
use serde::Serialize;

use super::multilabel::{Answers, LabelQuality, MultilabelQuality};
use super::{Subject, table};
use crate::commands::{print, print_json};

/// The result.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    subject: Subject,
    #[serde(flatten)]
    quality: MultilabelQuality,
}

/// Enters a picture that has the labels `expected`. The record lists every label.
pub(super) fn enter(answers: &mut Answers, record: &Record, expected: &[usize]) {
    let mut scores = vec![0.0; record.top.len()];
    for label in &record.top {
        scores[label.index] = label.score;
    }
    let given = |index| record.present.now.iter().any(|label| label.index == index);
    let answer = |(index, score)| (score, given(index), expected.contains(&index));
    answers.enter(scores.into_iter().enumerate().map(answer));
}

impl Report {
    pub(super) fn new(subject: Subject, answers: &Answers) -> Self {
        Self {
            subject,
            quality: answers.quality(),
        }
    }

    /// Share of the pictures with exactly the right labels.
    pub(super) fn accuracy(&self) -> f64 {
        self.quality.subset_accuracy
    }

    /// Prints it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn show(&self, format: Format) -> Result<()> {
        match format {
            Format::Json => print_json(self),
            Format::Csv => print(&table::write(&self.rows())?),
            Format::Text => print(&self.text()),
        }
    }

    /// The measures of each label, as rows of a table.
    fn rows(&self) -> Vec<Vec<String>> {
        let head = "label precision recall f1 average_precision support predicted";
        let row = |label: &LabelQuality| {
            let measures = label.measures;
            vec![
                label.label.clone(),
                measures.precision.to_string(),
                measures.recall.to_string(),
                measures.f1.to_string(),
                label.average_precision.to_string(),
                label.support.to_string(),
                label.predicted.to_string(),
            ]
        };
        let head = head.split(' ').map(str::to_owned).collect();
        let rows = self.quality.per_label.iter().map(row);
        std::iter::once(head).chain(rows).collect()
    }

    /// The report for people. Writing to a String cannot fail.
    fn text(&self) -> String {
        let quality = &self.quality;
        let mut text = format!(
            "{}\nall labels right {:.4}   mean average precision {:.4}\n\n",
            self.subject, quality.subset_accuracy, quality.mean_average_precision
        );
        let names = quality.per_label.iter().map(|l| l.label.chars().count());
        let width = names.max().unwrap_or(0).max(12);
        let _ = writeln!(
            text,
            "{:width$}  precision  recall      F1  average precision  pictures",
            "label"
        );
        for label in &quality.per_label {
            let measures = label.measures;
            let _ = writeln!(
                text,
                "{:width$}     {:.4}  {:.4}  {:.4}             {:.4}  {:8}",
                label.label,
                measures.precision,
                measures.recall,
                measures.f1,
                label.average_precision,
                label.support
            );
        }
        for (name, mean) in [
            ("micro mean", quality.micro_mean),
            ("macro mean", quality.macro_mean),
        ] {
            let _ = writeln!(
                text,
                "{name:width$}     {:.4}  {:.4}  {:.4}",
                mean.precision, mean.recall, mean.f1
            );
        }
        text
    }
}
