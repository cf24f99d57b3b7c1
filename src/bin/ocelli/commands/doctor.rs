//! `ocelli doctor`: whether this machine can do what it is meant to, and for each fault the
//! one thing that mends it.

mod board;
#[cfg(feature = "onnxruntime")]
mod cache;
mod cameras;
mod health;
mod machine;
mod runtime;

use std::fmt::Write;

use serde::Serialize;

use super::{Finding, print, print_json};
use crate::cli::DoctorArgs;
use machine::Machine;
use ocelli::Result;

/// What one look at the machine gave.
#[derive(Debug, Serialize)]
struct Observation {
    /// What was looked at.
    about: &'static str,
    verdict: Verdict,
    what: String,
    /// The command, or the act, that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// It keeps something from working, or from working well.
    Fault,
}

impl Observation {
    fn new(about: &'static str, verdict: Verdict, what: impl Into<String>) -> Self {
        Self {
            about,
            verdict,
            what: what.into(),
            fix: None,
        }
    }

    fn good(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(about, Verdict::Good, what)
    }

    fn note(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(about, Verdict::Note, what)
    }

    fn fault(about: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..Self::new(about, Verdict::Fault, what)
        }
    }
}

pub(crate) fn run(args: &DoctorArgs) -> Result<Finding> {
    let machine = Machine::new(&args.root);
    let mut all = board::observe(&machine);
    all.extend(health::observe(&machine));
    all.extend(cameras::observe(&machine));
    // What runs can only be asked here, not of another machine's files.
    if machine.is_here() {
        all.extend(runtime::observe(args));
        #[cfg(feature = "onnxruntime")]
        all.push(cache::observe());
    }
    if args.json {
        print_json(&all)?;
    } else {
        print(&text(&all))?;
    }
    let faults = all.iter().any(|o| o.verdict == Verdict::Fault);
    Ok(if faults {
        Finding::Negative
    } else {
        Finding::Good
    })
}

fn text(all: &[Observation]) -> String {
    let mut text = String::new();
    for Observation {
        about,
        verdict,
        what,
        fix,
    } in all
    {
        let mark = match verdict {
            Verdict::Good => "ok   ",
            Verdict::Note => "note ",
            Verdict::Fault => "FAULT",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark} {about:<12} {what}");
        if let Some(fix) = fix {
            let _ = writeln!(text, "                   fix: {fix}");
        }
    }
    text
}
