//! What came of a teaching, for people.

use std::fmt::Write;
use std::time::Duration;

use ocelli::teach::{Accuracy, AddReport, Curve, Report, TestReport};

/// Classes that are listed one by one, and test pictures answered wrongly.
const MOST: usize = 20;

/// The report. Writing to a String cannot fail.
pub(super) fn text(report: &Report, took: Duration) -> String {
    let Report {
        model,
        from,
        pictures,
        classes,
        features,
        ..
    } = report;
    let (engine, provider) = (&report.identity.engine, &report.identity.provider);
    let mut text = format!(
        "{model}: a head of {} classes on the {features} features of {from}, {engine} ({provider}), \
         {pictures} pictures, {:.1} s\n\n",
        classes.len(),
        took.as_secs_f64()
    );
    let _ = writeln!(text, "accuracy  {}", accuracy(&report.accuracy));
    let _ = writeln!(
        text,
        "          measured in {} parts, each by a head that learned from the others; \
         views: {}; features scaled {}; strength {}",
        report.folds, report.views, report.scaling, report.strength
    );
    text.push_str(&of_classes(report));
    text.push_str(&curve(&report.curve));
    for pair in &report.confusions {
        let times = if pair.pictures == 1 {
            "once".into()
        } else {
            format!("{} times", pair.pictures)
        };
        let _ = writeln!(
            text,
            "{} is taken for {} {times}",
            pair.label, pair.taken_for
        );
    }
    if !report.suspects.is_empty() {
        text.push_str("\nlabels that may be wrong:\n");
    }
    for suspect in &report.suspects {
        let _ = writeln!(
            text,
            "  {}: {} ({:.3}), more likely {} ({:.3})",
            suspect.file.display(),
            suspect.label,
            suspect.probability,
            suspect.likelier,
            suspect.its_probability
        );
    }
    if let Some(test) = &report.test {
        text.push_str(&tested(test));
    }
    text.push_str(&written(report));
    text
}

/// The report of a class that was added.
pub(super) fn added(report: &AddReport, took: Duration) -> String {
    let AddReport {
        model,
        from,
        label,
        pictures,
        different,
        ..
    } = report;
    format!(
        "{model}: {from} with the class {label}, {} ({}), {pictures} pictures, {different} of them different, {:.1} s\n\n\
         {:.3} of its pictures are found by a row that has not seen them\n\
         {:.3} of what the old classes look like stays theirs\n\n\
         {} written, with a proof of {} pictures, tolerance {}\n",
        report.identity.engine,
        report.identity.provider,
        took.as_secs_f64(),
        report.found,
        report.kept,
        report.file.display(),
        report.cases,
        report.tolerance
    )
}

fn accuracy(accuracy: &Accuracy) -> String {
    let Accuracy {
        right,
        pictures,
        share,
        low,
        high,
    } = accuracy;
    format!("{share:.3} ({right} of {pictures}; 95 % between {low:.3} and {high:.3})")
}

fn of_classes(report: &Report) -> String {
    let mut text = String::new();
    let widths = report
        .classes
        .iter()
        .map(|class| class.label.chars().count());
    let width = widths.max().unwrap_or_default().max(5);
    let _ = writeln!(text, "\n{:width$}  pictures  different  found", "class");
    for class in report.classes.iter().take(MOST) {
        let _ = writeln!(
            text,
            "{:width$}  {:8}  {:9}  {:.3}",
            class.label, class.pictures, class.different, class.recall
        );
    }
    if let Some(more) = report
        .classes
        .len()
        .checked_sub(MOST)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(text, "… and {more} more");
    }
    text.push('\n');
    text
}

fn curve(curve: &Curve) -> String {
    let points: Vec<String> = curve
        .points
        .iter()
        .map(|point| format!("{:.3} with {:.0}", point.accuracy, point.per_class))
        .collect();
    let points = points.join(", ");
    let verdict = match &curve.helps {
        Some(help) => format!(
            "more pictures of {} would help most: of these {:.3} were found with half of the pictures, {:.3} with all",
            help.label, help.recall_of_half, help.recall
        ),
        None => "more pictures like these would hardly help".into(),
    };
    format!("accuracy by pictures of each class: {points}\n{verdict}\n")
}

fn tested(test: &TestReport) -> String {
    let mut text = format!("\ntest      {}\n", accuracy(&test.accuracy));
    for wrong in test.wrong.iter().take(MOST) {
        let _ = writeln!(
            text,
            "  {}: {} is taken for {} ({:.3})",
            wrong.file.display(),
            wrong.label,
            wrong.taken_for,
            wrong.probability
        );
    }
    if let Some(more) = test.wrong.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _ = writeln!(text, "  … and {more} more");
    }
    if test.near > 0 {
        let are = if test.near == 1 { "is" } else { "are" };
        let _ = writeln!(
            text,
            "  {} of them {are} nearly the same as pictures learned from, which flatters",
            test.near
        );
    }
    text
}

fn written(report: &Report) -> String {
    let mut text = String::from("\n");
    match &report.rejection {
        Some(rejection) => {
            let _ = writeln!(
                text,
                "\"unknown\" below {:.3}: {:.1} % of the pictures are kept, {:.1} % of these rightly answered",
                rejection.threshold,
                rejection.coverage * 100.0,
                rejection.accuracy * 100.0
            );
        }
        None => text.push_str("no threshold for \"unknown\": 20 pictures would set one\n"),
    }
    let from = if report.proof.kept_out {
        "that the head has not learned from"
    } else {
        "learned from (there are too few to keep some out)"
    };
    let _ = writeln!(
        text,
        "{} written, with a proof of {} pictures {from}, tolerance {}",
        report.file.display(),
        report.proof.cases,
        report.proof.tolerance
    );
    text
}
