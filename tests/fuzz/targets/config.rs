//! The program's configuration file. Its parser is the program's, not the library's: the file
//! is taken from there as it is, and needs no more than clap's grammar, which here has one
//! flag of each kind.
#![no_main]

#[path = "../../../src/bin/ocelli/cli/config.rs"]
mod config;
#[path = "../scratch.rs"]
mod scratch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, Command, value_parser};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| scratch::file("config.toml"));

fn grammar() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name);
    let config = flag("config")
        .value_parser(value_parser!(PathBuf))
        .global(true);
    let run = Command::new("run")
        .arg(flag("model").required(true))
        .arg(flag("max-fps").value_parser(value_parser!(f64)))
        .arg(flag("mean").value_delimiter(','))
        .arg(flag("on").action(ArgAction::Append))
        .arg(flag("quiet").action(ArgAction::SetTrue))
        .arg(Arg::new("sources").num_args(0..));
    Command::new("ocelli")
        .arg(config)
        .subcommand(run)
        .subcommand(Command::new("serve").arg(flag("listen")))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("a file can be written");
    let typed: Vec<OsString> = ["ocelli", "run", "--config"]
        .map(OsString::from)
        .into_iter()
        .chain([FILE.clone().into()])
        .collect();
    match config::with_defaults(grammar(), &typed) {
        Ok(grammar) => {
            for command in grammar.sources.into_iter().chain([grammar.command]) {
                let _ = command.try_get_matches_from(&typed);
            }
        }
        Err(error) => {
            // The line that it names is one of the file's.
            let line = error
                .place()
                .rsplit(':')
                .next()
                .and_then(|line| line.parse::<usize>().ok());
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
            assert!(
                line.is_none_or(|line| (1..=lines).contains(&line)),
                "{error}"
            );
        }
    }
});
