//! `ocelli teach`: a new head on any classifier's network, from folders of pictures.

mod text;

use std::path::Path;
use std::time::Instant;

use ocelli::teach::{self, AddReport, Progress, Report};
use ocelli::{Error, Result};
use text::{added, text};

use super::{Finding, cores, print, print_json};
use crate::cli::TeachArgs;
use crate::fetching::find_model;
use crate::step_bar::StepBar;

pub(crate) fn run(args: &TeachArgs) -> Result<Finding> {
    let started = Instant::now();
    check_out(&args.output_file, args.force)?;
    let path = find_model(&args.model.model)?;
    let bar = StepBar::new("");
    let mut tell = |progress: Progress| bar.show(progress.step, progress.done, progress.of);
    let (options, out) = (args.options(cores()), &args.output_file);
    let overrides = args.model.facts.overrides();
    let told = match (&args.add, &args.data) {
        (Some((label, folder)), _) => {
            let class = (label.as_str(), folder.as_path());
            teach::add(&path, overrides, class, out, &options, &mut tell).map(Told::Added)
        }
        (None, Some(data)) => teach::teach(&path, overrides, data, out, &options, &mut tell)
            .map(|report| Told::Taught(Box::new(report))),
        (None, None) => Err(Error::usage("teach", "no pictures are named")),
    };
    bar.clear();
    let told = told?;
    match &told {
        Told::Taught(report) if args.json => print_json(report)?,
        Told::Added(report) if args.json => print_json(report)?,
        Told::Taught(report) => print(&text(report, started.elapsed()))?,
        Told::Added(report) => print(&added(report, started.elapsed()))?,
    }
    let flags = args.decode.framing_flags();
    if !flags.is_empty() {
        let flags = flags
            .iter()
            .map(|(flag, value)| format!("--{flag} {value}"));
        let flags = flags.collect::<Vec<_>>().join(" ");
        log::warn!("{}: run it with {flags}, too", out.display());
    }
    Ok(if told.failed() == 0 {
        Finding::Good
    } else {
        Finding::Negative
    })
}

/// What came of it.
enum Told {
    Taught(Box<Report>),
    Added(AddReport),
}

impl Told {
    /// Pictures that could not be used.
    fn failed(&self) -> usize {
        match self {
            Self::Taught(report) => {
                report.failed + report.test.as_ref().map_or(0, |test| test.failed)
            }
            Self::Added(report) => report.failed,
        }
    }
}

/// Refuses to write over a file, and into a folder that is not there, before any work is done.
fn check_out(out: &Path, force: bool) -> Result<()> {
    let place = out.display().to_string();
    if out.is_dir() {
        return Err(Error::usage(
            place,
            "is a folder, expected the name of a file to write",
        ));
    }
    if out.exists() && !force {
        return Err(Error::usage(place, "is there already")
            .with_remedy("name another file, or allow to write over it")
            .with_settings(&["force"]));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => {
            let what = format!("its folder {} is not there", folder.display());
            Err(Error::usage(place, what).with_remedy("make it"))
        }
        None => Ok(()),
    }
}
