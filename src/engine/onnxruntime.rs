//! The fast path: ONNX Runtime through `ort`.

use std::path::Path;

use half::f16;
use ort::ep::ExecutionProviderDispatch;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, TensorElementType, TensorRef};

use super::library::Library;
use super::provider::Placement;
use super::{Engine, Identity, RawScores};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::pipeline::preprocess::{Elements, Tensor};

/// One session.
pub struct OnnxRuntime {
    session: Session,
    options: RunOptions<HasSelectedOutputs>,
    identity: Identity,
    place: String,
}

impl OnnxRuntime {
    /// Loads `model`, or its `prepared` form, to compute with `threads` threads.
    pub fn new(
        library: &Library,
        model: &Model,
        prepared: Option<&Path>,
        threads: usize,
        spin: bool,
    ) -> Result<Self> {
        let engine = format!("onnxruntime {}", library.version);
        let failed = |e: ort::Error| {
            Error::model(model.place(), format!("{engine} cannot load it")).caused_by(reason(&e)).remedy(
                "an opset or IR version that is too new needs a newer ONNX Runtime or an export with a lower opset",
            )
        };
        let level = if prepared.is_some() {
            GraphOptimizationLevel::Disable
        } else {
            GraphOptimizationLevel::All
        };
        let session = builder(library, level, threads, spin)
            .and_then(|mut b| b.commit_from_file(prepared.unwrap_or(&model.path)))
            .map_err(failed)?;
        let selected = OutputSelector::no_default().with(&model.manifest.output.tensor);
        let options = RunOptions::new().map_err(failed)?.with_outputs(selected);
        let identity = Identity {
            engine: engine.as_str().into(),
            provider: "cpu".into(),
            prepared: prepared.is_some(),
        };
        Ok(Self {
            session,
            options,
            identity,
            place: model.place(),
        })
    }
}

/// A session's settings. Convolutions need level `All` for their blocked layout (without
/// it they are up to 3.2 times slower). Threads spin only while a run lasts, unless `spin`:
/// 2 threads that spin on burn a core between camera frames.
pub fn builder(
    library: &Library,
    level: GraphOptimizationLevel,
    threads: usize,
    spin: bool,
) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(&library.environment)?
        .with_log_level(ort::logging::LogLevel::Fatal)?
        .with_optimization_level(level)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_config_entry("session.force_spinning_stop", if spin { "0" } else { "1" })?)
}

/// ONNX Runtime's message without its source file and line.
pub fn reason(error: &ort::Error) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned()
}

/// What one run's profile is called; ONNX Runtime adds a date.
const PROFILE: &str = "profile";

impl OnnxRuntime {
    /// Loads `model` to compute on `provider`, and looks at which nodes really do.
    pub fn accelerated(
        library: &Library,
        model: &Model,
        device: &str,
        provider: ExecutionProviderDispatch,
        (threads, spin): (usize, bool),
    ) -> Result<(Self, Placement)> {
        let engine = format!("onnxruntime {}", library.version);
        let place = model.place();
        let failed = |e: ort::Error| {
            Error::engine(device, format!("{engine} cannot use it")).caused_by(reason(&e))
        };
        let io =
            |e: std::io::Error| Error::engine(device, "its profile cannot be read").caused_by(e);
        let folder = std::env::temp_dir().join(format!("ocelli-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(io)?;
        let session = builder(library, GraphOptimizationLevel::All, threads, spin)
            .and_then(|b| Ok(b.with_execution_providers([provider])?))
            .and_then(|b| Ok(b.with_profiling(folder.join(PROFILE))?))
            .and_then(|mut b| b.commit_from_file(&model.path))
            .map_err(failed);
        let looked = session.and_then(|session| {
            let selected = OutputSelector::no_default().with(&model.manifest.output.tensor);
            let mut this = Self {
                session,
                options: RunOptions::new().map_err(failed)?.with_outputs(selected),
                identity: Identity {
                    engine: engine.as_str().into(),
                    provider: "cpu".into(),
                    prepared: false,
                },
                place: place.clone(),
            };
            let input = Tensor::new(&model.manifest.input, model.file.fixed_batch.unwrap_or(1));
            this.run(&input, &mut RawScores::default())?;
            let profile = this.session.end_profiling().map_err(failed)?;
            let profile = std::fs::read_to_string(profile).map_err(io)?;
            let placement = Placement::read(&profile)
                .map_err(|e| Error::engine(device, "its profile is none").caused_by(e))?;
            this.identity.provider = placement.name();
            Ok((this, placement))
        });
        if std::fs::remove_dir_all(&folder).is_err() {
            log::debug!("{} is left over", folder.display());
        }
        looked
    }
}

impl Engine for OnnxRuntime {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn run(&mut self, input: &Tensor, output: &mut RawScores) -> Result<()> {
        let place = &self.place;
        let failed = |e: ort::Error| {
            Error::engine(place, "ONNX Runtime failed to run it").caused_by(reason(&e))
        };
        let shape = input.shape();
        let value: SessionInputValue = match input.elements() {
            Elements::Float32(v) => TensorRef::from_array_view((shape, &v[..]))
                .map_err(failed)?
                .into(),
            Elements::Float16(v) => TensorRef::from_array_view((shape, &v[..]))
                .map_err(failed)?
                .into(),
            Elements::Uint8(v) => TensorRef::from_array_view((shape, &v[..]))
                .map_err(failed)?
                .into(),
            Elements::Int8(v) => TensorRef::from_array_view((shape, &v[..]))
                .map_err(failed)?
                .into(),
        };
        let outputs = self
            .session
            .run_with_options([value], &self.options)
            .map_err(failed)?;
        copy(&outputs[0], output).map_err(failed)
    }
}

/// Copies a tensor of scores, widened to f32.
fn copy(value: &DynValue, output: &mut RawScores) -> ort::Result<()> {
    let kind = value
        .dtype()
        .tensor_type()
        .unwrap_or(TensorElementType::Undefined);
    output.values.clear();
    let shape = match kind {
        TensorElementType::Float16 => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            output.values.extend(values.iter().map(|v| v.to_f32()));
            shape
        }
        TensorElementType::Uint8 => {
            let (shape, values) = value.try_extract_tensor::<u8>()?;
            output.values.extend(values.iter().map(|v| f32::from(*v)));
            shape
        }
        TensorElementType::Int8 => {
            let (shape, values) = value.try_extract_tensor::<i8>()?;
            output.values.extend(values.iter().map(|v| f32::from(*v)));
            shape
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            output.values.extend_from_slice(values);
            shape
        }
    };
    output.shape.clear();
    output
        .shape
        .extend(shape.iter().map(|axis| usize::try_from(*axis).unwrap_or(0)));
    Ok(())
}
