//! Messages for people, on stderr: `ocelli: warning: …`. `RUST_LOG` rules where it is set.

use std::io::Write;

use crate::{fetching, terminal};

/// Starts the log.
pub(crate) fn start(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn,ocelli=info",
        (_, 1) => "info,ocelli=debug",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format(|out, record| {
            terminal::make_way();
            fetching::make_way();
            match record.level() {
                log::Level::Info => writeln!(out, "ocelli: {}", record.args()),
                log::Level::Warn => writeln!(out, "ocelli: warning: {}", record.args()),
                log::Level::Error => writeln!(out, "ocelli: error: {}", record.args()),
                level => writeln!(
                    out,
                    "ocelli: {}: {}",
                    level.as_str().to_lowercase(),
                    record.args()
                ),
            }
        })
        .init();
}
