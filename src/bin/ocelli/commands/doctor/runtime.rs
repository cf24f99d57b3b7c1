//! What can run networks here, and whether it can run this one.

use std::path::PathBuf;
use std::sync::Arc;

use super::Observation;
use crate::cli::DoctorArgs;
use crate::fetching::find_model;
use crate::flags::Line;
use ocelli::engine::EngineMaker;
#[cfg(feature = "onnxruntime")]
use ocelli::engine::survey;
use ocelli::{Model, proof};

/// A build without ONNX Runtime looks for none.
#[cfg(not(feature = "onnxruntime"))]
fn survey(_: Option<&std::path::Path>) -> Vec<(PathBuf, Result<String, String>)> {
    Vec::new()
}

/// Makes a Python environment that ONNX Runtime is looked for in.
const INSTALL: &str =
    "python3 -m venv ~/.local/share/ocelli && ~/.local/share/ocelli/bin/pip install onnxruntime";

/// A Jetson's GPU. PyPI's `onnxruntime-gpu` is not made for it.
const JETSON_GPU: &str = "/dev/nvhost-gpu";

/// Looks for ONNX Runtime, and tries the model if one is named.
pub(crate) fn observe(args: &DoctorArgs) -> Vec<Observation> {
    let mut all = Vec::new();
    let mut found = None;
    for (place, version) in survey(args.ort.as_deref()) {
        let place = place.display();
        match version {
            Ok(version) if found.is_none() => {
                all.push(Observation::good(
                    "onnxruntime",
                    format!("{version} at {place}"),
                ));
                found = Some(version);
            }
            Ok(version) => {
                all.push(Observation::note(
                    "onnxruntime",
                    format!("{version} at {place}, not used"),
                ));
            }
            Err(why) => {
                all.push(Observation::note(
                    "onnxruntime",
                    format!("{place} is passed over: {why}"),
                ));
            }
        }
    }
    if found.is_none() {
        all.push(missing());
    }
    if has_nvidia() {
        all.push(gpu(survey(args.ort.as_deref())));
    }
    all.extend(args.model.as_deref().map(|path| model(path, args)));
    all
}

/// Whether the first library that serves is made for the GPU that is there.
fn gpu(places: Vec<(PathBuf, Result<String, String>)>) -> Observation {
    let used = places.into_iter().find(|(_, version)| version.is_ok());
    let made_for_it = used.is_some_and(|(place, _)| {
        place
            .with_file_name("libonnxruntime_providers_cuda.so")
            .is_file()
    });
    if made_for_it {
        Observation::good(
            "provider",
            "there is an NVIDIA GPU, and ONNX Runtime is made for it",
        )
    } else {
        let what = "there is an NVIDIA GPU, but ONNX Runtime is made for the CPU only";
        let package = if std::path::Path::new(JETSON_GPU).exists() {
            "ONNXRUNTIME_GPU.whl # NVIDIA's, for your JetPack and Python"
        } else {
            "onnxruntime-gpu"
        };
        // The two packages fill the same folder: where both are, the newest library is taken.
        let install = INSTALL
            .replace("-m venv", "-m venv --clear")
            .replace("install onnxruntime", &format!("install {package}"));
        Observation::fault("provider", what, install)
    }
}

fn missing() -> Observation {
    if cfg!(target_arch = "arm") {
        let what = "there is none for 32-bit ARM: the pure-Rust engine runs";
        return Observation::note("onnxruntime", what);
    }
    let what = "not found: the pure-Rust engine runs, 4 to 10 times slower";
    Observation::fault("onnxruntime", what, INSTALL)
}

fn has_nvidia() -> bool {
    ["/dev/nvidia0", JETSON_GPU]
        .iter()
        .any(|node| std::path::Path::new(node).exists())
}

fn model(path: &std::path::Path, args: &DoctorArgs) -> Observation {
    let opened = find_model(path).and_then(|path| Model::open(&path, Default::default()));
    let tried = opened.and_then(|model| {
        let model = Arc::new(model);
        let engines = EngineMaker::new(model.clone(), &args.engine())?;
        proof::prove(&engines)?;
        let identity = engines.make(1)?.identity().clone();
        let file = &model.file;
        Ok(format!(
            "{}, opset {}, IR {}: runs on {} ({})",
            model.manifest.id(),
            file.opset,
            file.ir_version,
            identity.engine,
            identity.provider
        ))
    });
    match tried {
        Ok(what) => Observation::good("model", what),
        Err(error) => {
            let fix = format!("ocelli inspect {}", path.display());
            Observation::fault("model", Line(&error).to_string(), fix)
        }
    }
}
