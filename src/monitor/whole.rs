//! Files that are whole or not there: what is read after a loss of power was written to its end.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};

/// Writes `value` as JSON to `path`: whole, or the file stays as it was.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let place = path.display().to_string();
    let failed = |e: std::io::Error| {
        Error::output(&place, "what the monitor has learned cannot be kept")
            .caused_by(e)
            .with_remedy("make the folder writable, or name another")
            .with_settings(&["monitor_state"])
    };
    let json = serde_json::to_vec(value)
        .map_err(|e| Error::output(&place, "it has no JSON form").caused_by(e))?;
    let unfinished = path.with_extension("unfinished");
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(&json)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(failed)
}
