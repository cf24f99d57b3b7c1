//! `ocelli verify`: replay the proof that the trainer put into the model, on every engine.

use std::fmt::Write;

use ocelli::engine::{EngineMaker, Identity};
use ocelli::proof::{self, Verdict};
use ocelli::{Model, Result};

use super::{Finding, open_model, print, print_json};
use crate::cli::VerifyArgs;

pub(crate) fn run(args: &VerifyArgs) -> Result<Finding> {
    let model = open_model(&args.model)?;
    let verdicts = EngineMaker::all(&model, &args.engine.options())?
        .iter()
        .map(proof::verify)
        .collect::<Result<Vec<_>>>()?;
    let passed = verdicts.iter().all(|v| v.passed);
    if args.json {
        print_json(&verdicts)?;
    } else {
        print(&text(&model, &verdicts))?;
    }
    Ok(if passed {
        Finding::Good
    } else {
        Finding::Negative
    })
}

fn text(model: &Model, verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let Identity {
            engine,
            provider,
            prepared,
        } = &verdict.identity;
        let prepared = if *prepared { ", prepared" } else { "" };
        let word = if verdict.passed { "passed" } else { "FAILED" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {word} on {engine} ({provider}{prepared}): {} pictures, largest difference {:.6}, tolerance {}",
            model.manifest.id(),
            verdict.cases.len(),
            verdict.largest_difference,
            verdict.tolerance
        );
        for case in verdict
            .cases
            .iter()
            .filter(|case| !case.is_good(verdict.tolerance))
        {
            let _ = writeln!(
                text,
                "  {}: {} here, {} in training, probabilities differ by {:.4}",
                case.name, case.label, case.expected_label, case.difference
            );
        }
        if let Some(suspect) = &verdict.suspect {
            let _ = writeln!(text, "  suspect {suspect}");
        }
    }
    text
}
