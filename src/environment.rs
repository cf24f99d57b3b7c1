//! The one place that reads the process's environment: where libraries, programs and
//! folders are looked for unless the caller names them.

use std::path::PathBuf;

fn path(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The user's home folder.
pub(crate) fn home() -> Option<PathBuf> {
    path("HOME")
}

/// The ONNX Runtime library that is named by the variable that `ort` knows.
#[cfg(feature = "onnxruntime")]
pub(crate) fn named_library() -> Option<PathBuf> {
    path("ORT_DYLIB_PATH")
}

/// Active Python environments.
#[cfg(feature = "onnxruntime")]
pub(crate) fn python_environments() -> impl Iterator<Item = PathBuf> {
    ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(path)
}

/// `$OCELLI_CACHE`, or `ocelli` under `$XDG_CACHE_HOME`, or under `~/.cache`.
#[cfg(feature = "onnxruntime")]
pub(crate) fn cache_folder() -> Option<PathBuf> {
    path("OCELLI_CACHE")
        .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("ocelli")))
        .or_else(|| home().map(|home| home.join(".cache/ocelli")))
}

/// How many MiB of prepared networks `$OCELLI_CACHE_MIB` allows, as it stands there.
#[cfg(feature = "onnxruntime")]
pub(crate) fn cache_mib() -> Option<String> {
    let text = std::env::var_os("OCELLI_CACHE_MIB")?;
    let text = text.to_string_lossy().trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Where state outlives a restart: what systemd gives a service, else `ocelli` under
/// `$XDG_STATE_HOME`, or under `~/.local/state`.
pub(crate) fn state_folder() -> Option<PathBuf> {
    path("STATE_DIRECTORY")
        .or_else(|| path("XDG_STATE_HOME").map(|state| state.join("ocelli")))
        .or_else(|| home().map(|home| home.join(".local/state/ocelli")))
}

/// What the variables say of the Hugging Face Hub: those that its own Python client reads,
/// with the same defaults, so that both find what either has fetched.
#[cfg(feature = "hub")]
pub(crate) mod hub {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::{home, path};

    /// Text in the first of these variables that has any.
    fn text(variables: &[&str]) -> Option<String> {
        let mut values = variables.iter().filter_map(std::env::var_os);
        values.find_map(|value: OsString| {
            let value = value.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        })
    }

    /// A folder or file in a variable, where `~` is the home folder.
    fn place(variable: &str) -> Option<PathBuf> {
        let place = path(variable)?;
        match place.strip_prefix("~") {
            Ok(inner) => Some(home()?.join(inner)),
            Err(_) => Some(place),
        }
    }

    fn folder() -> Option<PathBuf> {
        let cache = || path("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")));
        place("HF_HOME").or_else(|| Some(cache()?.join("huggingface")))
    }

    /// Where models are kept.
    pub(crate) fn cache() -> Option<PathBuf> {
        place("HF_HUB_CACHE")
            .or_else(|| place("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| Some(folder()?.join("hub")))
    }

    /// Its address.
    pub(crate) fn endpoint() -> String {
        text(&["HF_ENDPOINT"]).unwrap_or_else(|| "https://huggingface.co".into())
    }

    /// Who asks: the token in the variable.
    pub(crate) fn token() -> Option<String> {
        text(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
    }

    /// Where a login leaves the token.
    pub(crate) fn token_file() -> Option<PathBuf> {
        place("HF_TOKEN_PATH").or_else(|| Some(folder()?.join("token")))
    }

    /// Whether nothing may be asked.
    pub(crate) fn is_offline() -> bool {
        let value = text(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]).unwrap_or_default();
        ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())
    }

    /// Seconds that a silence is taken for slowness, if the variable says so.
    pub(crate) fn patience() -> Option<String> {
        text(&["HF_HUB_DOWNLOAD_TIMEOUT"])
    }
}

/// Whether a program of this name can be started.
pub(crate) fn has_program(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Whether this is a Raspberry Pi 5, or another board with its processor.
pub(crate) fn is_raspberry_pi_5() -> bool {
    let compatible = std::fs::read("/proc/device-tree/compatible").unwrap_or_default();
    compatible
        .split(|byte| *byte == 0)
        .any(|name| name == b"brcm,bcm2712")
}
