//! The command line of `ocelli teach`.

use std::path::PathBuf;

use clap::Args;
use ocelli::teach::TeachOptions;

use super::{DecodeArgs, EngineArgs, ModelArgs, values};

/// `ocelli teach`
#[derive(Debug, Args)]
pub(crate) struct TeachArgs {
    /// A folder with a folder of pictures for each class, called like it; 20 or more of each
    /// are good, 5 are needed
    #[arg(value_name = "DATA", required_unless_present = "add")]
    pub(crate) data: Option<PathBuf>,
    /// File to write the new model to
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output_file: PathBuf,
    /// Keep the model's classes and add this one, of which the pictures in DIR are; 5 are needed
    #[arg(long, value_name = "LABEL=DIR", conflicts_with_all = ["data", "test"], value_parser = labelled)]
    pub(crate) add: Option<(String, PathBuf)>,
    /// Measure the new model on these pictures, too, which are in folders like those of DATA
    #[arg(long, value_name = "DIR")]
    pub(crate) test: Option<PathBuf>,
    /// Name for records [default: that of the file]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Version for records [default: 1; of a model with a class added, its own and the class]
    #[arg(long = "model-version", value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
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

impl TeachArgs {
    /// How the head is taught, with so many `cores`.
    pub(crate) fn options(&self, cores: usize) -> TeachOptions {
        TeachOptions {
            engine: self.engine.options(),
            workers: self.workers.unwrap_or(cores),
            max_pixels: self.decode.max_pixels,
            max_bytes: self.decode.max_bytes(),
            framing: self.decode.framing(),
            name: self.name.clone(),
            version: self.version.clone(),
            test: self.test.clone(),
        }
    }
}

/// A label, and the folder of its pictures: `bee=photos/bees`.
fn labelled(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((label, folder)) if !label.trim().is_empty() && !folder.is_empty() => {
            Ok((label.to_owned(), folder.into()))
        }
        _ => Err("expected LABEL=DIR, such as bee=photos/bees".into()),
    }
}
