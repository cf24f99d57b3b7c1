//! A model file and everything that has to be known to use it.

mod axes;
mod constant;
mod edit;
mod explicit;
mod facts;
mod file;
mod foreign;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
mod graph;
mod hash;
#[cfg(feature = "hub")]
mod hub;
mod kind;
mod locate;
pub mod manifest;
mod meaning;
mod onnx;
mod outputs;
mod pack;
mod port;
mod progress;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Result;
use facts::TrainerSections;
pub use facts::{Fact, FactLine, Facts, fact};
pub use file::FileFacts;
use file::{folder_of, unreadable};
use foreign::{huggingface, image_metadata, labels, properties, snapshot, timm, ultralytics};
pub(crate) use graph::check_classes;
use hash::Fingerprint;
pub use locate::locate;
use manifest::{KEY, Manifest, Resize, Size};
use onnx::ModelProto;
pub use progress::Progress;

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
    fingerprint: OnceLock<Fingerprint>,
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
    /// A label file.
    pub labels: Option<Fact<PathBuf>>,
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
    /// Opens the model at `path`: a file, a Hugging Face folder, or a name on the hub ([`locate`]).
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
        let is_chosen =
            |l: &&FactLine| l.fact == "output.tensor" && l.origin.starts_with("graph: ");
        if let Some(FactLine { origin, .. }) = lines.iter().find(is_chosen) {
            log::info!(
                "{place}: output `{}` is taken ({origin})",
                manifest.output.tensor
            );
        }
        let file = FileFacts::of(&path, &proto, size, &manifest.output.tensor)?;
        let named = manifest.output.embedding.clone().map(Features::Output);
        let features = named.or_else(|| file.features.clone().map(Features::Inside));
        Ok(Model {
            features,
            path,
            manifest,
            facts: lines,
            file,
            fingerprint: OnceLock::new(),
        })
    }

    /// What is known about the model at `path`, whether or not that is enough to use it.
    ///
    /// # Errors
    /// The file is no model.
    pub fn known(path: &Path, overrides: Overrides) -> Result<Vec<FactLine>> {
        Ok(Found::at(path, overrides)?.facts.lines())
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
        let path = locate(path, &mut |_| {})?;
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

/// All facts, the strongest first: those given; our own manifest; Ultralytics; Hugging Face;
/// timm; `Image.*` keys; the graph itself. Labels may also be in other metadata, or beside.
fn gather(
    path: &Path,
    proto: &ModelProto,
    overrides: Overrides,
) -> Result<(Facts, TrainerSections)> {
    let place = path.display().to_string();
    let mut given = overrides.facts;
    let (known, trainer) = match proto.metadata(KEY) {
        Some(json) => {
            Facts::from_manifest(Manifest::from_json(&place, json)?, "manifest in the file")
        }
        None => (foreign_facts(path, proto)?, TrainerSections::default()),
    };
    let name_of = |a: &Option<Fact<String>>, b: &Option<Fact<String>>| {
        a.as_ref().or(b.as_ref()).map(|f| f.value.clone())
    };
    let input = name_of(&given.tensor, &known.tensor);
    let output = name_of(&given.output, &known.output);
    let mut graph = graph::facts(&place, proto, input.as_deref(), output.as_deref())?;
    let told = graph.kind.as_ref().map(|kind| kind.value);
    graph.kind = huggingface::output_kind(path, told)?.or(graph.kind);
    // A map of scores is named, its tensor is meant.
    if let (Some(meant), Some(named)) = (&graph.output, &mut given.output) {
        named.value.clone_from(&meant.value);
    }
    let scores = outputs::scores(&place, proto, output.as_deref())?.map(|fact| fact.value);
    let classes = scores.as_ref().and_then(outputs::classes);
    if let Some(file) = &overrides.labels {
        let labels = fitting(labels::read(&file.value)?, classes);
        given.labels = fact(labels, &file.origin);
    }
    let mut facts = given.or(known);
    if facts.labels.is_none() {
        facts.labels = own_labels(
            path,
            proto,
            scores.as_ref().map(|port| &port.name[..]),
            classes,
        )?;
    }
    let stem = path
        .file_stem()
        .map_or("model".into(), |s| s.to_string_lossy().into_owned());
    let named = Facts {
        name: fact(stem, "file name"),
        ..Facts::default()
    };
    let mut facts = facts.or(graph).or(snapshot::facts(path)).or(named);
    kind::settle(&mut facts, classes);
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

/// The names of the classes that the network holds, or the file's metadata, or a file
/// beside it; else the numbers that the network has for them.
fn own_labels(
    path: &Path,
    proto: &ModelProto,
    scores: Option<&str>,
    classes: Option<usize>,
) -> Result<Option<Fact<Vec<String>>>> {
    let numbers = match scores.and_then(|name| proto.class_labels(name)) {
        Some((names, true)) => return Ok(Some(names)),
        Some((numbers, false)) => Some(numbers),
        None => None,
    };
    if let Some(names) = properties::labels(proto, classes) {
        return Ok(Some(names));
    }
    let Some(file) = labels::beside(path) else {
        return Ok(numbers);
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(fact(fitting(labels::read(&file)?, classes), &name))
}

/// A file of 1001 ImageNet labels begins with "background" (torchvision writes
/// "__background__"); a model of 1000 classes has no score for it. Any other difference is left to the check of the counts.
fn fitting(mut labels: Vec<String>, classes: Option<usize>) -> Vec<String> {
    if classes.is_some_and(|c| c + 1 == labels.len())
        && ["background", "__background__"].contains(&&labels[0].to_lowercase()[..])
    {
        let classes = labels.len() - 1;
        log::warn!(
            "the label file's first label, \"{}\", is left out: the model has {classes} classes",
            labels[0]
        );
        labels.remove(0);
    }
    labels
}
