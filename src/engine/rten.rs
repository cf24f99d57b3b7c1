//! The engine that is always there: rten, compiled in. Slower than ONNX Runtime, but it
//! needs no library, so the first run works and so do boards that have none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rten::{NodeId, RunOptions, ThreadPool, Value, ValueOrView, ValueView};
use rten_tensor::TensorView;
use rten_tensor::prelude::{AsView, Layout};

use super::{Engine, Identity};
use crate::error::{Error, Result};
use crate::model::{Features, Model};
use crate::tensor::{Elements, Outputs, RawOutput, Tensor};

/// The release of rten in Cargo.toml.
const ENGINE: &str = "rten 0.27";

/// A loaded network, shared by its sessions.
pub(crate) struct Network {
    network: Arc<rten::Model>,
    input: NodeId,
    output: NodeId,
    features: Option<NodeId>,
    place: String,
}

/// A session: the network and a pool of threads.
pub(crate) struct Rten {
    network: Arc<rten::Model>,
    input: NodeId,
    output: NodeId,
    features: Option<NodeId>,
    options: RunOptions,
    identity: Identity,
    /// rten has no 16-bit floats: such input is widened into this buffer.
    widened: Vec<f32>,
    place: String,
}

impl Network {
    /// Loads `model`, to give `features` beside the scores if they are wanted.
    pub(crate) fn load(model: &Model, features: Option<&Features>) -> Result<Self> {
        let place = model.place();
        let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
            Error::model(&place, format!("{ENGINE}, the pure-Rust engine, cannot load it")).caused_by(e).with_remedy(
                "install ONNX Runtime (scripts/setup), which knows more operators, or export with other ones",
            )
        };
        if model.file.pads_by_size {
            let what = "a node pads with SAME_LOWER, which it would take for SAME_UPPER";
            return Err(failed(what.into()));
        }
        let edited = model.edited(features, true)?;
        let network = guarded(|| read(model, edited))
            .map_err(|e| failed(e.into()))?
            .map_err(failed)?;
        let find = |name: &str| {
            network
                .node_id(name)
                .map_err(|e| failed(e.to_string().into()))
        };
        if model.file.is_quantized && model.manifest.proof.is_none() {
            log::info!(
                "{place}: a quantised network, which {ENGINE} rounds step by step as the file says; \
                 ONNX Runtime joins steps, and scores may differ from its by a few hundredths"
            );
        }
        let input = find(&model.manifest.input.tensor)?;
        let output = find(&model.manifest.output.tensor)?;
        let features = features.map(|f| find(f.value())).transpose()?;
        Ok(Self {
            network: Arc::new(network),
            input,
            output,
            features,
            place,
        })
    }

    /// A session with `threads` threads.
    pub(crate) fn session(&self, threads: usize) -> Rten {
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::new(ThreadPool::with_num_threads(threads)));
        Rten {
            network: self.network.clone(),
            input: self.input,
            output: self.output,
            features: self.features,
            options,
            identity: Identity {
                engine: ENGINE.into(),
                provider: "cpu".into(),
                prepared: false,
            },
            widened: Vec::new(),
            place: self.place.clone(),
        }
    }
}

/// Reads a network, from its file or as it was `edited`. Weights beside it are handed over: rten
/// would look for them beside the file that a link to the model points to, and caches are made
/// of links.
fn read(
    model: &Model,
    edited: Option<Vec<u8>>,
) -> std::result::Result<rten::Model, Box<dyn std::error::Error + Send + Sync>> {
    let external = &model.file.external_data;
    let bytes = match edited {
        Some(bytes) => bytes,
        None if external.is_empty() => return Ok(rten::Model::load_file(&model.path)?),
        None => std::fs::read(&model.path)?,
    };
    let mut options = rten::ModelOptions::with_all_ops();
    for name in external {
        options.external_data(name, std::fs::read(model.folder().join(name))?);
    }
    Ok(options.load(bytes)?)
}

impl Engine for Rten {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn run(&mut self, input: &Tensor, outputs: &mut Outputs) -> Result<()> {
        let shape = input.shape();
        let view: ValueView = match input.elements() {
            Elements::Float32(v) => TensorView::from_data(&shape, &v[..]).into(),
            Elements::Float16(v) => {
                self.widened.clear();
                self.widened.extend(v.iter().map(|x| x.to_f32()));
                TensorView::from_data(&shape, &self.widened[..]).into()
            }
            Elements::Uint8(v) => TensorView::from_data(&shape, &v[..]).into(),
            Elements::Int8(v) => TensorView::from_data(&shape, &v[..]).into(),
        };
        let failed = |e: String| {
            Error::engine(&self.place, format!("{ENGINE} failed to run it")).caused_by(e)
        };
        let inputs = vec![(self.input, ValueOrView::View(view))];
        let mut wanted = vec![self.output];
        wanted.extend(self.features.filter(|_| outputs.embedding.is_some()));
        let run = || {
            self.network
                .run(inputs, &wanted, Some(self.options.clone()))
        };
        let given = guarded(run)
            .map_err(failed)?
            .map_err(|e| failed(e.to_string()))?;
        let buffers = std::iter::once(&mut outputs.scores).chain(&mut outputs.embedding);
        for (value, buffer) in given.iter().zip(buffers) {
            copy(value, buffer).map_err(failed)?;
        }
        Ok(())
    }
}

/// Copies a tensor, widened to f32.
fn copy(value: &Value, output: &mut RawOutput) -> std::result::Result<(), String> {
    output.begin(value.shape().as_slice().iter().copied());
    match value {
        Value::FloatTensor(t) => output.values.extend(t.iter()),
        Value::Int32Tensor(t) => output.values.extend(t.iter().map(|v| *v as f32)),
        Value::Int8Tensor(t) => output.values.extend(t.iter().map(|v| f32::from(*v))),
        Value::UInt8Tensor(t) => output.values.extend(t.iter().map(|v| f32::from(*v))),
        _ => return Err("the output is not a tensor".into()),
    }
    Ok(())
}

/// rten checks what it loads, but a hostile file may still trip an assertion inside it:
/// that is this model's error, not the end of the program.
fn guarded<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        format!("it tripped an assertion: {}", text.unwrap_or("no message"))
    })
}
