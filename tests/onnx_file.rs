//! Models with metadata of our choosing, written as protobuf has it: a message may be
//! appended to, and `metadata_props` is a repeated field.

use std::path::Path;

use prost::Message;
use serde_json::Value;

use crate::support::ocelli;

/// As much of onnx.proto as that takes.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, repeated, tag = "14")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// The bytes of a bundled model without its manifest, which stands last, and with this
/// metadata instead.
pub fn with_metadata(model: &[u8], metadata: &[(&str, &str)]) -> Vec<u8> {
    let key = memchr::memmem::rfind(model, b"\x0a\x06ocelli").expect("a manifest");
    // Before it: the field's tag and the entry's length.
    let start = (2..=6).map(|bytes| key - bytes).find(|start| {
        let length = prost::encoding::decode_varint(&mut &model[start + 1..key]);
        model[*start] == 0x72 && length == Ok((model.len() - key) as u64)
    });
    let mut bytes = model[..start.expect("the manifest is last")].to_vec();
    bytes.extend(self::metadata(metadata));
    bytes
}

/// The bytes of a bundled model with its manifest changed.
pub fn changed_manifest(model: &Path, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let output = ocelli(["inspect", &model.display().to_string(), "--json"]);
    let mut manifest = serde_json::from_slice::<Value>(&output.stdout).unwrap()["manifest"].take();
    change(&mut manifest);
    let bytes = std::fs::read(model).unwrap();
    with_metadata(&bytes, &[("ocelli", &manifest.to_string())])
}

/// Metadata to be appended to a model.
pub fn metadata(entries: &[(&str, &str)]) -> Vec<u8> {
    let entries = entries.iter().map(|(key, value)| Entry {
        key: (*key).into(),
        value: (*value).into(),
    });
    let metadata = Metadata {
        entries: entries.collect(),
    };
    metadata.encode_to_vec()
}
