//! What a JPEG says follows it in its file: the further pictures of an MPO (CIPA DC-007, a
//! TIFF structure in APP2) or of a container (gain maps, depth: the directory in XMP that
//! Ultra HDR and motion photos have). They are no frames of their own.

use std::sync::Once;

use super::Length;
use super::tiff_file::Reader;
use crate::jpeg::{APP1, APP2};

/// A further picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline::capture) struct Attached {
    /// Where it begins, counted from the start of the file, if that is said.
    pub start: Option<usize>,
    /// Bytes that it takes, padding included.
    pub size: usize,
}

const MPF: &[u8] = b"MPF\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The tag of the list of pictures, and the length of an entry.
const MP_ENTRY: usize = 0xb002;
const ENTRY: usize = 16;

/// An index that cannot be read is told once: a stream may have one in every picture.
static UNREADABLE: Once = Once::new();

/// What the segment `code` says of them; `content` is what it holds from `at` on.
pub(super) fn attached(code: u8, content: &[u8], at: usize) -> Vec<Attached> {
    let index = content.strip_prefix(MPF).filter(|_| code == APP2);
    let xmp = content.strip_prefix(XMP).filter(|_| code == APP1);
    match (index, xmp) {
        (Some(index), _) => pictures(index, at + MPF.len()).unwrap_or_else(|_| {
            UNREADABLE.call_once(|| {
                log::warn!(
                    "an MPO's index of pictures cannot be read: those after the first are taken for frames"
                );
            });
            Vec::new()
        }),
        (None, Some(packet)) => items(packet),
        (None, None) => Vec::new(),
    }
}

/// The pictures of an MPO but the first. Their offsets count from the index, which stands
/// at `base` in the file.
fn pictures(index: &[u8], base: usize) -> Result<Vec<Attached>, Length> {
    let unreadable = Length::AtLeast(usize::MAX);
    let (reader, directory) = Reader::new(index)?.ok_or(unreadable)?;
    let mut list = Vec::new();
    for number in 0..reader.count(directory)? {
        let entry = reader.entry(directory, number)?;
        if entry.tag != MP_ENTRY {
            continue;
        }
        for picture in 0..entry.bytes() / ENTRY {
            let at = entry.at + picture * ENTRY;
            let size = reader.number(at + 4, 4)?;
            let offset = reader.number(at + 8, 4)?;
            if offset > 0 {
                list.push(Attached {
                    start: base.checked_add(offset),
                    size,
                });
            }
        }
    }
    Ok(list)
}

/// The items of a container's directory but the first, which is the picture itself.
fn items(packet: &[u8]) -> Vec<Attached> {
    let items = String::from_utf8_lossy(packet);
    if !items.contains("Container") {
        return Vec::new();
    }
    let sizes = items.split("<rdf:li").skip(2).filter_map(|item| {
        // An attribute, `Item:Length="12"`, or an element, `<Item:Length>12<`.
        let value = item.split_once(":Length")?.1;
        let digits = value.trim_start_matches(['=', '>', '"', '\'', ' ']);
        let end = digits.find(|c: char| !c.is_ascii_digit());
        digits[..end.unwrap_or(digits.len())].parse().ok()
    });
    sizes.map(|size| Attached { start: None, size }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Attached, attached};

    #[test]
    fn an_index_of_either_byte_order_names_the_pictures_but_the_first() {
        for little in [true, false] {
            let short = |v: u16| {
                if little {
                    v.to_le_bytes()
                } else {
                    v.to_be_bytes()
                }
            };
            let long = |v: u32| {
                if little {
                    v.to_le_bytes()
                } else {
                    v.to_be_bytes()
                }
            };
            let order: &[u8] = if little { b"II" } else { b"MM" };
            let mut index = [b"MPF\0", order, &short(42), &long(8), &short(2)].concat();
            index.extend([&short(0xb001)[..], &short(4), &long(1), &long(3)].concat());
            index.extend([&short(0xb002)[..], &short(7), &long(48), &long(38)].concat());
            index.extend(long(0));
            for (size, offset) in [(1000, 0), (70, 972), (80, 1042)] {
                index.extend([&long(0)[..], &long(size), &long(offset), &[0; 4]].concat());
            }
            let expected = [(1000, 70), (1070, 80)].map(|(start, size)| Attached {
                start: Some(start),
                size,
            });
            // The index follows `MPF\0`, whose segment's content begins at byte 24.
            assert_eq!(attached(0xe2, &index, 24), expected);
            assert_eq!(attached(0xe2, &index[..60], 24), []);
            assert_eq!(attached(0xe3, &index, 24), []);
        }
    }

    #[test]
    fn a_container_names_its_items_as_attributes_or_elements() {
        let packet = |items: &str| {
            let text = format!(
                "http://ns.adobe.com/xap/1.0/\0<Container:Directory><rdf:Seq>{items}</rdf:Seq>"
            );
            attached(0xe1, text.as_bytes(), 4)
        };
        let size = |size| Attached { start: None, size };
        let attributes = r#"<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg" Item:Length="0"/></rdf:li>
            <rdf:li><Container:Item Item:Length="1275" Item:Semantic="GainMap" Item:Mime="image/jpeg"/></rdf:li>"#;
        assert_eq!(packet(attributes), [size(1275)]);
        let elements = "<rdf:li><Item:Semantic>Primary</Item:Semantic></rdf:li><rdf:li>\
            <Item:Semantic>GainMap</Item:Semantic><Item:Length>42</Item:Length></rdf:li>";
        assert_eq!(packet(elements), [size(42)]);
        assert_eq!(packet(""), []);
    }
}
