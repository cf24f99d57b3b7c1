//! What a model may be named by: an ONNX file, a folder as Hugging Face has it, or a name on
//! the hub. Whatever it is, the rest sees a file.

use std::path::{Path, PathBuf};

use super::foreign::huggingface;
#[cfg(feature = "hub")]
use super::hub;
use super::progress::Progress;
use crate::error::{Error, Result};

/// What a name on the hub begins with.
const HUB: &str = "hf:";

/// The ONNX file that `named` stands for: itself, the one in a folder, or
/// `hf:OWNER/NAME[@REVISION][:FILE]`, which is fetched from the Hugging Face Hub into the
/// cache that its other clients use, unless it is there. `progress` is told how far that is.
///
/// # Errors
/// There is no such file, or it cannot be fetched.
pub fn locate(named: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf> {
    let path = if named
        .as_os_str()
        .as_encoded_bytes()
        .starts_with(HUB.as_bytes())
    {
        let name = named
            .to_str()
            .ok_or_else(|| Error::model(named.display().to_string(), "the name is not UTF-8"))?;
        fetched(name, progress)?
    } else {
        named.to_owned()
    };
    if path.is_dir() {
        huggingface::model_file(&path)
    } else {
        Ok(path)
    }
}

#[cfg(feature = "hub")]
fn fetched(name: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf> {
    hub::find(name, progress)
}

#[cfg(not(feature = "hub"))]
fn fetched(name: &str, _: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf> {
    Err(
        Error::model(name, "this build fetches nothing: its feature `hub` is off")
            .with_remedy("fetch the model and name its file or folder"),
    )
}
