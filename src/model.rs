//! A model file and everything that has to be known to use it.

pub mod facts;
pub mod foreign;
pub mod graph;
pub mod manifest;
pub mod onnx;
pub mod pack;
pub mod training;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use facts::{FactLine, Facts, Told, fact};
use foreign::{huggingface, image_metadata, labels, timm, ultralytics};
use manifest::{KEY, Manifest, Resize, Size};
use onnx::ModelProto;

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
    /// The value whose softmax over all classes is the output, where the opset is so old
    /// that an engine may take another axis.
    pub flat_softmax: Option<String>,
}

/// How a model is opened: the facts that the user gives, which win over all others.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Facts from flags.
    pub facts: Facts,
    /// A label file.
    pub labels: Option<PathBuf>,
    /// A resize to whatever the input's size turns out to be.
    pub fit: Option<Fit>,
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
    pub fn open(path: &Path, wishes: Wishes) -> Result<Model> {
        let Found {
            path,
            size,
            proto,
            facts,
            told,
        } = Found::at(path, wishes)?;
        let place = path.display().to_string();
        let lines = facts.lines();
        let manifest = facts.into_manifest(&place, told)?;
        graph::check(&place, &proto, &manifest)?;
        let file = FileFacts::of(&path, &proto, size, &manifest.output.tensor)?;
        Ok(Model {
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
    pub fn known(path: &Path, wishes: Wishes) -> Result<Vec<FactLine>> {
        Ok(Found::at(path, wishes)?.facts.lines())
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
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let external = self.file.external_data.iter().map(|name| folder.join(name));
        for path in std::iter::once(self.path.clone()).chain(external) {
            digest(&path, &mut hash).map_err(|e| unreadable(&path, e))?;
        }
        Ok(hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

/// A model as it is found: read, and asked what it says.
struct Found {
    path: PathBuf,
    size: usize,
    proto: ModelProto,
    facts: Facts,
    told: Told,
}

impl Found {
    fn at(path: &Path, wishes: Wishes) -> Result<Self> {
        let path = if path.is_dir() {
            huggingface::model_file(path)?
        } else {
            path.to_owned()
        };
        let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, e))?;
        let size = bytes.len();
        let proto = onnx::parse(&path.display().to_string(), bytes.into())?;
        let (facts, told) = gather(&path, &proto, wishes)?;
        Ok(Self {
            path,
            size,
            proto,
            facts,
            told,
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
            flat_softmax: proto.flat_softmax(output).map(String::from),
        })
    }
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::model(path.display().to_string(), "the model cannot be read")
        .caused_by(cause)
        .remedy("name an ONNX file or a Hugging Face folder with -m")
}

/// Feeds a file to `hash` piece by piece: weights may be larger than the memory left.
fn digest(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        hash.update(piece);
        let length = piece.len();
        file.consume(length);
    }
}

/// All facts, the strongest first: flags; our own manifest; Ultralytics; Hugging Face;
/// timm; `Image.*` keys; a label file beside the model; the graph itself.
fn gather(path: &Path, proto: &ModelProto, wishes: Wishes) -> Result<(Facts, Told)> {
    let place = path.display().to_string();
    let output = wishes.facts.output.as_ref().map(|f| f.value.clone());
    let label_file = |file: &Path, origin: &str| {
        Ok(fact(
            fitting(labels::read(file)?, proto, output.as_deref()),
            origin,
        ))
    };
    let mut flags = wishes.facts;
    if let Some(file) = &wishes.labels {
        flags.labels = label_file(file, &format!("flag --labels {}", file.display()))?;
    }
    let (known, told) = match proto.metadata(KEY) {
        Some(json) => {
            Facts::from_manifest(Manifest::from_json(&place, json)?, "manifest in the file")
        }
        None => (foreign_facts(path, proto)?, Told::default()),
    };
    let mut facts = flags.or(known);
    if let (None, Some(file)) = (&facts.labels, labels::beside(path)) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        facts.labels = label_file(&file, &name)?;
    }
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
    let mut facts = facts.or(graph).or(named);
    if let (Some(fit), Some(size)) = (wishes.fit, &facts.size) {
        facts.resize = fact(fit.to(size.value), "flag --resize");
    }
    Ok((facts.with_consequences(), told))
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
    let outputs = proto.outputs();
    let scores = outputs
        .iter()
        .find(|port| output.is_none_or(|name| port.name == name));
    let classes: Option<usize> = scores.and_then(|p| p.shape.iter().skip(1).copied().product());
    if classes.is_some_and(|c| c + 1 == labels.len())
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
