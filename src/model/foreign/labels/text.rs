//! A file's bytes as text: UTF-8, or UTF-16 as Windows writes it, with any of the three
//! line ends. Other encodings do not say what they are, and are refused.

use super::Fault;

/// What mends a text in another encoding.
const SAVE: &str = "save the file as UTF-8";

/// The text, its lines ended by line feeds alone.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest)?,
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        // No text has a NUL: this is the other half of a first letter, as in RFC 4627.
        [low, 0, ..] if *low != 0 => utf16(bytes, u16::from_le_bytes)?,
        [0, low, ..] if *low != 0 => utf16(bytes, u16::from_be_bytes)?,
        _ => utf8(bytes)?,
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // DOS ended its files so.
    let text = text.strip_suffix('\u{1a}').unwrap_or(&text);
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.char_indices().find(|(_, c)| is_odd(*c)) {
        None => Ok(text.to_owned()),
        Some((at, c)) => {
            let line = text[..at].matches('\n').count() + 1;
            let what = format!("holds the character {c:?}: this is no text");
            Err(Fault::at(line, what).with_remedy("give a text file"))
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<String, Fault> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    let at = error.valid_up_to();
    let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
    let what = format!("is not UTF-8: the byte 0x{:02x}", bytes[at]);
    Err(Fault::at(line, what).with_remedy(SAVE))
}

fn utf16(bytes: &[u8], word: fn([u8; 2]) -> u16) -> Result<String, Fault> {
    let broken = || Fault::of("is not UTF-16, although it begins so").with_remedy(SAVE);
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return Err(broken());
    };
    let words: Vec<u16> = pairs.iter().map(|pair| word(*pair)).collect();
    String::from_utf16(&words).map_err(|_| broken())
}
