//! Protobuf messages changed without being understood whole: fields are found in the bytes,
//! and those of no interest are copied as they are. So nothing that a newer ONNX adds is lost.

/// A field of a message.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    /// Its number in the message's definition.
    pub number: u64,
    /// Its key, its length and its content.
    pub bytes: &'a [u8],
    /// Its content.
    pub content: &'a [u8],
}

/// The fields of `message` in their order; `None` where one is cut short.
pub(super) fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let (field, after) = next_field(rest)?;
        fields.push(field);
        rest = after;
    }
    Some(fields)
}

/// The field that `bytes` begin with, and what follows it (protobuf's wire types: 0 varint,
/// 1 eight bytes, 2 length-delimited, 5 four bytes).
fn next_field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (key, key_length) = varint(bytes)?;
    let (header, content) = match key & 7 {
        0 => (key_length, varint(&bytes[key_length..])?.1),
        1 => (key_length, 8),
        2 => {
            let (content, length) = varint(&bytes[key_length..])?;
            (key_length + length, usize::try_from(content).ok()?)
        }
        5 => (key_length, 4),
        _ => return None,
    };
    let length = header
        .checked_add(content)
        .filter(|end| *end <= bytes.len())?;
    let (bytes, after) = bytes.split_at(length);
    let field = Field {
        number: key >> 3,
        bytes,
        content: &bytes[header..],
    };
    Some((field, after))
}

/// A variable-length integer and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Appends a length-delimited field to `message`.
pub(super) fn append(message: &mut Vec<u8>, number: u64, content: &[u8]) {
    append_varint(message, number << 3 | 2);
    append_varint(message, content.len() as u64);
    message.extend_from_slice(content);
}

fn append_varint(message: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}
