//! `ocelli generate`: manual pages and shell completions, for those who make packages.

use std::path::Path;

use crate::cli::{self, GenerateArgs};
use crate::commands::Finding;
use ocelli::{Error, Result};

pub(crate) fn run(args: &GenerateArgs) -> Result<Finding> {
    let folder: &Path = &args.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| cli::write_pages(folder))
        .map_err(|e| {
            Error::output(folder.display().to_string(), "cannot be written to").caused_by(e)
        })?;
    Ok(Finding::Good)
}
