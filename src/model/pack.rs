//! Writing facts into a model file. Protobuf lets a message be extended by appending
//! another one to it, and `metadata_props` is a repeated field: so the network's bytes
//! stay as they are, and only an earlier manifest is cut out.

use std::path::Path;

use prost::Message;

use super::Model;
use super::manifest::KEY;
use super::onnx::{Entry, ModelProto};
use super::wire;
use crate::error::{Error, Result};

/// Field number of `metadata_props` in `ModelProto`.
const METADATA_PROPS: u64 = 14;

impl Model {
    /// Writes the model with its manifest, as it is now, into a file that describes itself.
    /// It is written beside and renamed, so that it is whole or not there. External weights
    /// stay where they are.
    ///
    /// # Errors
    /// The model cannot be read, or the file not be written.
    pub fn pack(&self, out: &Path) -> Result<()> {
        let failed = |e: std::io::Error| {
            Error::output(out.display().to_string(), "cannot be written").caused_by(e)
        };
        let bytes = std::fs::read(&self.path)
            .map_err(|e| Error::model(self.place(), "cannot be read").caused_by(e))?;
        let packed = embed(&self.place(), &bytes, self.manifest.to_json()?)?;
        let unfinished = out.with_extension("onnx.unfinished");
        std::fs::write(&unfinished, packed)
            .and_then(|()| std::fs::rename(&unfinished, out))
            .map_err(failed)
    }
}

/// The bytes of `model` with `manifest` (JSON) as its only manifest.
///
/// # Errors
/// `model` is not a protobuf message.
pub(super) fn embed(place: &str, model: &[u8], manifest: String) -> Result<Vec<u8>> {
    let mut packed = Vec::with_capacity(model.len() + manifest.len() + 64);
    let fields = wire::fields(model)
        .ok_or_else(|| Error::model(place, "not an ONNX model: a field is cut short"))?;
    for field in fields {
        if !(field.number == METADATA_PROPS && is_manifest(field.content)) {
            packed.extend_from_slice(field.bytes);
        }
    }
    let entry = Entry {
        key: KEY.into(),
        value: manifest,
    };
    let extension = ModelProto {
        metadata_props: vec![entry],
        ..ModelProto::default()
    };
    packed.extend_from_slice(&extension.encode_to_vec());
    Ok(packed)
}

fn is_manifest(entry: &[u8]) -> bool {
    Entry::decode(entry).is_ok_and(|e| e.key == KEY)
}

#[cfg(test)]
mod tests {
    use super::embed;
    use crate::model::onnx::{Entry, ModelProto};
    use prost::Message;

    #[test]
    fn embedding_twice_leaves_one_manifest_and_everything_else() {
        let other = Entry {
            key: "author".into(),
            value: "somebody".into(),
        };
        let model = ModelProto {
            ir_version: 8,
            metadata_props: vec![other],
            ..ModelProto::default()
        };
        let once = embed("m", &model.encode_to_vec(), "one".into()).unwrap();
        let twice = embed("m", &once, "two".into()).unwrap();
        let read = ModelProto::decode(twice.as_slice()).unwrap();
        assert_eq!(read.metadata_props.len(), 2);
        assert_eq!(read.metadata("ocelli"), Some("two"));
        assert_eq!(read.metadata("author"), Some("somebody"));
        assert_eq!(read.ir_version, 8);
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let error = embed("m.onnx", &[0x3a, 0xff, 0x01, 0x00], "x".into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "m.onnx: not an ONNX model: a field is cut short"
        );
    }
}
