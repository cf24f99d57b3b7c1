//! A model file and everything that has to be known to use it.

pub mod facts;
pub mod foreign;
pub mod graph;
pub mod manifest;
pub mod onnx;
pub mod pack;
pub mod training;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use facts::{FactLine, Facts, Told, fact};
use foreign::{huggingface, image_metadata, labels, timm, ultralytics};
use manifest::{Dtype, KEY, Manifest};
use onnx::{ModelProto, Port};

/// A model, ready to be loaded by an engine.
#[derive(Clone, Debug)]
pub struct Model {
    /// The ONNX file.
    pub path: PathBuf,
    /// All that is known about it.
    pub manifest: Manifest,
    /// The same, fact by fact, with origins.
    pub facts: Vec<FactLine>,
    /// What the file says about itself as a file.
    pub file: FileFacts,
}

/// The properties of an ONNX file that decide who can load it.
#[derive(Clone, Debug, serde::Serialize)]
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
}

/// How a model is opened: the facts that the user gives, which win over all others.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Facts from flags.
    pub facts: Facts,
    /// A label file.
    pub labels: Option<PathBuf>,
}

impl Model {
    /// Opens the model at `path`, a file or a Hugging Face folder.
    ///
    /// # Errors
    /// The file is no usable model; facts are missing or contradict each other.
    pub fn open(path: &Path, wishes: Wishes) -> Result<Model> {
        let path = if path.is_dir() {
            huggingface::model_file(path)?
        } else {
            path.to_owned()
        };
        let place = path.display().to_string();
        let bytes = read(&path)?;
        let size = bytes.len();
        let proto = onnx::parse(&place, bytes)?;
        let (facts, told) = gather(&path, &proto, wishes)?;
        let lines = facts.lines();
        let manifest = facts.into_manifest(&place, told)?;
        graph::check(&place, &proto, &manifest)?;
        let file = FileFacts::of(&path, &proto, size)?;
        Ok(Model {
            path,
            manifest,
            facts: lines,
            file,
        })
    }

    /// The path, for messages.
    pub fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// SHA-256 of the file and of its external data, in hexadecimal.
    ///
    /// # Errors
    /// A file vanished.
    pub fn sha256(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(read(&self.path)?);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        for name in &self.file.external_data {
            hash.update(read(&folder.join(name))?);
        }
        Ok(hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

impl FileFacts {
    fn of(path: &Path, proto: &ModelProto, bytes: usize) -> Result<Self> {
        let external_data: Vec<String> = proto
            .external_files()
            .into_iter()
            .map(String::from)
            .collect();
        let folder = path.parent().unwrap_or(Path::new("."));
        for name in &external_data {
            if !folder.join(name).is_file() {
                return Err(Error::model(
                    path.display().to_string(),
                    format!("its weights are in `{name}`, which is not beside it"),
                )
                .remedy(format!("copy {name} into {}", folder.display())));
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
        })
    }
}

fn read(path: &Path) -> Result<Bytes> {
    std::fs::read(path).map(Bytes::from).map_err(|e| {
        Error::model(path.display().to_string(), "the model cannot be read")
            .caused_by(e)
            .remedy("name an ONNX file or a Hugging Face folder with -m")
    })
}

/// All facts, the strongest first: flags; our own manifest; Ultralytics; Hugging Face;
/// timm; `Image.*` keys; a label file beside the model; the graph itself.
fn gather(path: &Path, proto: &ModelProto, wishes: Wishes) -> Result<(Facts, Told)> {
    let place = path.display().to_string();
    let mut flags = wishes.facts;
    if let Some(file) = &wishes.labels {
        let origin = format!("flag --labels {}", file.display());
        flags.labels = fact(fitting(labels::read(file)?, proto), &origin);
    }
    let (known, told) = match proto.metadata(KEY) {
        Some(json) => {
            Facts::from_manifest(Manifest::from_json(&place, json)?, "manifest in the file")
        }
        None => (
            foreign_facts(path, proto, flags.labels.is_some())?,
            Told::default(),
        ),
    };
    let facts = flags.or(known);
    let name_of = |f: &Option<facts::Fact<String>>| f.as_ref().map(|f| f.value.clone());
    let (input, output) = (name_of(&facts.tensor), name_of(&facts.output));
    let graph = graph::facts(&place, proto, input.as_deref(), output.as_deref())?;
    let stem = path
        .file_stem()
        .map_or("model".into(), |s| s.to_string_lossy().into_owned());
    let named = Facts {
        name: fact(stem, "file name"),
        ..Facts::default()
    };
    Ok((facts.or(graph).or(named).with_consequences(), told))
}

fn foreign_facts(path: &Path, proto: &ModelProto, labelled: bool) -> Result<Facts> {
    let mut facts = ultralytics::facts(&path.display().to_string(), proto)?
        .or(huggingface::facts(path)?)
        .or(timm::facts(path)?)
        .or(image_metadata::facts(&path.display().to_string(), proto)?);
    if facts.labels.is_none() && !labelled {
        if let Some(file) = labels::beside(path) {
            let origin = file
                .file_name()
                .map_or("labels".into(), |n| n.to_string_lossy().into_owned());
            facts.labels = fact(fitting(labels::read(&file)?, proto), &origin);
        }
    }
    Ok(facts)
}

/// A file of 1001 ImageNet labels begins with "background"; a model of 1000 classes has
/// no score for it. Any other difference is left to the check of the counts.
fn fitting(mut labels: Vec<String>, proto: &ModelProto) -> Vec<String> {
    let classes: Option<usize> = match &proto.outputs()[..] {
        [Port { shape, .. }] if shape.len() > 1 => shape.iter().skip(1).copied().product(),
        _ => None,
    };
    if classes.is_some_and(|c| c + 1 == labels.len())
        && labels[0].eq_ignore_ascii_case("background")
    {
        log::warn!(
            "the label file's first line, \"background\", is left out: the model has {} classes",
            labels.len() - 1
        );
        labels.remove(0);
    }
    labels
}

/// Whether a tensor of this type can be fed without quantisation being known.
impl Dtype {
    /// Whether the elements are integers.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Uint8 | Self::Int8)
    }
}
