//! What a monitor has learned, in a file: it outlives restarts, is whole or not there, and
//! belongs to one camera and one model. What was learned of another is set aside, and said.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::drift::DriftState;
use super::finding::Comparison;
use super::health::HealthState;
use super::whole;
use crate::error::Result;

/// The version of the file that this program reads and writes.
const FORMAT: u32 = 1;
/// Bytes that a file has at most: 38 statistics that learn take half of this.
const LARGEST: u64 = 4 << 20;

/// Whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// What tells the camera from others, such as its bus and serial number, or an address.
    pub camera: String,
    /// SHA-256 of the model.
    pub model: String,
}

/// The file's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: u32,
    pub(super) identity: Identity,
    pub(super) health: HealthState,
    pub(super) drift: DriftState,
    pub(super) comparison: Comparison,
}

impl State {
    /// What is kept of `identity`.
    pub(super) fn new(
        identity: Identity,
        health: HealthState,
        drift: DriftState,
        comparison: Comparison,
    ) -> Self {
        Self {
            format: FORMAT,
            identity,
            health,
            drift,
            comparison,
        }
    }

    /// Reads the state at `path`, if it is that of `identity`. What cannot be read, or is of
    /// another camera, is set aside; of another model the pictures' part is used.
    pub(super) fn read(path: &Path, identity: &Identity) -> Option<Self> {
        let mut state = match Self::parse(path) {
            Ok(state) => state?,
            Err(why) => {
                set_aside(path, &format!("it cannot be read ({why})"));
                return None;
            }
        };
        if state.identity.camera != identity.camera {
            set_aside(
                path,
                &format!("it is of the camera {}", state.identity.camera),
            );
            return None;
        }
        if state.identity.model != identity.model {
            set_aside(
                path,
                "it is of another model; what is usual of the pictures is kept",
            );
            state.identity.model.clone_from(&identity.model);
            (state.drift, state.comparison) = (DriftState::default(), Comparison::default());
        }
        Some(state)
    }

    fn parse(path: &Path) -> std::result::Result<Option<Self>, String> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.to_string()),
        };
        let mut text = String::new();
        let read = file.take(LARGEST + 1).read_to_string(&mut text);
        if read.map_err(|e| e.to_string())? as u64 > LARGEST {
            return Err(format!("more than {} MiB", LARGEST >> 20));
        }
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        if format != FORMAT {
            return Err(format!("format {format}, expected {FORMAT}"));
        }
        let state: Self = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        match state.health.is_sound() && state.drift.is_sound() {
            true => Ok(Some(state)),
            false => Err("tables that nobody can count with".into()),
        }
    }

    /// Writes it to `path`: whole, or the file stays as it was.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        whole::write(path, self)
    }
}

/// The same path with another ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

fn set_aside(path: &Path, why: &str) {
    let aside = beside(path, "aside.json");
    let (place, kept) = (path.display(), aside.display());
    match fs::rename(path, &aside) {
        Ok(()) => log::warn!("{place}: {why}; it is set aside as {kept}, and learned anew"),
        Err(e) => log::warn!("{place}: {why}; it is learned anew, and cannot be set aside: {e}"),
    }
}
