//! The command line of `ocelli match`.

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
