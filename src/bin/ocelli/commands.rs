//! One file per command; here is what they share.

pub(crate) mod bench;
pub(crate) mod calibrate;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod matching;
pub(crate) mod monitor;
pub(crate) mod pack;
pub(crate) mod prepare;
pub(crate) mod run;
#[cfg(feature = "serve")]
pub(crate) mod serve;
mod sources;
pub(crate) mod teach;
pub(crate) mod verify;

use std::io::Write;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::{Error, Model, Result};
use serde::Serialize;

use crate::cli::ModelArgs;
use crate::fetching::find_model;
use crate::flags::Line;
pub(crate) use sources::Followed;

/// What a command found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// All good.
    Good,
    /// Some inputs failed, or the answer is no.
    Negative,
    /// A signal came before the inputs ended.
    Interrupted,
}

/// Exit code after a signal before the inputs ended: 128 and SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Says what keeps a command from working.
pub(crate) fn fail(error: &Error) -> ExitCode {
    log::error!("{}", Line(error));
    ExitCode::from(2)
}

fn open_model(args: &ModelArgs) -> Result<Arc<Model>> {
    let path = find_model(&args.model)?;
    Model::open(&path, args.facts.overrides()).map(Arc::new)
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// A flag that SIGINT and SIGTERM set; a second signal ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, i32::from(INTERRUPTED), stop.clone())
            .and_then(|_| register(signal, stop.clone()))
            .map_err(|e| Error::usage("signals", "cannot be handled").caused_by(e))?;
    }
    Ok(stop)
}

/// A flag that SIGHUP sets: from then on it ends nothing.
fn hangup_flag() -> Result<Arc<AtomicBool>> {
    let hangup = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGHUP, hangup.clone())
        .map_err(|e| Error::usage("SIGHUP", "cannot be handled").caused_by(e))?;
    Ok(hangup)
}

/// Prints text to standard output.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| Error::output("standard output", "cannot be written").caused_by(e))
}

/// Prints a value as indented JSON.
fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::output("JSON", "cannot be written").caused_by(e))?;
    print(&format!("{text}\n"))
}
