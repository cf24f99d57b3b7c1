//! A model file and everything that has to be known to use it.

mod digest;
mod facts;
mod foreign;
mod graph;
mod label_sets;
mod like;
pub mod manifest;
mod onnx;
mod pack;
pub mod recipes;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
pub(crate) use facts::Known;
use facts::TrainerSections;
pub use facts::{Fact, FactLine, Facts, fact};
use foreign::{huggingface, image_metadata, labels, timm, ultralytics};
pub(crate) use graph::check_classes;
use label_sets::class_count;
pub use label_sets::{label_set, label_set_names};
use like::Like;
use manifest::{KEY, Manifest, Resize, Size};
use onnx::ModelProto;
#[cfg(feature = "onnxruntime")]
pub(crate) use onnx::with_output;

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
    features: Option<Features>,
}

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
    /// The value whose softmax over all classes is the output, where the opset is so old
    /// that an engine may take another axis.
    pub flat_softmax: Option<String>,
    /// The value below the classes, where the network's end shows it.
    #[serde(skip)]
    pub(crate) features: Option<String>,
}

/// What the model says of itself.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Model", deny_unknown_fields))]
pub(crate) struct Document<'a> {
    /// Where it stands.
    path: String,
    /// Hash of the file and of its external data.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9a-f]{64}$")))]
    sha256: String,
    /// What the ONNX file is.
    file: &'a FileFacts,
    /// Each fact, and where it is from.
    facts: &'a [FactLine],
    /// All of it, as it is packed into a file.
    manifest: &'a Manifest,
}

/// Where a network's features are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Features {
    /// An output that the manifest names.
    Output(String),
    /// A value inside the network.
    Inside(String),
}

impl Features {
    /// The value's name.
    pub(crate) fn value(&self) -> &str {
        match self {
            Self::Output(value) | Self::Inside(value) => value,
        }
    }
}

/// How a model is opened: the facts that the user gives, which win over all others.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The facts given.
    pub facts: Facts,
    /// A label file, or a set of labels that is built in ([`label_set`]).
    pub labels: Option<Fact<PathBuf>>,
    /// The recipe of a known family ([`recipes`]): weaker than the facts given, stronger than
    /// all others.
    pub like: Option<Fact<String>>,
    /// A resize to whatever the input's size turns out to be.
    pub fit: Option<Fact<Fit>>,
}

/// How a picture is brought to the input's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Both sides at once, whatever the aspect.
    Exact,
    /// Whole, the rest filled with this colour.
    Letterbox([u8; 3]),
}

impl Fit {
    fn to(self, Size { width, height }: Size) -> Resize {
        match self {
            Self::Exact => Resize::Exact { width, height },
            Self::Letterbox(fill) => Resize::Letterbox {
                width,
                height,
                fill,
            },
        }
    }
}

impl Model {
    /// Opens the model at `path`, a file or a Hugging Face folder.
    ///
    /// # Errors
    /// The file is no usable model; facts are missing or contradict each other.
    pub fn open(path: &Path, overrides: Overrides) -> Result<Model> {
        let Found {
            path,
            size,
            proto,
            facts,
            trainer,
        } = Found::at(path, overrides)?;
        let place = path.display().to_string();
        let lines = facts.lines();
        let manifest = facts.into_manifest(&place, trainer)?;
        graph::check(&place, &proto, &manifest)?;
        let file = FileFacts::of(&path, &proto, size, &manifest.output.tensor)?;
        let named = manifest.output.embedding.clone().map(Features::Output);
        let features = named.or_else(|| file.features.clone().map(Features::Inside));
        Ok(Model {
            features,
            path,
            manifest,
            facts: lines,
            file,
        })
    }

    /// What is known about the model at `path`, whether or not that is enough to use it.
    ///
    /// # Errors
    /// The file is no model.
    pub fn known(path: &Path, overrides: Overrides) -> Result<Vec<FactLine>> {
        Ok(Found::at(path, overrides)?.facts.lines())
    }

    /// The same as facts, and the number of classes, where the graph fixes it.
    ///
    /// # Errors
    /// The file is no model.
    pub(crate) fn gathered(path: &Path, overrides: Overrides) -> Result<Known> {
        let output = overrides.facts.output.as_ref().map(|f| f.value.clone());
        let found = Found::at(path, overrides)?;
        Ok(Known {
            classes: class_count(&found.proto, output.as_deref()),
            facts: found.facts,
        })
    }

    /// The path, for messages.
    pub fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// Everything that is known about it, for programs: path, hash, file, facts with their
    /// origins, manifest.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn document(&self) -> Result<Value> {
        Ok(json!(Document {
            path: self.place(),
            sha256: self.sha256()?,
            file: &self.file,
            facts: &self.facts,
            manifest: &self.manifest,
        }))
    }

    /// The folder that it stands in, where its external data is.
    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// Where its features are, if that can be trainer.
    pub(crate) fn features(&self) -> Option<&Features> {
        self.features.as_ref()
    }

    /// SHA-256 of the file and of its external data, in hexadecimal.
    ///
    /// # Errors
    /// A file vanished.
    pub fn sha256(&self) -> Result<String> {
        let folder = self.folder();
        let external = self.file.external_data.iter().map(|name| folder.join(name));
        digest::sha256(std::iter::once(self.path.clone()).chain(external))
            .map_err(|(path, e)| unreadable(&path, e))
    }
}

/// A model as it is found: read, and asked what it says.
struct Found {
    path: PathBuf,
    size: usize,
    proto: ModelProto,
    facts: Facts,
    trainer: TrainerSections,
}

impl Found {
    fn at(path: &Path, overrides: Overrides) -> Result<Self> {
        let path = if path.is_dir() {
            huggingface::model_file(path)?
        } else {
            path.to_owned()
        };
        let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, e))?;
        let size = bytes.len();
        let proto = onnx::parse(&path.display().to_string(), bytes.into())?;
        let (facts, trainer) = gather(&path, &proto, overrides)?;
        Ok(Self {
            path,
            size,
            proto,
            facts,
            trainer,
        })
    }
}

impl FileFacts {
    fn of(path: &Path, proto: &ModelProto, bytes: usize, output: &str) -> Result<Self> {
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
            flat_softmax: proto.flat_softmax(output).map(String::from),
            features: proto.features(output).map(String::from),
        })
    }
}

/// The folder of a file; the current one has no name.
fn folder_of(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::model(path.display().to_string(), "the model cannot be read")
        .caused_by(cause)
        .with_remedy("name an ONNX file or a Hugging Face folder")
        .with_settings(&["model"])
}

/// All facts, the strongest first: those given; a recipe named; our own manifest; Ultralytics; Hugging Face;
/// timm; `Image.*` keys; a label file beside the model; the graph itself.
fn gather(
    path: &Path,
    proto: &ModelProto,
    overrides: Overrides,
) -> Result<(Facts, TrainerSections)> {
    let place = path.display().to_string();
    let output = overrides.facts.output.as_ref().map(|f| f.value.clone());
    let label_file = |file: &Path, origin: &str| {
        Ok(fact(
            fitting(label_sets::read(file)?, proto, output.as_deref()),
            origin,
        ))
    };
    let mut given = overrides.facts;
    if let Some(file) = &overrides.labels {
        given.labels = label_file(&file.value, &file.origin)?;
    }
    let (known, trainer) = match proto.metadata(KEY) {
        Some(json) => {
            Facts::from_manifest(Manifest::from_json(&place, json)?, "manifest in the file")
        }
        None => (foreign_facts(path, proto)?, TrainerSections::default()),
    };
    let name_of = |f: &Option<Fact<String>>| f.as_ref().map(|f| f.value.clone());
    let (input, output) = [
        (&given.tensor, &known.tensor),
        (&given.output, &known.output),
    ]
    .map(|(given, known)| name_of(given).or(name_of(known)))
    .into();
    let graph = graph::facts(&place, proto, input.as_deref(), output.as_deref())?;
    let like = overrides.like.map(|name| {
        let said = [&given, &known, &graph];
        let classes = class_count(proto, output.as_deref());
        Like::new(&name, said, overrides.fit.is_some(), classes)
    });
    let (like, like_labels) = like.transpose()?.map(|l| (l.preparation, l.labels)).unzip();
    let mut facts = given.or(like.unwrap_or_default()).or(known);
    if let (None, Some(file)) = (&facts.labels, labels::beside(path)) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        facts.labels = label_file(&file, &name)?;
    }
    let stem = path
        .file_stem()
        .map_or("model".into(), |s| s.to_string_lossy().into_owned());
    let named = Facts {
        name: fact(stem, "file name"),
        ..Facts::default()
    };
    let facts = facts.or(like_labels.unwrap_or_default());
    let mut facts = facts.or(graph).or(named);
    if let (Some(fit), Some(size)) = (overrides.fit, &facts.size) {
        facts.resize = fact(fit.value.to(size.value), &fit.origin);
    }
    Ok((facts.with_consequences(), trainer))
}

fn foreign_facts(path: &Path, proto: &ModelProto) -> Result<Facts> {
    let place = path.display().to_string();
    Ok(ultralytics::facts(&place, proto)?
        .or(huggingface::facts(path)?)
        .or(timm::facts(path)?)
        .or(image_metadata::facts(&place, proto)?))
}

/// A file of 1001 ImageNet labels begins with "background"; a model of 1000 classes has
/// no score for it. Any other difference is left to the check of the counts.
fn fitting(mut labels: Vec<String>, proto: &ModelProto, output: Option<&str>) -> Vec<String> {
    if class_count(proto, output).is_some_and(|c| c + 1 == labels.len())
        && labels[0].eq_ignore_ascii_case("background")
    {
        let classes = labels.len() - 1;
        log::warn!(
            "the label file's first line, \"background\", is left out: the model has {classes} classes"
        );
        labels.remove(0);
    }
    labels
}
