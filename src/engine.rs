//! What runs the network: ONNX Runtime where its library is found, and a pure-Rust engine
//! that is always there. Which of them runs is said once in the log and in every record.

#[cfg(feature = "onnxruntime")]
mod cache;
mod device;
#[cfg(feature = "onnxruntime")]
mod elf;
#[cfg(feature = "onnxruntime")]
mod library;
mod maker;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
#[cfg(feature = "onnxruntime")]
mod placement;
#[cfg(feature = "onnxruntime")]
mod prepared;
#[cfg(feature = "rten")]
mod rten;

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::tensor::{Outputs, Tensor};
pub use device::{Device, Precision};
#[cfg(feature = "onnxruntime")]
pub use library::survey;
pub use maker::EngineMaker;
#[cfg(feature = "onnxruntime")]
pub use prepared::{CacheUse, cache_use};

#[cfg(not(any(feature = "onnxruntime", feature = "rten")))]
compile_error!("ocelli needs an engine: enable the feature `onnxruntime` or `rten`");

/// Runs a network on a batch of input tensors.
pub trait Engine: Send {
    /// What is running, for the records.
    fn identity(&self) -> &Identity;

    /// Runs the network on `input` and writes what it gives for every item to `outputs`:
    /// the scores, and the features where `outputs` has room for them and the engine was
    /// made to give them ([`EngineOptions::embedding`]).
    ///
    /// # Errors
    /// The engine's own words.
    fn run(&mut self, input: &Tensor, outputs: &mut Outputs) -> Result<()>;
}

/// The truth about what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Name and version, such as `onnxruntime 1.32.0`.
    pub engine: Arc<str>,
    /// The hardware interface that computes, such as `cpu`.
    pub provider: Arc<str>,
    /// Whether it is the network as it was optimised once for this machine.
    pub prepared: bool,
}

/// Which engine is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Which engine.
    pub choice: EngineChoice,
    /// An ONNX Runtime library to use and no other.
    pub library: Option<PathBuf>,
    /// Whether what is made for this machine, such as the network optimised, is kept on the
    /// disk and taken from there.
    pub use_cache: bool,
    /// Whether ONNX Runtime's threads wait busily between runs.
    pub spin: bool,
    /// What is to compute.
    pub device: Device,
    /// Whether it is an error if that cannot.
    pub require: bool,
    /// In which numbers TensorRT computes.
    pub precision: Precision,
    /// Whether the features below the classes are wanted, too.
    pub embedding: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            choice: EngineChoice::default(),
            library: None,
            use_cache: true,
            spin: false,
            device: Device::default(),
            require: false,
            precision: Precision::default(),
            embedding: false,
        }
    }
}
