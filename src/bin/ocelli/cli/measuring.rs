//! Flags of the commands that measure a model on labelled photographs, and write what they found
//! into it.

use std::path::PathBuf;

use clap::Args;

use super::{DecodeArgs, EngineArgs, ModelArgs, values};

/// `ocelli match`
#[derive(Debug, Args)]
pub(crate) struct MatchArgs {
    /// A folder with one folder per class, named like the labels or their indices; 3 to 5
    /// photographs in each are enough
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Write the model with what was measured into this file
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output_file: Option<PathBuf>,
    /// Photographs to use of each class, the first by name
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = values::positive)]
    pub(crate) per_class: usize,
    /// Threads per run of the network [default: the cores, at most 4]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) threads: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// What stands below `ocelli calibrate --help`.
const CALIBRATE_NOTES: &str = "The pictures must not be those that the model learned from: of these it is surer than of any \
others. The more there are, the narrower the interval: with 400, 2 % are 1 to 4 %.";

/// `ocelli calibrate`
#[derive(Debug, Args)]
#[command(after_help = CALIBRATE_NOTES)]
pub(crate) struct CalibrateArgs {
    /// A folder with one folder per class, named like the labels or their indices; 10 pictures or
    /// more in each
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Write the model with what was found into this file
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output_file: Option<PathBuf>,
    /// Share of pictures of known things that may not be called unknown
    #[arg(long, value_name = "SHARE", default_value_t = 0.98, value_parser = values::share::<f64>)]
    pub(crate) coverage: f64,
    /// A folder of pictures that show none of the classes: measure how they are told
    #[arg(long, value_name = "DIR")]
    pub(crate) unknown: Option<PathBuf>,
    /// Pictures in work at a time [default: the cores]
    #[arg(long, value_name = "N", value_parser = values::parallel)]
    pub(crate) workers: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
