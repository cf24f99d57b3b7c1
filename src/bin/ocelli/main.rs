//! `ocelli`: parse, dispatch, exit code.

mod cli;
mod commands;
mod fetching;
mod flags;
mod live;
mod log_lines;
mod output;
mod service_manager;
mod step_bar;
mod terminal;
mod watching;

use std::process::ExitCode;

use cli::{Cli, Command};
#[cfg(feature = "serve")]
use commands::serve;
use commands::{
    Finding, bench, calibrate, devices, doctor, eval, generate, inspect, matching, monitor, pack,
    prepare, run, teach, verify,
};

fn main() -> ExitCode {
    let cli = match Cli::load() {
        Ok(cli) => cli,
        Err(error) => {
            log_lines::start(false, 0);
            return commands::fail(&error);
        }
    };
    log_lines::start(cli.quiet, cli.verbose);
    let result = match &cli.command {
        Command::Run(args) => run::run(args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Match(args) => matching::run(args),
        Command::Calibrate(args) => calibrate::run(args),
        Command::Teach(args) => teach::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Prepare(args) => prepare::run(args),
        Command::Devices(args) => devices::run(args),
        Command::Monitor(args) => monitor::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Generate(args) => generate::run(args),
    };
    match result {
        Ok(Finding::Good) => ExitCode::SUCCESS,
        Ok(Finding::Negative) => ExitCode::from(1),
        Ok(Finding::Interrupted) => ExitCode::from(commands::INTERRUPTED),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => commands::fail(&error),
    }
}
