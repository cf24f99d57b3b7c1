//! `ocelli teach`: a new head on any classifier's network, from folders of pictures.

mod text;

use std::path::Path;
use std::time::Instant;

use ocelli::{Error, Result, teach};
use text::text;

use super::{Finding, cores, print, print_json};
use crate::cli::TeachArgs;
use crate::fetching::find_model;
use crate::step_bar::StepBar;

pub(crate) fn run(args: &TeachArgs) -> Result<Finding> {
    let started = Instant::now();
    check_out(&args.output_file, args.force)?;
    let path = find_model(&args.model.model)?;
    let bar = StepBar::new("");
    let taught = teach::teach(
        &path,
        args.model.facts.overrides(),
        &args.data,
        &args.output_file,
        &args.options(cores()),
        &mut |progress| bar.show(progress.step, progress.done, progress.of),
    );
    bar.clear();
    let report = taught?;
    if args.json {
        print_json(&report)?;
    } else {
        print(&text(&report, started.elapsed()))?;
    }
    let flags = args.decode.framing_flags();
    if !flags.is_empty() {
        let flags: Vec<String> = flags.iter().map(|(flag, value)| format!("--{flag} {value}")).collect();
        log::warn!("{}: run it with {}, too", report.file.display(), flags.join(" "));
    }
    let failed = report.failed + report.test.map_or(0, |test| test.failed);
    Ok(if failed == 0 { Finding::Good } else { Finding::Negative })
}

/// Refuses to write over a file, and into a folder that is not there, before any work is done.
fn check_out(out: &Path, force: bool) -> Result<()> {
    let place = out.display().to_string();
    if out.is_dir() {
        return Err(Error::usage(place, "is a folder, expected the name of a file to write"));
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
