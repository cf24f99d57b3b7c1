//! What a model file is as a file: who can load it, and what an engine has to be told of it.

use std::path::Path;

use serde::Serialize;

use super::onnx::ModelProto;
use crate::error::{Error, Result};

/// The properties of an ONNX file that decide who can load it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct FileFacts {
    /// Bytes, without external data.
    pub bytes: usize,
    /// Version of the ONNX format.
    pub ir_version: i64,
    /// Version of the standard operators.
    pub opset: i64,
    /// The program that wrote it.
    pub producer: String,
    /// The batch size, where the graph fixes it.
    pub fixed_batch: Option<usize>,
    /// Files beside it that hold weights.
    pub external_data: Vec<String>,
    /// Whether an engine that knows only today's operators would misread some.
    #[serde(skip)]
    pub(crate) is_implicit: bool,
    /// Whether a node pads in front (`SAME_LOWER`) by the picture's size.
    #[serde(skip)]
    #[cfg_attr(not(feature = "rten"), allow(dead_code))]
    pub(crate) pads_by_size: bool,
    /// Whether it computes with integers that stand for real numbers.
    #[serde(skip)]
    #[cfg_attr(not(feature = "rten"), allow(dead_code))]
    pub(crate) is_quantized: bool,
    /// Whether the scores are a value inside the network, which gives a map of them.
    #[serde(skip)]
    pub(crate) has_scores_inside: bool,
    /// Whether it also gives what is no tensor of numbers.
    #[serde(skip)]
    pub(crate) gives_words: bool,
    /// The value below the classes, where the network's end shows it.
    #[serde(skip)]
    pub(crate) features: Option<String>,
}

impl FileFacts {
    pub(super) fn of(path: &Path, proto: &ModelProto, bytes: usize, output: &str) -> Result<Self> {
        let external_data: Vec<String> = proto
            .external_files()
            .into_iter()
            .map(String::from)
            .collect();
        let folder = folder_of(path);
        for name in &external_data {
            if !folder.join(name).is_file() {
                return Err(Error::model(
                    path.display().to_string(),
                    format!("its weights are in `{name}`, which is not beside it"),
                )
                .with_remedy(format!("copy {name} into {}", folder.display())));
            }
        }
        let fixed_batch = proto
            .inputs()
            .first()
            .and_then(|i| i.shape.first().copied().flatten());
        Ok(Self {
            bytes,
            ir_version: proto.ir_version,
            opset: proto.opset(),
            producer: proto.producer_name.clone(),
            fixed_batch,
            external_data,
            is_implicit: proto.is_implicit(),
            pads_by_size: proto.pads_by_size(),
            is_quantized: proto.is_quantized(),
            has_scores_inside: proto.is_inside(output),
            gives_words: proto.outputs().iter().any(|port| port.dtype.is_none()),
            features: proto.features(output).map(String::from),
        })
    }
}

/// The folder of a file; the current one has no name.
pub(super) fn folder_of(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// A file of the model cannot be read.
pub(super) fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::model(path.display().to_string(), "the model cannot be read")
        .caused_by(cause)
        .with_remedy(
            "name an ONNX file, a Hugging Face folder, or hf:OWNER/NAME, a model of the hub",
        )
        .with_settings(&["model"])
}
