//! `ocelli doctor`: what it looks at.

use std::path::PathBuf;

use clap::Args;
use ocelli::EngineOptions;

/// `ocelli doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Try this model, too
    #[arg(short, long)]
    pub(crate) model: Option<PathBuf>,
    /// An ONNX Runtime library to look at and no other
    #[arg(long, value_name = "FILE")]
    pub(crate) ort: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Look at the files of a machine under this folder
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub(crate) root: PathBuf,
}

impl DoctorArgs {
    /// How the model is tried.
    pub(crate) fn engine(&self) -> EngineOptions {
        EngineOptions {
            library: self.ort.clone(),
            ..EngineOptions::default()
        }
    }
}
