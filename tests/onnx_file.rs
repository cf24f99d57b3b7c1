//! Models with metadata of our choosing, written as protobuf has it: a message may be
//! appended to, and `metadata_props` is a repeated field.

use prost::Message;

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
