//! The one place that reads the process's environment: where libraries, programs and
//! folders are looked for unless the caller names them.

#[cfg(any(feature = "onnxruntime", feature = "mqtt"))]
use std::path::PathBuf;

#[cfg(any(feature = "onnxruntime", feature = "mqtt"))]
fn path(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The user's home folder.
#[cfg(any(feature = "onnxruntime", feature = "mqtt"))]
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

/// Where state outlives a restart: what systemd gives a service, else `ocelli` under
/// `$XDG_STATE_HOME`, or under `~/.local/state`.
#[cfg(feature = "mqtt")]
pub(crate) fn state_folder() -> Option<PathBuf> {
    path("STATE_DIRECTORY")
        .or_else(|| path("XDG_STATE_HOME").map(|state| state.join("ocelli")))
        .or_else(|| home().map(|home| home.join(".local/state/ocelli")))
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
