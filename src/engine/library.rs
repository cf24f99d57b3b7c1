//! Finding ONNX Runtime's library on this machine. What the user names is used or is an
//! error; else the first usable one wins, and every one passed over is named with its
//! reason.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::elf;
use crate::environment;
use crate::error::{Error, Result};
use crate::ffi::onnxruntime as ffi;

/// Oldest release that serves, `1.MINIMUM`; the `api-17` feature of `ort` sets it.
const MINIMUM: u32 = ort::MINOR_VERSION;

/// A loaded and initialised ONNX Runtime.
#[derive(Clone)]
pub(crate) struct Library {
    /// Where sessions are made.
    pub(crate) environment: ort::environment::Environment,
    /// Its version, such as `1.32.0`.
    pub(crate) version: String,
    /// Its file.
    pub(crate) path: PathBuf,
}

/// Loads ONNX Runtime: the library `named`, or the first usable one beside the binary, in
/// `../lib/ocelli`, in a Python environment or in the system's places.
///
/// # Errors
/// There is none, or the one named does not serve: file, version, version needed, fix.
pub(crate) fn find(named: Option<&Path>) -> Result<Library> {
    if let Some(path) = &self::named(named) {
        let reject = |what: String| {
            Error::engine(path.display().to_string(), what)
                .with_remedy(fix())
                .with_settings(&["library"])
        };
        let version = check(path.as_os_str()).map_err(|what| {
            reject(
                what.trim_start_matches(&format!("{}: ", path.display()))
                    .to_owned(),
            )
        })?;
        return open(path, version);
    }
    let mut passed_over = Vec::new();
    for candidate in candidates() {
        match check(candidate.as_os_str()) {
            Ok(version) => return open(&candidate, version),
            Err(reason) => {
                log::warn!("{} is passed over: {reason}", candidate.display());
                passed_over.push(candidate.display().to_string());
            }
        }
    }
    // The dynamic linker knows places of its own (ld.so.conf, LD_LIBRARY_PATH).
    for name in ["libonnxruntime.so.1", "libonnxruntime.so"] {
        if let Ok(version) = check(OsStr::new(name)) {
            return open(Path::new(name), version);
        }
    }
    let found = if passed_over.is_empty() {
        String::new()
    } else {
        format!(" among {}", passed_over.join(", "))
    };
    Err(Error::engine(
        "ONNX Runtime",
        format!("no library of version 1.{MINIMUM} or later was found{found}"),
    )
    .with_remedy(fix())
    .with_settings(&["library"]))
}

/// Every place where a library stands, in the order in which they are tried, with its
/// version or why it is passed over. One that is `named` is the only one.
pub fn survey(named: Option<&Path>) -> Vec<(PathBuf, std::result::Result<String, String>)> {
    let places = self::named(named).map_or_else(candidates, |named| vec![named]);
    let looked = places.into_iter().map(|place| {
        let version = check(place.as_os_str());
        (place, version)
    });
    looked.collect()
}

/// The library that has to be used: the caller's, or the one that a variable names.
pub(crate) fn named(by_caller: Option<&Path>) -> Option<PathBuf> {
    by_caller
        .map(Path::to_owned)
        .or_else(environment::named_library)
}

fn fix() -> String {
    let get = if cfg!(target_arch = "arm") {
        "build it, as there is none for 32-bit ARM"
    } else {
        "run scripts/setup, or `pip install onnxruntime`"
    };
    format!("{get}, or name a libonnxruntime.so of 1.{MINIMUM} or later")
}

/// The one that is loaded: a process can start ONNX Runtime only once.
static LOADED: Mutex<Option<Library>> = Mutex::new(None);

fn open(path: &Path, version: String) -> Result<Library> {
    let mut loaded = LOADED.lock();
    if let Some(library) = loaded.as_ref().filter(|library| library.path == path) {
        return Ok(library.clone());
    }
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::engine(
            path.display().to_string(),
            format!("ONNX Runtime {version} cannot be started"),
        )
        .caused_by(e)
    };
    let environment = ort::init_from(path)
        .map_err(|e| failed(e.to_string().into()))?
        .build()
        .map_err(|e| failed(e.into()))?;
    environment.set_log_level(ort::logging::LogLevel::Fatal);
    log::debug!("ONNX Runtime {version} from {}", path.display());
    let library = Library {
        environment,
        version,
        path: path.to_owned(),
    };
    *loaded = Some(library.clone());
    Ok(library)
}

/// The version of the library, if it serves.
fn check(library: &OsStr) -> std::result::Result<String, String> {
    // Where a name alone is given, the dynamic linker looks for the file.
    if Path::new(library).components().count() > 1 {
        elf::check(Path::new(library))?;
    }
    let version = ffi::version(library, serves)?;
    if serves(&version) {
        Ok(version)
    } else {
        Err(format!(
            "it is version {version}, but 1.{MINIMUM} or later is needed"
        ))
    }
}

fn serves(version: &str) -> bool {
    let mut numbers = version.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    numbers.next() == Some(1) && numbers.next().is_some_and(|minor| minor >= MINIMUM)
}

/// Where Debian's Python keeps packages.
const DIST_PACKAGES: [&str; 2] = [
    "/usr/local/lib/python3*/dist-packages",
    "/usr/lib/python3/dist-packages",
];

/// Library files in the order in which they are tried.
fn candidates() -> Vec<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.canonicalize().ok()?.parent()?.to_owned()));
    let home = environment::home();
    let environments = environment::python_environments()
        // A wheel's binary stands in the environment's bin.
        .chain(
            beside
                .iter()
                .filter_map(|bin| Some(bin.parent()?.to_owned())),
        )
        // What `ocelli doctor` advises where there is none.
        .chain(home.iter().map(|home| home.join(".local/share/ocelli")));
    let (mut folders, mut packages) = (Vec::<PathBuf>::new(), Vec::<PathBuf>::new());
    if let Some(bin) = &beside {
        folders.push(bin.clone());
        folders.push(bin.join("../lib/ocelli"));
    }
    for environment in environments {
        for lib in ["lib", "lib64"] {
            packages.push(environment.join(lib).join("python3*/site-packages"));
        }
    }
    // `pip install --user` and Debian's own packages.
    if let Some(home) = &home {
        packages.push(home.join(".local/lib/python3*/site-packages"));
    }
    packages.extend(DIST_PACKAGES.map(PathBuf::from));
    for package in packages {
        let pattern = package.join("onnxruntime/capi");
        let found = glob::glob(&pattern.to_string_lossy());
        folders.extend(found.into_iter().flatten().flatten());
    }
    for system in [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/*-linux-gnu*",
        "/opt/onnxruntime/lib",
    ] {
        folders.extend(glob::glob(system).into_iter().flatten().flatten());
    }
    folders.iter().filter_map(|folder| newest(folder)).collect()
}

/// The newest library of a folder.
fn newest(folder: &Path) -> Option<PathBuf> {
    let numbers = |path: &Path| -> Vec<u32> {
        path.to_string_lossy()
            .rsplit(".so")
            .next()
            .unwrap_or_default()
            .split('.')
            .filter_map(|n| n.parse().ok())
            .collect()
    };
    let pattern = folder.join("libonnxruntime.so*");
    glob::glob(&pattern.to_string_lossy())
        .ok()?
        .flatten()
        .max_by_key(|path| numbers(path))
}

#[cfg(test)]
mod tests {
    use super::serves;

    #[test]
    fn versions_from_1_17_serve() {
        let cases = [
            ("1.17.0", true),
            ("1.32.0", true),
            ("1.16.3", false),
            ("2.0.0", false),
            ("", false),
            ("x.y", false),
        ];
        for (version, expected) in cases {
            assert_eq!(serves(version), expected, "{version}");
        }
    }
}
