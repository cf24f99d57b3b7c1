//! EXIF and XMP of a PNG, wherever PIL finds them: the `png` crate reads neither what
//! stands behind the pixels nor the "raw profiles" of ImageMagick and its like.

/// Metadata that may say which way is up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
}

/// Walks the chunks of a file; the last of a kind counts. Checksums are the decoder's
/// business.
pub(crate) fn read(png: &[u8]) -> Metadata {
    const SIGNATURE: usize = 8;
    let (mut exif, mut profile, mut xmp) = (None, None, None);
    let mut rest = png.get(SIGNATURE..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((kind, after)) = after.split_first_chunk::<4>() else {
            break;
        };
        let Some(content) = after.get(..length) else {
            break;
        };
        match kind {
            b"eXIf" => exif = Some(content.to_vec()),
            b"tEXt" | b"zTXt" | b"iTXt" => match text(*kind, content) {
                Some((b"Raw profile type exif", text)) => profile = from_hex(&text),
                Some((b"XML:com.adobe.xmp", text)) => xmp = Some(text),
                _ => {}
            },
            b"IEND" => break,
            _ => {}
        }
        // The checksum has four bytes.
        rest = after.get(length + 4..).unwrap_or_default();
    }
    Metadata {
        exif: exif.or(profile),
        xmp,
    }
}

/// Keyword and text of a chunk (PNG, section 11.3.4): a name, a zero, and what the kind
/// puts in front of the text.
fn text(kind: [u8; 4], content: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (keyword, rest) = at_zero(content)?;
    let text = match &kind {
        b"tEXt" => rest.to_vec(),
        b"zTXt" => inflate(rest.strip_prefix(&[0])?)?,
        _ => {
            let (flags, rest) = rest.split_first_chunk::<2>()?;
            let (_language, rest) = at_zero(rest)?;
            let (_translated, rest) = at_zero(rest)?;
            match flags {
                [0, _] => rest.to_vec(),
                [_, 0] => inflate(rest)?,
                _ => return None,
            }
        }
    };
    Some((keyword, text))
}

fn at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = memchr::memchr(0, bytes)?;
    Some((&bytes[..zero], &bytes[zero + 1..]))
}

fn inflate(compressed: &[u8]) -> Option<Vec<u8>> {
    /// PIL's limit, in bytes: bombs are not unpacked.
    const LONGEST: usize = 1 << 20;
    fdeflate::decompress_to_vec_bounded(compressed, LONGEST).ok()
}

/// The bytes of a raw profile: three lines (one empty, a name, the length), then
/// hexadecimal digits in lines.
fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .split(|byte| *byte == b'\n')
        .skip(3)
        .flatten()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte).to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::read;

    fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = vec![0; 8];
        for (kind, content) in chunks {
            file.extend((content.len() as u32).to_be_bytes());
            file.extend([&kind[..], content, &[0; 4]].concat());
        }
        file
    }

    #[test]
    fn profiles_and_packets_are_found_behind_the_pixels() {
        let found = read(&png(&[
            (b"IDAT", b"pixels"),
            (
                b"tEXt",
                b"Raw profile type exif\0\nexif\n       3\n4d4D\n2a\n",
            ),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0\0<x/>"),
        ]));
        assert_eq!(found.exif.as_deref(), Some(&b"MM*"[..]));
        assert_eq!(found.xmp.as_deref(), Some(&b"<x/>"[..]));
    }

    #[test]
    fn the_chunk_for_exif_comes_before_a_profile() {
        let profile = (b"tEXt", &b"Raw profile type exif\0\n\n\n4d"[..]);
        let found = read(&png(&[(b"eXIf", b"II"), profile]));
        assert_eq!(found.exif.as_deref(), Some(&b"II"[..]));
        for broken in [
            &b"Raw profile type exif\0\n\n\n4"[..],
            b"Raw profile type exif\0hi",
            b"x",
        ] {
            let found = read(&png(&[
                (b"tEXt", broken),
                (b"zTXt", b"Raw profile type exif\0\0x"),
            ]));
            assert!(found.exif.is_none_or(|exif| exif.is_empty()), "{broken:?}");
        }
    }
}
