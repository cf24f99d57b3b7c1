//! Flags about the engine.

use std::path::PathBuf;

use clap::Args;
use ocelli::{Device, EngineChoice, EngineOptions, Precision};

use super::values;

/// Which engine runs the network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// onnxruntime, rten (pure Rust, always there) or auto: ONNX Runtime where it is found
    #[arg(long, default_value = "auto", value_parser = values::by_name::<EngineChoice>)]
    engine: EngineChoice,
    /// ONNX Runtime library to use [default: search, see README]
    #[arg(long, value_name = "FILE")]
    ort: Option<PathBuf>,
    /// Neither use nor keep networks that were optimised before
    #[arg(long)]
    no_cache: bool,
    /// What --no-cache was called in version 0.1, with its variable and its key
    #[arg(long, hide = true)]
    no_prepared: bool,
    /// What computes: auto, cpu, cuda[:N], tensorrt[:N] or xnnpack
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Stop if the device cannot be used, instead of computing on the CPU
    #[arg(long)]
    require: bool,
    /// Numbers that TensorRT computes with: fp32, fp16 or int8
    #[arg(long, value_name = "KIND", default_value = "fp32", value_parser = values::by_name::<Precision>)]
    precision: Precision,
    /// Let ONNX Runtime's threads wait busily between frames: a little quicker, burns a core
    #[arg(long)]
    spin: bool,
}

impl EngineArgs {
    /// The options.
    pub(crate) fn options(&self) -> EngineOptions {
        EngineOptions {
            choice: self.engine,
            library: self.ort.clone(),
            use_cache: !(self.no_cache || self.no_prepared),
            spin: self.spin,
            device: self.device,
            require: self.require,
            precision: self.precision,
            embedding: false,
        }
    }
}
