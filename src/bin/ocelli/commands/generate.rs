//! `ocelli generate`: manual pages, shell completions and descriptions of what programs
//! read, for those who make packages.

use std::path::Path;

use crate::cli::{self, GenerateArgs};
use crate::commands::Finding;
use ocelli::{Error, Result};

pub(crate) fn run(args: &GenerateArgs) -> Result<Finding> {
    let folder: &Path = &args.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| cli::write_pages(folder))
        .and_then(|()| write_schemas(folder))
        .map_err(|e| {
            Error::output(folder.display().to_string(), "cannot be written to").caused_by(e)
        })?;
    Ok(Finding::Good)
}

/// What programs read is described for programs, too.
fn write_schemas(folder: &Path) -> std::io::Result<()> {
    let manifest = ocelli::model::manifest::schema();
    std::fs::write(
        folder.join("manifest.schema.json"),
        format!("{manifest:#}\n"),
    )?;
    #[cfg(feature = "serve")]
    std::fs::write(
        folder.join("openapi.json"),
        ocelli::serve::api_description(),
    )?;
    Ok(())
}
