//! `ocelli monitor`: what the monitors of live sources know, running or not.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `ocelli monitor`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct MonitorArgs {
    /// Folder in which it is kept, as --monitor-state names it [default: the state folder]
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<MonitorCommand>,
}

/// What can be done about it.
#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Take a fault or a drift for usual from now on
    Acknowledge(AcknowledgeArgs),
}

/// `ocelli monitor acknowledge`
#[derive(Debug, Args)]
pub(crate) struct AcknowledgeArgs {
    /// The source, as `ocelli monitor` calls it
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// A cause such as `covered`, or a statistic that drifts, such as `brightness`
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Folder in which it is kept, as --monitor-state names it [default: the state folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}
