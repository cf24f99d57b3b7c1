//! `ocelli`: parse, dispatch, exit code.

use std::io::Write;
use std::process::ExitCode;

use ocelli::cli::{Cli, Command};
use ocelli::commands::{
    self, Finding, bench, devices, doctor, eval, generate, inspect, pack, prepare, run, serve,
    verify,
};
use ocelli::ffi;
use ocelli::pipeline::write::make_way;

fn main() -> ExitCode {
    ffi::disable_onnxruntime_telemetry();
    let cli = match Cli::load() {
        Ok(cli) => cli,
        Err(error) => {
            start_log(false, 0);
            log::error!("{error}");
            return ExitCode::from(2);
        }
    };
    start_log(cli.quiet, cli.verbose);
    let result = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Prepare(args) => prepare::run(args),
        Command::Devices(args) => devices::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Generate(args) => generate::run(args),
    };
    match result {
        Ok(Finding::Good) => ExitCode::SUCCESS,
        Ok(Finding::Negative) => ExitCode::from(1),
        Ok(Finding::Interrupted) => ExitCode::from(commands::INTERRUPTED),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Messages go to stderr: `RUST_LOG` rules where it is set.
fn start_log(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn,ocelli=info",
        (_, 1) => "info,ocelli=debug",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format(|out, record| {
            make_way();
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
