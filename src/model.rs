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
mod gather;
mod graph;
mod hash;
mod head;
#[cfg(feature = "hub")]
mod hub;
mod kind;
mod label_sets;
mod like;
mod locate;
pub mod manifest;
mod meaning;
mod onnx;
mod outputs;
mod pack;
mod port;
mod progress;
pub mod recipes;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
pub use facts::{Fact, FactLine, Facts, fact};
pub use file::FileFacts;
use file::{folder_of, unreadable};
pub(crate) use gather::Gathered;
use gather::gather;
pub(crate) use graph::check_classes;
use hash::Fingerprint;
pub(crate) use head::{LinearHead, Places};
pub use label_sets::{label_set, label_set_names};
pub use locate::locate;
use manifest::{Manifest, Resize, Size};
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
    /// Opens the model at `path`: a file, a Hugging Face folder, or a name on the hub ([`locate`]).
    ///
    /// # Errors
    /// The file is no usable model; facts are missing or contradict each other.
    pub fn open(path: &Path, overrides: Overrides) -> Result<Model> {
        let Found {
            path,
            size,
            proto,
            gathered,
        } = Found::at(path, overrides)?;
        let Gathered { facts, trainer, .. } = gathered;
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
        if manifest.distance_rule().is_some() && features.is_none() {
            let what = "rejection.distance is about features that the network does not show";
            return Err(Error::model(place, what).with_expected(
                "their output as output.embedding, or a Gemm, a MatMul or a 1x1 Conv at its end",
            ));
        }
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
        Ok(Found::at(path, overrides)?.gathered.facts.lines())
    }

    /// The same as facts, with the number of classes.
    ///
    /// # Errors
    /// The file is no model.
    pub(crate) fn gathered(path: &Path, overrides: Overrides) -> Result<Gathered> {
        Ok(Found::at(path, overrides)?.gathered)
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

    /// Whether the network has features below its classes that can be told.
    pub fn has_features(&self) -> bool {
        self.features.is_some()
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
    gathered: Gathered,
}

impl Found {
    fn at(path: &Path, overrides: Overrides) -> Result<Self> {
        let path = locate(path, &mut |_| {})?;
        let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, e))?;
        let size = bytes.len();
        let proto = onnx::parse(&path.display().to_string(), bytes.into())?;
        let gathered = gather(&path, &proto, overrides)?;
        Ok(Self {
            path,
            size,
            proto,
            gathered,
        })
    }
}
