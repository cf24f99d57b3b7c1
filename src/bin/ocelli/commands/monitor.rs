//! `ocelli monitor`: what the monitors of live sources know, by the reports that lie beside what
//! they have learned; and taking notice of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ocelli::monitor::drift::REFERENCE_DAYS;
use ocelli::monitor::{Place, Report, default_folder};
use ocelli::{Error, Result};

use super::{Finding, print, print_json};
use crate::cli::{AcknowledgeArgs, MonitorArgs, MonitorCommand};

pub(crate) fn run(args: &MonitorArgs) -> Result<Finding> {
    if let Some(MonitorCommand::Acknowledge(args)) = &args.command {
        return acknowledge(args);
    }
    let folder = folder(args.folder.as_deref())?;
    let mut reports = Vec::new();
    for place in Place::all_in(&folder)? {
        reports.push(place.report()?);
    }
    if args.json {
        print_json(&reports)?;
    } else if reports.is_empty() {
        print(&format!("nothing is kept in {}\n", folder.display()))?;
    } else {
        let texts: Vec<String> = reports.iter().map(text).collect();
        print(&texts.join("\n"))?;
    }
    let is_quiet = reports
        .iter()
        .all(|report| report.noticed().next().is_none());
    Ok(match is_quiet {
        true => Finding::Good,
        false => Finding::Negative,
    })
}

fn acknowledge(args: &AcknowledgeArgs) -> Result<Finding> {
    let AcknowledgeArgs { source, what, .. } = args;
    let places = Place::all_in(&folder(args.folder.as_deref())?)?;
    let mut known = Vec::new();
    for place in &places {
        let report = place.report()?;
        if report.source == *source || place.name() == source {
            return ask(place, &report, what);
        }
        known.push(report.source);
    }
    Err(
        Error::usage(source, "nothing is known of a source that is called so").with_expected(
            match known.is_empty() {
                true => "none: nothing is kept there".to_owned(),
                false => known.join(", "),
            },
        ),
    )
}

fn ask(place: &Place, report: &Report, what: &str) -> Result<Finding> {
    let noticed: Vec<&str> = report.noticed().collect();
    if !noticed.contains(&what) {
        return Err(Error::usage(
            what,
            format!(
                "{} has nothing of that name to take notice of",
                report.source
            ),
        )
        .with_expected(match noticed.is_empty() {
            true => "nothing at present".to_owned(),
            false => noticed.join(", "),
        }));
    }
    place.ask(what)?;
    log::info!("taken for usual within seconds, or when the source is followed again");
    Ok(Finding::Good)
}

fn folder(named: Option<&Path>) -> Result<PathBuf> {
    named
        .map(Path::to_owned)
        .or_else(default_folder)
        .ok_or_else(|| {
            Error::usage("monitor", "there is no home folder")
                .with_remedy("name the folder that --monitor-state named")
        })
}

/// A report for people.
fn text(report: &Report) -> String {
    let mut lines = format!("{}: {}, as of {}\n", report.source, report.model, report.ts);
    let mut line = |name: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "  {name:<10} {text}");
    };
    let health: Vec<&str> = report.health.iter().map(|cause| cause.name()).collect();
    match health.is_empty() {
        true => line("health", "good"),
        false => line("health", &health.join(", ")),
    }
    for alarm in &report.drift {
        let text = format!(
            "{} {:+.3} since {}, noticed {}",
            alarm.statistic, alarm.change, alarm.since, alarm.noticed
        );
        line("drift", &text);
    }
    let accuracy = &report.accuracy;
    match (accuracy.estimate, accuracy.low, accuracy.high) {
        (Some(share), Some(low), Some(high)) => {
            let frames = accuracy.frames.unwrap_or(0);
            line(
                "accuracy",
                &format!("{share:.3} ({low:.3} to {high:.3}) by {frames} frames"),
            );
        }
        _ => {
            let why = accuracy.withheld.as_deref().unwrap_or("not known");
            line("accuracy", &format!("cannot be estimated: {why}"));
        }
    }
    for known in &report.statistics {
        let name = &known.statistic;
        match (known.level, known.learned_days) {
            (Some(level), _) => line(
                "watching",
                &format!("{name}, {:.0} % to an alarm", 100.0 * level),
            ),
            (None, Some(days)) => line(
                "learning",
                &format!("{name}, {days} of {REFERENCE_DAYS} days"),
            ),
            _ => {}
        }
    }
    for found in &report.findings {
        let text = format!(
            "{} {:.3} here, {:.3} in training ({:+.1} deviations)",
            found.statistic, found.here, found.training, found.deviations
        );
        line("finding", &text);
    }
    lines
}
