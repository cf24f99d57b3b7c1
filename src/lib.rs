//! Ocelli runs image classifiers on edge devices: a picture in, the right label out, by
//! the model's own rules.
//!
//! A [`model::Model`] is an ONNX file that describes itself: labels, preprocessing,
//! calibration and a proof. An [`engine::Engine`] runs its network. A
//! [`pipeline::Pipeline`] takes frames from a [`pipeline::capture::Source`] to records:
//!
//! ```text
//! capture → decode → preprocess → score  → smooth   → write
//! Frame     Picture  Tensor       Scores   Decision   Record
//! ```

pub mod audience;
pub mod cli;
pub mod commands;
pub mod engine;
pub mod error;
pub mod ffi;
mod jpeg;
pub mod model;
pub mod pipeline;
mod seldom;
pub mod serve;
mod tls;

pub use engine::{Engine, EngineChoice, EngineMaker, EngineOptions};
pub use error::{Error, ErrorKind, Result};
pub use model::Model;
pub use pipeline::{Pipeline, PipelineOptions};
