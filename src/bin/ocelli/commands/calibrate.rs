//! `ocelli calibrate`: honest scores, and limits beyond which the answer is "unknown", from
//! labelled pictures.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use ocelli::calibration::{self, Auroc, Calibration, CalibrationOptions, Progress};
use ocelli::engine::EngineMaker;
use ocelli::proof::{self, Verdict};
use ocelli::{EngineOptions, Model, Result};

use super::{Finding, cores, pack, print, print_json, stop_flag};
use crate::cli::CalibrateArgs;
use crate::fetching::find_model;
use crate::step_bar::StepBar;

pub(crate) fn run(args: &CalibrateArgs) -> Result<Finding> {
    let path = find_model(&args.model.model)?;
    let mut model = Model::open(&path, args.model.facts.overrides())?;
    if args.model.facts.any() && model.manifest.proof.take().is_some() {
        log::warn!("the proof is made anew: it belongs to the facts that were changed");
    }
    let options = CalibrationOptions {
        engine: args.engine.options(),
        workers: args.workers.unwrap_or_else(cores),
        max_pixels: args.decode.max_pixels,
        max_bytes: args.decode.max_bytes(),
        framing: args.decode.framing(),
        coverage: args.coverage,
        unknown: args.unknown.clone(),
    };
    let bar = StepBar::new("pictures");
    let mut tell = |progress: Progress| bar.show("classifying", progress.done, progress.of);
    let stop = stop_flag()?;
    let found = calibration::calibrate(&model, &args.folder, &options, &stop, &mut tell);
    bar.clear();
    let Some(found) = found? else {
        return Ok(Finding::Interrupted);
    };
    match args.json {
        true => print_json(&found)?,
        false => print(&text(&found))?,
    }
    let proved = match &args.output_file {
        Some(out) => write(model, found, out, &options.engine)?,
        None => true,
    };
    Ok(match proved {
        true => Finding::Good,
        false => Finding::Negative,
    })
}

/// Writes the model with what was found, and replays its proof on every engine.
fn write(mut model: Model, found: Calibration, out: &Path, engine: &EngineOptions) -> Result<bool> {
    model.manifest = found.manifest;
    let has_proof = model.manifest.proof.is_some();
    pack::write(model, false, out)?;
    if !has_proof {
        log::warn!("{}: it carries no proof", out.display());
        return Ok(true);
    }
    let model = Arc::new(Model::open(out, ocelli::model::Overrides::default())?);
    let verdicts = EngineMaker::all(&model, engine)?
        .iter()
        .map(proof::verify)
        .collect::<Result<Vec<Verdict>>>()?;
    for verdict in &verdicts {
        let (engine, cases) = (&verdict.identity.engine, verdict.cases.len());
        match verdict.passed {
            true => log::info!("its proof of {cases} pictures passed on {engine}"),
            false => log::error!("its proof fails on {engine}: see `ocelli verify`"),
        }
    }
    Ok(verdicts.iter().all(|verdict| verdict.passed))
}

/// The report for people. Writing to a String cannot fail.
fn text(found: &Calibration) -> String {
    let Calibration {
        model,
        identity,
        pictures,
        classes,
        failed,
        ..
    } = found;
    let mut text = format!(
        "{model} on {} ({}): {pictures} pictures of {classes} classes, {failed} failed, accuracy {:.4}\n",
        identity.engine, identity.provider, found.accuracy
    );
    let _ = writeln!(
        text,
        "temperature {} => {}: expected calibration error {:.4} => {:.4}",
        found.temperature_before, found.temperature, found.ece_before, found.ece
    );
    let beyond = match found.distance {
        Some(distance) => format!(" or beyond a distance of {distance}"),
        None => String::new(),
    };
    let share = found.false_unknown;
    let _ = writeln!(
        text,
        "unknown below a score of {}{beyond}: {} of {} known pictures, {:.1} % (95 % interval: {:.1} to {:.1} %)",
        found.threshold,
        share.count,
        share.of,
        100.0 * share.share,
        100.0 * share.low,
        100.0 * share.high
    );
    if let (
        Some(share),
        Some(Auroc {
            score,
            distance,
            both,
            ..
        }),
    ) = (found.found, found.auroc)
    {
        let by_distance = match distance {
            Some(distance) => format!(", by distance {distance:.4}, by both {both:.4}"),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "unknown pictures: {} of {} found, {:.1} %; AUROC by score {score:.4}{by_distance}",
            share.count,
            share.of,
            100.0 * share.share
        );
    }
    text
}
