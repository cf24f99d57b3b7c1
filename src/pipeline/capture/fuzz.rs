//! What has to hold of pipes, YUV4MPEG2 headers and SOURCE, whatever they hold.

use std::io::Read;

use super::stream::Stream;
use super::{Encoding, Frame, PixelFormat, Pull, Source, SourceSpec, y4m};

/// Room for any input of the fuzzer's, and too little room for most.
const ROOMY: usize = 1 << 20;
const TIGHT: usize = 1 << 10;

/// Bytes that come in pieces.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    size: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(self.size).min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// A frame, or `None` for one that failed.
type Pulled = Option<(Encoding, Vec<u8>)>;

fn frames(bytes: &[u8], size: usize, most: usize) -> Vec<Pulled> {
    let reader = Pieces {
        bytes: bytes.to_vec(),
        at: 0,
        size,
    };
    let mut stream = Stream::new(Box::new(reader), "-".into(), None, most);
    let (mut frame, mut found) = (Frame::default(), Vec::new());
    loop {
        match stream.next(&mut frame) {
            Pull::Frame => found.push(Some((frame.encoding, frame.bytes.clone()))),
            Pull::Failed(_) | Pull::Lost(_) => found.push(None),
            Pull::Broken(_) | Pull::End => return found,
        }
        // Each takes a byte at least, and the end may be told once more.
        assert!(found.len() <= bytes.len() + 2, "a pipe without an end");
    }
}

/// Says where the first difference is.
fn assert_same(whole: &[Pulled], in_pieces: &[Pulled]) {
    let pairs = whole.iter().zip(in_pieces).enumerate();
    for (at, (expected, found)) in pairs {
        assert_eq!(expected, found, "frame {at}, which came in pieces");
    }
    assert_eq!(whole.len(), in_pieces.len(), "frames");
}

/// A pipe gives the same frames in whatever pieces it comes, and nothing that was not in it.
/// The first byte is the size of the pieces.
pub fn pipes(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let size = usize::from(*size).max(1);
    let whole = frames(bytes, usize::MAX, ROOMY);
    assert_same(&whole, &frames(bytes, size, ROOMY));
    let given: usize = whole.iter().flatten().map(|(_, bytes)| bytes.len()).sum();
    assert!(given <= bytes.len(), "more bytes than came");
    frames(bytes, size, TIGHT);
}

/// The input, given three times as parts of a camera's multipart stream, gives three times
/// the same, or nothing three times.
pub fn multipart(input: &[u8]) {
    let length = input.len().to_string();
    let part = [
        &b"--fuzz\r\nContent-Type: image/jpeg\r\nContent-Length: "[..],
        length.as_bytes(),
        b"\r\n\r\n",
        input,
        b"\r\n",
    ];
    let stream = part.concat().repeat(3);
    let whole = frames(&stream, usize::MAX, ROOMY);
    assert_same(&whole, &frames(&stream, 7, ROOMY));
    assert!(whole.len() <= stream.len());
}

/// A header that is understood is understood again as it would be written.
pub fn y4m(input: &[u8]) {
    let Ok(format) = y4m::parse_header(&String::from_utf8_lossy(input)) else {
        return;
    };
    assert!(format.width > 0 && format.height > 0);
    let chroma = match format.pixels {
        PixelFormat::Yuv420p => "420",
        PixelFormat::Yuv422p => "422",
        PixelFormat::Yuv444p => "444",
        PixelFormat::Gray8 => "mono",
        other => panic!("{other:?} in a YUV4MPEG2 stream"),
    };
    let range = if format.full_range { "FULL" } else { "LIMITED" };
    let (width, height) = (format.width, format.height);
    let again = format!("YUV4MPEG2 W{width} H{height} C{chroma} XCOLORRANGE={range}");
    assert_eq!(y4m::parse_header(&again), Ok(format));
}

/// A source is shown as it is named, and means the same then.
pub fn source(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(source) = text.parse::<SourceSpec>() {
        let again = source.to_string().parse::<SourceSpec>();
        assert_eq!(again.ok(), Some(source), "{text:?}");
    }
}
