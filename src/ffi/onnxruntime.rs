//! What has to be done to an ONNX Runtime library before `ort` may touch it: keep it from
//! reporting to its maker, and read its version.

use std::ffi::{CStr, OsStr};
use std::sync::Once;

/// What ONNX Runtime 1.30 and later looks for while it is being loaded. Its own switch
/// comes too late: by then there is a thread, a database under the home folder and an
/// address to report to.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

fn disable_telemetry() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        if std::env::var_os(NO_TELEMETRY).is_some_and(|value| value == "1") {
            return;
        }
        // SAFETY: the standard library's own lock keeps Rust code from reading variables
        // meanwhile; a C library that calls `getenv` on another thread at this very moment
        // is the documented hazard, which a program ends by setting the variable itself.
        unsafe { std::env::set_var(NO_TELEMETRY, "1") };
    });
}

/// The version that an ONNX Runtime library gives for itself, such as `1.32.0`. The
/// library stays loaded when `keep` likes its version, so that loading it again is free.
///
/// # Errors
/// The dynamic linker's words, or that the file is another library.
pub(crate) fn version(library: &OsStr, keep: impl FnOnce(&str) -> bool) -> Result<String, String> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    disable_telemetry();
    // SAFETY: loading a library runs its initialisers; the user named this one, or it
    // stands where ONNX Runtime is installed. `OrtGetApiBase` has had this signature in
    // every release, its version text is static and NUL-terminated, and a null pointer is
    // checked for.
    unsafe {
        let loaded = libloading::Library::new(library).map_err(|e| reason(&e))?;
        let base = loaded
            .get::<GetApiBase>(b"OrtGetApiBase\0")
            .map_err(|_| "it is not an ONNX Runtime library (no OrtGetApiBase)".to_owned())?(
        );
        let text = base.as_ref().map(|base| (base.GetVersionString)());
        let version = match text.filter(|text| !text.is_null()) {
            Some(text) => CStr::from_ptr(text).to_string_lossy().into_owned(),
            None => return Err("it gives no version".into()),
        };
        if keep(&version) {
            std::mem::forget(loaded);
        }
        Ok(version)
    }
}

/// The dynamic linker's words, which `libloading` keeps one level down.
fn reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
