//! What runs the network: ONNX Runtime where its library is found, and a pure-Rust engine
//! that is always there. Which of them runs is said once on stderr and in every record.

mod elf;
mod library;
mod onnxruntime;
mod prepared;
mod provider;
mod pure_rust;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::pipeline::preprocess::Tensor;
pub use library::survey;
pub use provider::{Device, Precision};

/// Runs a network on a batch of input tensors.
pub trait Engine: Send {
    /// What is running, for the records.
    fn identity(&self) -> &Identity;

    /// Runs the network on `input` and writes the scores of every item to `output`.
    ///
    /// # Errors
    /// The engine's own words.
    fn run(&mut self, input: &Tensor, output: &mut RawScores) -> Result<()>;
}

/// The truth about what runs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Name and version, such as `onnxruntime 1.32.0`.
    pub engine: Arc<str>,
    /// The hardware interface that computes, such as `cpu`.
    pub provider: Arc<str>,
    /// Whether a network prepared by `ocelli prepare` was loaded.
    pub prepared: bool,
}

/// The output tensor as the network gave it, widened to f32: `[batch, classes]`, flat,
/// integers not yet dequantised.
#[derive(Clone, Debug, Default)]
pub struct RawScores {
    /// The values, item after item.
    pub values: Vec<f32>,
    /// Axes as the engine reports them.
    pub shape: Vec<usize>,
}

/// Which engine is wished for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// ONNX Runtime where it is found, else the pure-Rust engine.
    #[default]
    Auto,
    /// ONNX Runtime or an error.
    OnnxRuntime,
    /// The pure-Rust engine.
    Rten,
}

/// How engines are made.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Which engine.
    pub choice: EngineChoice,
    /// An ONNX Runtime library to use and no other.
    pub library: Option<PathBuf>,
    /// Whether a prepared network may be loaded.
    pub use_prepared: bool,
    /// Whether ONNX Runtime's threads wait busily between runs.
    pub spin: bool,
    /// What is to compute.
    pub device: Device,
    /// Whether it is an error if that cannot.
    pub require: bool,
    /// In which numbers TensorRT computes.
    pub precision: Precision,
}

/// A loaded engine for one model, from which each worker gets its own session.
pub struct EngineMaker {
    model: Arc<Model>,
    backend: Backend,
    use_prepared: bool,
    spin: bool,
    device: Device,
    require: bool,
    precision: Precision,
    /// Whether the CPU computes, because the device could not.
    fallen: AtomicBool,
}

enum Backend {
    OnnxRuntime {
        library: library::Library,
        prepared: Option<PathBuf>,
    },
    PureRust(pure_rust::Network),
}

impl Backend {
    fn onnxruntime(library: library::Library, model: &Model, use_prepared: bool) -> Result<Self> {
        let prepared = if use_prepared {
            prepared::find(model, &library.version)?
        } else {
            None
        };
        Ok(Self::OnnxRuntime { library, prepared })
    }
}

impl EngineMaker {
    /// Finds the engine and loads what its sessions share.
    ///
    /// # Errors
    /// The engine wished for cannot be loaded, or cannot load the model.
    pub fn new(model: Arc<Model>, options: &EngineOptions) -> Result<Self> {
        let named = library::wished(options.library.as_deref());
        let library = match options.choice {
            EngineChoice::Rten => None,
            EngineChoice::Auto if named.is_none() => library::find(None)
                .inspect_err(|e| log::warn!("the pure-Rust engine runs, which is slower: {e}"))
                .ok(),
            EngineChoice::Auto | EngineChoice::OnnxRuntime => {
                Some(library::find(named.as_deref())?)
            }
        };
        let backend = match library {
            Some(library) => Backend::onnxruntime(library, &model, options.use_prepared)?,
            None => Backend::PureRust(pure_rust::Network::load(&model)?),
        };
        let device = match &backend {
            Backend::OnnxRuntime { library, .. } => options.device.resolve(&library.path),
            Backend::PureRust(_) => options.device,
        };
        let maker = Self {
            model,
            backend,
            use_prepared: options.use_prepared,
            spin: options.spin,
            device,
            require: options.require,
            precision: options.precision,
            fallen: AtomicBool::new(false),
        };
        if matches!(maker.backend, Backend::PureRust(_))
            && !matches!(device, Device::Auto | Device::Cpu)
        {
            let what = "the pure-Rust engine computes on the CPU only";
            maker.fall_back(Error::engine(device.to_string(), what))?;
        }
        Ok(maker)
    }

    /// The same engine for another model; a process can start ONNX Runtime only once.
    ///
    /// # Errors
    /// The engine cannot load the model.
    pub fn for_model(&self, model: Arc<Model>) -> Result<Self> {
        let backend = match &self.backend {
            Backend::OnnxRuntime { library, .. } => {
                Backend::onnxruntime(library.clone(), &model, self.use_prepared)?
            }
            Backend::PureRust(_) => Backend::PureRust(pure_rust::Network::load(&model)?),
        };
        Ok(Self {
            model,
            backend,
            use_prepared: self.use_prepared,
            spin: self.spin,
            device: self.device,
            require: self.require,
            precision: self.precision,
            fallen: AtomicBool::new(false),
        })
    }

    /// The CPU computes instead of the device, which is said, unless that is an error.
    fn fall_back(&self, why: Error) -> Result<()> {
        if self.require {
            return Err(why.remedy("leave --require out to compute on the CPU"));
        }
        if !self.fallen.swap(true, Ordering::Relaxed) {
            log::warn!("the CPU computes: {why}");
        }
        Ok(())
    }

    /// A session on the device, if it is another than the CPU and can compute.
    fn accelerated(
        &self,
        library: &library::Library,
        threads: usize,
    ) -> Result<Option<Box<dyn Engine>>> {
        let Self { model, device, .. } = self;
        let provider = device.provider(self.precision, model, &library.version)?;
        let Some(provider) = provider.filter(|_| !self.fallen.load(Ordering::Relaxed)) else {
            return Ok(None);
        };
        let settings = (threads, self.spin);
        let name = device.to_string();
        let made = onnxruntime::OnnxRuntime::accelerated(library, model, &name, provider, settings);
        let why = match made {
            Ok((engine, placement)) if placement.is_accelerated() => {
                if let Some(operators) = placement.fallen() {
                    log::warn!(
                        "{device} does not run all of it ({}): {operators} run on the CPU",
                        placement.name()
                    );
                }
                return Ok(Some(Box::new(engine)));
            }
            Ok(_) => Error::engine(name, "it runs no node of this network"),
            Err(error) => error,
        };
        self.fall_back(why)?;
        Ok(None)
    }

    /// Whether the user named a library, so that it has to be used.
    pub fn is_library_named(options: &EngineOptions) -> bool {
        library::wished(options.library.as_deref()).is_some()
    }

    /// A session of its own that computes with `threads` threads.
    ///
    /// # Errors
    /// The engine cannot load the model.
    pub fn make(&self, threads: usize) -> Result<Box<dyn Engine>> {
        match &self.backend {
            Backend::OnnxRuntime { library, prepared } => {
                if let Some(engine) = self.accelerated(library, threads)? {
                    return Ok(engine);
                }
                let session = |prepared| {
                    onnxruntime::OnnxRuntime::new(
                        library,
                        &self.model,
                        prepared,
                        threads,
                        self.spin,
                    )
                };
                let made = match prepared.as_deref() {
                    None => session(None),
                    Some(file) => session(Some(file)).or_else(|e| {
                        log::warn!(
                            "{}: the prepared model is broken, the original is loaded: {e}",
                            file.display()
                        );
                        session(None)
                    }),
                };
                Ok(Box::new(made?))
            }
            Backend::PureRust(network) => Ok(Box::new(network.session(threads))),
        }
    }

    /// Saves the network as ONNX Runtime optimised it for this machine; the folder that
    /// it was saved in, or `None` where the engine has nothing to prepare.
    ///
    /// # Errors
    /// The cache cannot be written, or the model not loaded.
    pub fn prepare(&self) -> Result<Option<PathBuf>> {
        match &self.backend {
            Backend::OnnxRuntime { library, .. } => {
                // TensorRT prepares by building: minutes, once.
                if let Device::TensorRt(_) = self.device
                    && self.accelerated(library, 1)?.is_some()
                {
                    let version = &library.version;
                    return prepared::tensorrt(&self.model, version, self.device, self.precision);
                }
                prepared::save(library, &self.model).map(Some)
            }
            Backend::PureRust(_) => Ok(None),
        }
    }
}
