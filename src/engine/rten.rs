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
use crate::tensor::{Elements, Outputs, RawOutput, Tensor, softmax};

/// The release of rten in Cargo.toml.
const ENGINE: &str = "rten 0.27";

/// A loaded network, shared by its sessions.
pub(crate) struct Network {
    network: Arc<rten::Model>,
    input: NodeId,
    output: NodeId,
    features: Option<NodeId>,
    softmax: bool,
    place: String,
}

/// A session: the network and a pool of threads.
pub(crate) struct Rten {
    network: Arc<rten::Model>,
    input: NodeId,
    output: NodeId,
    features: Option<NodeId>,
    /// Whether the output still has to go through a softmax over all classes: rten takes
    /// it over the last axis, which before opset 13 was not what it meant.
    softmax: bool,
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
        let network = guarded(|| read(model))
            .map_err(|e| failed(e.into()))?
            .map_err(failed)?;
        let find = |name: &str| {
            network
                .node_id(name)
                .map_err(|e| failed(e.to_string().into()))
        };
        let softmaxed = model.file.flat_softmax.as_ref();
        let input = find(&model.manifest.input.tensor)?;
        let output = find(softmaxed.unwrap_or(&model.manifest.output.tensor))?;
        let features = features.map(|f| find(f.value())).transpose()?;
        Ok(Self {
            network: Arc::new(network),
            input,
            output,
            features,
            softmax: softmaxed.is_some(),
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
            softmax: self.softmax,
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

/// Reads a network. Weights beside it are handed over, as rten would look for them beside the
/// file that a link to the model points to, and caches are made of links.
fn read(
    model: &Model,
) -> std::result::Result<rten::Model, Box<dyn std::error::Error + Send + Sync>> {
    if model.file.external_data.is_empty() {
        return Ok(rten::Model::load_file(&model.path)?);
    }
    let mut options = rten::ModelOptions::with_all_ops();
    for name in &model.file.external_data {
        options.external_data(name, std::fs::read(model.folder().join(name))?);
    }
    Ok(options.load(std::fs::read(&model.path)?)?)
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
        if self.softmax {
            let classes = outputs.scores.values.len() / shape[0];
            outputs
                .scores
                .values
                .chunks_exact_mut(classes.max(1))
                .for_each(|scores| softmax(scores, 1.0));
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
