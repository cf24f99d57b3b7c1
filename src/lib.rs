//! Ocelli runs image classifiers on edge devices: a picture in, the right label out, by
//! the model's own rules.
//!
//! ```
//! # fn main() -> ocelli::Result<()> {
//! # let photo = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/samples/star-1.jpg")).unwrap();
//! # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/shapes.onnx");
//! let mut classifier = ocelli::Classifier::open(model)?;
//! let answer = classifier.classify(&photo)?;
//! assert_eq!(answer.label, "star");
//! println!("{answer}");
//! # Ok(())
//! # }
//! ```
//!
//! That is all most programs need: see [`Classifier`] for its settings, batches, scores and
//! features. What it is made of serves those who want more:
//!
//! - A [`Model`] is an ONNX file that describes itself: labels, preprocessing, calibration
//!   and a proof. Files of others are understood, too, by their own conventions ([`model`]).
//! - An [`Engine`] runs its network: ONNX Runtime, loaded at run time from wherever it is, or
//!   the pure-Rust engine rten ([`engine`]).
//! - A [`Pipeline`] takes frames to records ([`pipeline`]):
//!
//!   ```text
//!   capture → decode → preprocess → score  → smooth   → write
//!   Frame     Picture  Tensor       Scores   Decision   Record
//!   ```
//! - A [`session`] follows live sources and tells their observers; [`notify`] has some,
//!   [`monitor`] keeps frames worth looking at, and `serve` is an HTTP service. A retrained model takes over by [`swap`], once it has passed
//!   its [`proof`].
//!
//! # Features
//!
//! | feature | what it brings |
//! |-|-|
//! | `onnxruntime` | the engine that loads ONNX Runtime |
//! | `rten` | the pure-Rust engine |
//! | `v4l` | cameras through V4L2 (Linux) |
//! | `nokhwa` | cameras through nokhwa |
//! | `serve` | the HTTP service |
//! | `mqtt` | decisions for an MQTT broker |
//! | `webhook` | records posted to an address |
//! | `http` | pictures from web addresses |
//! | `hub` | models of the Hugging Face Hub by name, `hf:OWNER/NAME` |
//! | `cli` | the program `ocelli` |
//!
//! All are on by default; one of the two engines is needed. `default-features = false,
//! features = ["rten"]` is a small runtime.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod calibration;
mod classifier;
mod deadline;
pub mod engine;
mod environment;
mod error;
mod ffi;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzz;
mod jpeg;
mod labelled;
pub mod matching;
pub mod memory;
pub mod model;
pub mod monitor;
pub mod notify;
pub mod pipeline;
mod priority;
pub mod proof;
mod region;
#[cfg(feature = "schema")]
mod schema;
#[cfg(feature = "serve")]
pub mod serve;
pub mod session;
pub mod swap;
pub mod teach;
pub mod tensor;
mod throttle;
#[cfg(any(
    feature = "serve",
    feature = "mqtt",
    feature = "webhook",
    feature = "http",
    feature = "hub"
))]
pub mod tls;

pub use classifier::{Answer, Classifier, ClassifierBuilder, Guess};
pub use engine::{Device, Engine, EngineChoice, EngineMaker, EngineOptions, Precision};
pub use error::{Error, ErrorKind, Result};
pub use model::Model;
pub use pipeline::preprocess::{Framing, Roi, Rotation, Turn};
pub use pipeline::record::Timing;
pub use pipeline::{Pipeline, PipelineMaker, PipelineOptions};

/// The README's program, run by the tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
