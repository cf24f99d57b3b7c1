//! What has to hold of label files, Python's literals, ONNX files and manifests, whatever
//! they hold.

use bytes::Bytes;
use serde_json::json;

use super::foreign::labels;
use super::foreign::python;
use super::foreign::tree::Tree;
use super::manifest::Manifest;
use super::onnx;

const EXTENSIONS: [&str; 8] = ["txt", "json", "csv", "tsv", "yaml", "pbtxt", "py", "names"];

/// Labels are names that can be shown, no more than the file has bytes, and the same when
/// they are written as JSON and read again. The first byte chooses the file's extension.
pub fn labels(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let extension = EXTENSIONS[usize::from(*choice) % EXTENSIONS.len()];
    let Ok(found) = labels::parse(bytes, extension) else {
        return;
    };
    assert!(!found.names.is_empty() && found.names.len() <= bytes.len());
    let length: usize = found.names.iter().map(String::len).sum();
    // UTF-16 takes two bytes where UTF-8 takes three.
    assert!(length <= bytes.len() * 3 / 2, "more text than came");
    let items: Vec<_> = (0..)
        .zip(&found.names)
        .map(|(id, name): (usize, _)| json!({"id": id, "name": name}))
        .collect();
    let again = labels::parse(json!(items).to_string().as_bytes(), "json");
    assert_eq!(again.map(|again| again.names), Ok(found.names));
}

/// A literal that is read is the same when it is written as Python would and read again.
pub fn python(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match python::literal(text) {
        Ok(tree) => {
            let mut written = String::new();
            write(&tree, &mut written);
            assert_eq!(python::literal(&written), Ok(tree), "{written}");
        }
        Err(broken) => assert!(text.is_char_boundary(broken.at)),
    }
}

fn write(tree: &Tree, to: &mut String) {
    match tree {
        Tree::Text(text) => {
            to.push('\'');
            for c in text.chars() {
                match c {
                    '\'' | '\\' => to.extend(['\\', c]),
                    '\n' => to.push_str("\\n"),
                    '\u{e9}' => to.push_str("\\xe9"),
                    c => to.push(c),
                }
            }
            to.push('\'');
        }
        Tree::Whole(number) => to.push_str(&number.to_string()),
        Tree::Other(word) => to.push_str(word),
        Tree::List(items) => {
            to.push('[');
            for item in items {
                write(item, to);
                to.push(',');
            }
            to.push(']');
        }
        Tree::Map(entries) => {
            to.push('{');
            for (key, value) in entries {
                write(key, to);
                to.push(':');
                write(value, to);
                to.push(',');
            }
            to.push('}');
        }
    }
}

/// What is read of an ONNX file is the same when it is written and read again.
pub fn onnx(input: &[u8]) {
    let Ok(model) = onnx::parse("fuzz", Bytes::copy_from_slice(input)) else {
        return;
    };
    let written = prost::Message::encode_to_vec(&model);
    let again = onnx::parse("fuzz", written.clone().into()).expect("it was read before");
    assert!(prost::Message::encode_to_vec(&again) == written);
    assert!(
        model.inputs().len() + model.outputs().len() + model.external_files().len() <= input.len()
    );
}

/// A manifest that is accepted is the same when it is written and read again.
pub fn manifest(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(manifest) = Manifest::from_json("fuzz", text) else {
        return;
    };
    let written = manifest.to_json().expect("every manifest has a JSON form");
    let again = Manifest::from_json("fuzz", &written).expect("it was read before");
    assert_eq!(again.to_json().expect("it has one, too"), written);
}
