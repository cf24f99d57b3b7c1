//! `ocelli match`: which preprocessing was this trained with? Measured on a few labelled
//! photographs.

mod flags;
mod text;
mod winner;

use std::time::Instant;

use ocelli::matching::{self, MatchOptions};
use ocelli::model::{Facts, Overrides};
use ocelli::{Model, Result};
use text::text;
use winner::as_flags;

use super::{Finding, cores, pack, print, print_json};
use crate::cli::MatchArgs;
use crate::fetching::find_model;
use crate::step_bar::StepBar;

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
    let bar = StepBar::new("runs");
    let mut tell =
        |progress: matching::Progress| bar.show(progress.step, progress.done, progress.of);
    let path = &find_model(&args.model.model)?;
    let found = matching::measure(path, &overrides, &args.folder, &options, &mut tell);
    bar.clear();
    let found = found?;
    let facts = or_given(found.facts.clone(), &overrides.facts);
    if args.json {
        print_json(&found)?;
    } else {
        let text = text(&found, started.elapsed());
        let flags = as_flags(&found, path, &facts, args);
        print(&format!("{text}\n{flags}"))?;
    }
    if let Some(out) = &args.output_file {
        let measured = Overrides {
            facts,
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
