//! The fast path: ONNX Runtime through `ort`.

use std::path::Path;

use half::f16;
use ort::ep::ExecutionProviderDispatch;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, TensorElementType, TensorRef};

use super::library::Library;
use super::placement::Placement;
use super::{Engine, Identity};
use crate::error::{Error, Result};
use crate::model::{Features, Model};
use crate::tensor::{Elements, Outputs, RawOutput, Tensor};

/// One session.
pub(crate) struct OnnxRuntime {
    session: Session,
    scores: String,
    scores_only: RunOptions<HasSelectedOutputs>,
    /// The value that holds the features, and both of them, where they are wanted.
    features: Option<(String, RunOptions<HasSelectedOutputs>)>,
    /// Where the network takes 64-bit floats, the input is widened into this buffer.
    widened: Option<Vec<f64>>,
    identity: Identity,
    place: String,
}

/// How a session computes.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// Threads of one run.
    pub(crate) threads: usize,
    /// Whether they wait busily between runs.
    pub(crate) spin: bool,
    /// The value that holds the features, if they are wanted.
    pub(crate) features: Option<&'a Features>,
}

impl OnnxRuntime {
    /// Loads `model`, or its `prepared` form.
    pub(crate) fn new(
        library: &Library,
        model: &Model,
        prepared: Option<&Path>,
        settings: Settings,
    ) -> Result<Self> {
        let failed = |e: ort::Error| {
            let what = format!("{} cannot load it", name(library));
            Error::model(model.place(), what).caused_by(reason(&e)).with_remedy(
                "an opset or IR version that is too new needs a newer ONNX Runtime or an export with a lower opset",
            )
        };
        let level = match prepared {
            Some(_) => GraphOptimizationLevel::Disable,
            None => GraphOptimizationLevel::All,
        };
        let session = builder(library, level, settings.threads, settings.spin)
            .and_then(|builder| match prepared {
                Some(file) => commit(builder, file),
                None => load(builder, model, settings.features),
            })
            .map_err(failed)?;
        let mut this = Self::of(library, model, session, settings.features).map_err(failed)?;
        this.identity.prepared = prepared.is_some();
        Ok(this)
    }

    /// Loads `model` to compute on `provider`, and looks at which nodes really do.
    pub(crate) fn accelerated(
        library: &Library,
        model: &Model,
        device: &str,
        provider: ExecutionProviderDispatch,
        settings: Settings,
    ) -> Result<(Self, Placement)> {
        /// What the run's profile is called; ONNX Runtime adds a date.
        const PROFILE: &str = "profile";
        let failed = |e: ort::Error| {
            Error::engine(device, format!("{} cannot use it", name(library))).caused_by(reason(&e))
        };
        let io =
            |e: std::io::Error| Error::engine(device, "its profile cannot be read").caused_by(e);
        // A folder for this session alone: others are made at the same time.
        let folder = tempfile::Builder::new()
            .prefix("ocelli-")
            .tempdir()
            .map_err(io)?;
        let session = builder(
            library,
            GraphOptimizationLevel::All,
            settings.threads,
            settings.spin,
        )
        .and_then(|b| Ok(b.with_execution_providers([provider])?))
        .and_then(|b| Ok(b.with_profiling(folder.path().join(PROFILE))?))
        .and_then(|b| load(b, model, settings.features))
        .map_err(failed)?;
        let mut this = Self::of(library, model, session, settings.features).map_err(failed)?;
        let input = Tensor::new(&model.manifest.input, model.file.fixed_batch.unwrap_or(1));
        this.run(&input, &mut Outputs::new(settings.features.is_some()))?;
        let profile = this.session.end_profiling().map_err(failed)?;
        let profile = std::fs::read_to_string(profile).map_err(io)?;
        let placement = Placement::read(&profile).map_err(|e| {
            Error::engine(device, "its profile is not what ONNX Runtime writes").caused_by(e)
        })?;
        this.identity.provider = placement.name();
        Ok((this, placement))
    }

    fn of(
        library: &Library,
        model: &Model,
        session: Session,
        features: Option<&Features>,
    ) -> ort::Result<Self> {
        let scores = &model.manifest.output.tensor;
        let selected = || OutputSelector::no_default().with(scores);
        let features = match features.map(Features::value) {
            Some(value) => {
                let both = selected().with(value);
                Some((value.to_owned(), RunOptions::new()?.with_outputs(both)))
            }
            None => None,
        };
        let input = session.inputs().first().map(|input| input.dtype());
        let is_double =
            input.and_then(|kind| kind.tensor_type()) == Some(TensorElementType::Float64);
        Ok(Self {
            session,
            widened: is_double.then(Vec::new),
            scores: scores.clone(),
            scores_only: RunOptions::new()?.with_outputs(selected()),
            features,
            identity: Identity {
                engine: name(library).into(),
                provider: "cpu".into(),
                prepared: false,
            },
            place: model.place(),
        })
    }
}

fn name(library: &Library) -> String {
    format!("onnxruntime {}", library.version)
}

/// A session's settings. Convolutions need level `All` for their blocked layout (without
/// it they are up to 3.2 times slower). Threads spin only while a run lasts, unless `spin`:
/// 2 threads that spin on burn a core between camera frames. 8-bit sums may not overflow:
/// on x86 without VNNI the fast way adds two products in 16 bits. Buffers are handed out one
/// by one: planned as one block they come on top of those of the first run, which costs a
/// MobileNetV2 2 MiB per session and gains nothing above 0.1 ms a run.
pub(crate) fn builder(
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
        .with_memory_pattern(false)?
        .with_config_entry("session.x64quantprecision", "1")?
        .with_config_entry("session.force_spinning_stop", if spin { "0" } else { "1" })?)
}

fn commit(mut builder: SessionBuilder, file: &Path) -> ort::Result<Session> {
    builder.commit_from_file(file)
}

/// Loads the original. Scores and features that are values inside the network are made
/// outputs of it first, in memory.
pub(crate) fn load(
    builder: SessionBuilder,
    model: &Model,
    features: Option<&Features>,
) -> ort::Result<Session> {
    let edited = model
        .edited(features, false)
        .map_err(|e| ort::Error::new(format!("{e:#}")))?;
    let Some(network) = edited else {
        return commit(builder, &model.path);
    };
    let folder = model.folder().display().to_string();
    builder
        .with_config_entry(
            "session.model_external_initializers_file_folder_path",
            folder,
        )?
        .commit_from_memory(&network)
}

/// ONNX Runtime's message without its source file and line.
pub(crate) fn reason(error: &ort::Error) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned()
}

impl Engine for OnnxRuntime {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn run(&mut self, input: &Tensor, outputs: &mut Outputs) -> Result<()> {
        let place = &self.place;
        let failed = |e: ort::Error| {
            Error::engine(place, "ONNX Runtime failed to run it").caused_by(reason(&e))
        };
        let shape = input.shape();
        let value: SessionInputValue = match input.elements() {
            Elements::Float32(v) if let Some(widened) = &mut self.widened => {
                widened.clear();
                widened.extend(v.iter().copied().map(f64::from));
                TensorRef::from_array_view((shape, &widened[..]))
                    .map_err(failed)?
                    .into()
            }
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
        let (Some((name, both)), Some(embedding)) = (&self.features, &mut outputs.embedding) else {
            let given = self
                .session
                .run_with_options([value], &self.scores_only)
                .map_err(failed)?;
            return copy(&given[0], &mut outputs.scores).map_err(failed);
        };
        let given = self
            .session
            .run_with_options([value], both)
            .map_err(failed)?;
        copy(&given[self.scores.as_str()], &mut outputs.scores)
            .and_then(|()| copy(&given[name.as_str()], embedding))
            .map_err(failed)
    }
}

/// Copies a tensor, widened to f32.
fn copy(value: &DynValue, output: &mut RawOutput) -> ort::Result<()> {
    let kind = value
        .dtype()
        .tensor_type()
        .unwrap_or(TensorElementType::Undefined);
    let begin = |output: &mut RawOutput, shape: &[i64]| {
        output.begin(shape.iter().map(|axis| usize::try_from(*axis).unwrap_or(0)));
    };
    match kind {
        TensorElementType::Float16 => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            begin(output, shape);
            output.values.extend(values.iter().map(|v| v.to_f32()));
        }
        TensorElementType::Float64 => {
            let (shape, values) = value.try_extract_tensor::<f64>()?;
            begin(output, shape);
            output.values.extend(values.iter().map(|v| *v as f32));
        }
        TensorElementType::Uint8 => {
            let (shape, values) = value.try_extract_tensor::<u8>()?;
            begin(output, shape);
            output.values.extend(values.iter().map(|v| f32::from(*v)));
        }
        TensorElementType::Int8 => {
            let (shape, values) = value.try_extract_tensor::<i8>()?;
            begin(output, shape);
            output.values.extend(values.iter().map(|v| f32::from(*v)));
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            begin(output, shape);
            output.values.extend_from_slice(values);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Barrier;
    use std::thread;

    use ort::ep::CPU;

    use super::{OnnxRuntime, Settings};
    use crate::engine::library;
    use crate::model::{Model, Overrides};

    /// Workers make their sessions at the same time, and each reads a profile of its own:
    /// nobody's may be removed by another, or the CPU would compute instead of the device.
    #[test]
    fn sessions_made_at_the_same_time_read_their_own_profiles() {
        const WORKERS: usize = 8;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::fs::read_dir(root.join("target/lib/ocelli"));
        let Some(file) = folder.into_iter().flatten().flatten().next() else {
            return log::warn!("skipped: no ONNX Runtime library (scripts/setup brings one)");
        };
        let library = library::find(Some(&file.path())).unwrap();
        let model = Model::open(&root.join("models/shapes.onnx"), Overrides::default()).unwrap();
        let settings = Settings {
            threads: 1,
            spin: false,
            features: None,
        };
        let start = Barrier::new(WORKERS);
        let placements: Vec<String> = thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        let provider = CPU::default().build();
                        let made =
                            OnnxRuntime::accelerated(&library, &model, "cpu", provider, settings);
                        made.map(|(_, placement)| placement.name().to_string())
                    })
                })
                .collect();
            let made = workers.into_iter().map(|worker| worker.join().unwrap());
            made.map(Result::unwrap).collect()
        });
        assert_eq!(placements, ["cpu"; WORKERS]);
    }
}
