//! What stands between the pictures of a multipart stream (RFC 2046): boundaries and the
//! parts' headers, as web cameras write them: with or without dashes, lengths, carriage
//! returns and the first boundary, and behind the header of an HTTP answer. Parts that are
//! no pictures are passed over.

use super::split::{Between, LONGEST_START, Walker};

/// Bytes of a header; more are something else.
const LONGEST: usize = 16 * 1024;

/// Where in such a stream the reader is.
#[derive(Debug, Default)]
pub(super) struct Multipart {
    /// The last boundary, without its dashes. Empty before the first one.
    boundary: Vec<u8>,
    /// Bytes of the part that are still to come, if its header says how long it is.
    left: Option<usize>,
    /// Whether the part that is being read is no picture.
    is_foreign: bool,
    has_told: bool,
}

impl Multipart {
    /// Boundary and header, if `bytes` begin with them; `at_end` when no more will come.
    /// `source` is who is told of.
    pub(super) fn measure(&mut self, source: &str, bytes: &[u8], at_end: bool) -> Between {
        if self.is_foreign {
            match self.next_boundary(bytes) {
                Between::Skip(0) => self.is_foreign = false,
                other => return other,
            }
        }
        let mut lines = Lines {
            bytes,
            at: 0,
            at_end,
        };
        let first = match lines.next() {
            Line::Text(text) => text,
            Line::More => return Between::More,
            Line::End | Line::Binary => return Between::Unknown,
        };
        let behind_first = lines.at;
        let mut header = Header::default();
        let boundary = boundary_of(first);
        let is_known = boundary.is_some_and(|b| b == self.boundary);
        let is_field = header.read(first);
        let end = header.read_all(&mut lines);
        if end == HeaderEnd::More {
            return Between::More;
        }
        let ends = end != HeaderEnd::Text;
        let is_header = if is_field {
            ends && header.is_content
        } else if first.starts_with(b"HTTP/") {
            ends
        } else {
            let is_boundary = is_known || (ends && (first.starts_with(b"--") || header.is_content));
            is_boundary && boundary.is_some()
        };
        if !is_header {
            return Between::Unknown;
        }
        if let Some(boundary) = boundary.filter(|_| !is_field) {
            boundary.clone_into(&mut self.boundary);
        }
        if !ends {
            // Only the boundary: what follows it speaks for itself.
            return Between::Skip(behind_first);
        }
        self.begin(source, &header);
        Between::Skip(lines.at)
    }

    /// Whether the part that is being read is no picture: its bytes may be anything.
    pub(super) fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// A part begins.
    fn begin(&mut self, source: &str, header: &Header) {
        self.left = None;
        match header.kind {
            Some(kind) if starts_with_any(kind, &["multipart/"]) => {}
            Some(kind) if is_foreign(kind) && !self.boundary.is_empty() => {
                self.is_foreign = true;
                if !self.has_told {
                    self.has_told = true;
                    log::warn!(
                        "{source}: parts of the type {kind} are left out, they are no pictures"
                    );
                }
            }
            _ => self.left = header.length,
        }
    }

    /// An image of `length` bytes has ended, which may be less than its part has.
    pub(super) fn pass(&mut self, length: usize) {
        self.left = self.left.and_then(|left| left.checked_sub(length));
    }

    /// The rest of a part behind its image, if its length is right: the next boundary, or
    /// the end of the stream, has to stand behind it. At most `most` bytes are waited for.
    pub(super) fn rest(&mut self, bytes: &[u8], at_end: bool, most: usize) -> Between {
        let Some(left) = self.left.filter(|left| (1..=most).contains(left)) else {
            return Between::Unknown;
        };
        // Line ends and dashes may stand before a boundary, but not without end.
        let behind = bytes.get(left..).unwrap_or_default();
        let next = trimmed(behind, |byte| matches!(byte, b'\r' | b'\n' | b'-'));
        let is_short = next.len() < self.boundary.len().max(1);
        if is_short && behind.len() < LONGEST && !at_end {
            return Between::More;
        }
        self.left = None;
        let is_end = next.is_empty() && at_end && bytes.len() >= left;
        if is_end || (!self.boundary.is_empty() && next.starts_with(&self.boundary)) {
            Between::Skip(left)
        } else {
            Between::Unknown
        }
    }

    /// The bytes before the next boundary: none when one is there.
    fn next_boundary(&self, bytes: &[u8]) -> Between {
        let found = memchr::memmem::find_iter(bytes, &self.boundary).find_map(|at| {
            let dashes = bytes[..at].iter().rev().take_while(|b| **b == b'-').count();
            let start = at - dashes;
            (start == 0 || bytes[start - 1] == b'\n').then_some(start)
        });
        if let Some(start) = found {
            return Between::Skip(start);
        }
        // The last line may be the beginning of one.
        match memchr::memrchr(b'\n', bytes) {
            Some(end) if end + 1 < bytes.len() && bytes.len() - end > LONGEST => {
                Between::Skip(bytes.len())
            }
            Some(end) if end > 0 => Between::Skip(end),
            None if bytes.len() > LONGEST => Between::Skip(bytes.len() - LONGEST),
            _ => Between::More,
        }
    }
}

/// Whether parts of this type are no pictures. What is not said, or wrong, is looked at.
fn is_foreign(kind: &str) -> bool {
    let others = [
        "text/",
        "audio/",
        "video/",
        "application/json",
        "application/xml",
    ];
    starts_with_any(kind, &others)
}

/// Whether `text` starts with one of `starts`, in letters of either case.
fn starts_with_any(text: &str, starts: &[&str]) -> bool {
    let has = |start: &&str| {
        text.get(..start.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(start))
    };
    starts.iter().any(has)
}

/// A boundary without its dashes, if the line can be one (RFC 2046, 5.1.1).
fn boundary_of(line: &[u8]) -> Option<&[u8]> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    let name = trimmed(line.trim_ascii(), |byte| byte == b'-');
    let dashes = name.iter().rev().take_while(|b| **b == b'-').count();
    let name = &name[..name.len() - dashes];
    (!name.is_empty() && line.iter().all(allowed)).then_some(name)
}

/// Without the first bytes that are `dropped`.
fn trimmed(bytes: &[u8], dropped: impl Fn(u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|byte| !dropped(*byte));
    &bytes[start.unwrap_or(bytes.len())..]
}

/// What the lines before a picture say.
#[derive(Debug, Default)]
struct Header<'a> {
    /// Whether it speaks of content: it is not any text with colons.
    is_content: bool,
    length: Option<usize>,
    kind: Option<&'a str>,
}

/// What stands behind a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeaderEnd {
    /// An empty line, as it should, or a picture at once, or the end of the stream.
    Proper,
    /// Text that is no header, or bytes that are no picture.
    Text,
    /// It is not there yet.
    More,
}

impl<'a> Header<'a> {
    /// Reads one field; `false` if the line is none.
    fn read(&mut self, line: &'a [u8]) -> bool {
        let field = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.split_once(':'));
        let Some((name, value)) = field else {
            return false;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with("--") {
            return false;
        }
        self.is_content |= starts_with_any(name, &["content-"]);
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("content-type") {
            self.kind = Some(value.trim());
        }
        true
    }

    /// Reads the fields that follow, up to what is none.
    fn read_all(&mut self, lines: &mut Lines<'a>) -> HeaderEnd {
        while lines.at < LONGEST {
            let start = lines.at;
            let rest = &lines.bytes[start..];
            match lines.next() {
                Line::Text([]) | Line::End => return HeaderEnd::Proper,
                // Fields may go on in further lines.
                Line::Text([b' ' | b'\t', ..]) => {}
                Line::Text(text) if self.read(text) => {}
                Line::Binary if Walker::at_start(rest).is_some() => return HeaderEnd::Proper,
                Line::Binary if rest.len() < LONGEST_START && !lines.at_end => {
                    return HeaderEnd::More;
                }
                Line::Text(_) | Line::Binary => return HeaderEnd::Text,
                Line::More => return HeaderEnd::More,
            }
        }
        HeaderEnd::Text
    }
}

/// Lines of text before anything else.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    at_end: bool,
}

/// One of them.
enum Line<'a> {
    /// Without its end.
    Text(&'a [u8]),
    /// It may go on behind the bytes at hand.
    More,
    /// The stream ends here.
    End,
    /// These bytes are no text; they are not taken.
    Binary,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Line<'a> {
        let rest = &self.bytes[self.at..];
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        if rest.is_empty() && self.at_end {
            Line::End
        } else if !text.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            Line::Binary
        } else if end.is_none() && !self.at_end {
            Line::More
        } else {
            self.at += end.map_or(rest.len(), |end| end + 1);
            Line::Text(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Between, Multipart};

    /// What the reader makes of `bytes` when it comes to know them all.
    fn measure(multipart: &mut Multipart, bytes: &[u8]) -> Between {
        let by_size = (0..bytes.len()).map(|end| multipart.measure("-", &bytes[..end], false));
        let early = by_size
            .collect::<Vec<_>>()
            .into_iter()
            .find(|b| *b != Between::More);
        early.unwrap_or_else(|| multipart.measure("-", bytes, false))
    }

    #[test]
    fn boundaries_and_headers_of_many_cameras_are_passed() {
        let picture = b"\xff\xd8\xff\xe0";
        let headers: [&[u8]; 10] = [
            b"--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: 309\r\n\r\n",
            b"--b\nContent-Type: image/jpeg\n\n",
            b"--b\r\n\r\n",
            b"--b\r\n",
            b"----b:1--\r\nContent-Type:image/jpeg\r\n\r\n",
            b"myboundary\r\nContent-Type: image/jpeg\r\n\r\n",
            b"Content-Type: image/jpeg\r\nContent-Length: 5\r\nX-Timestamp: 1.5\r\n\r\n",
            b"Content-Type: image/jpeg;\r\n name=a\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nServer: cam\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n",
            b"--b\r\nContent-Type: image/jpeg\r\n",
        ];
        for header in headers {
            let bytes = [header, picture].concat();
            let expected = Between::Skip(header.len());
            let text = String::from_utf8_lossy(header);
            assert_eq!(
                measure(&mut Multipart::default(), &bytes),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn other_text_is_not_taken_for_a_header() {
        for text in [
            "garbage",
            "a: b\r\n\r\n",
            "--- and so on\nmore",
            "hello there\n\n",
            "b\r\n\r\n",
        ] {
            let bytes = [text.as_bytes(), b"\xff of no picture"].concat();
            let measured = measure(&mut Multipart::default(), &bytes);
            assert_eq!(measured, Between::Unknown, "{text}");
        }
    }

    #[test]
    fn a_known_boundary_ends_the_stream_with_or_without_dashes() {
        let mut multipart = Multipart::default();
        measure(&mut multipart, b"--b\r\n\r\n\xff\xd8\xff");
        for end in ["--b\r\n", "--b--\r\n", "--b--", "b--\r\n", "b"] {
            let measured = multipart.measure("-", end.as_bytes(), true);
            assert_eq!(measured, Between::Skip(end.len()), "{end}");
        }
        assert_eq!(multipart.measure("-", b"c\r\n", true), Between::Unknown);
        let with_words = b"--b--\r\nthe end\xff";
        assert_eq!(multipart.measure("-", with_words, true), Between::Skip(7));
    }

    #[test]
    fn parts_that_are_no_pictures_are_passed_up_to_the_next_boundary() {
        let mut multipart = Multipart::default();
        let header = b"--b\r\nContent-Type: text/xml\r\n\r\n";
        let bytes = [header, &b"<b>--b</b>\r\n\r\n--b\r\n\r\n\xff\xd8\xff"[..]].concat();
        for size in [1, 3, 1000] {
            let (mut start, mut end) = (0, 0);
            while start < bytes.len() - 3 {
                match multipart.measure("-", &bytes[start..end], false) {
                    Between::Skip(count) => start += count,
                    Between::More => end = (end + size).min(bytes.len()),
                    Between::Unknown => panic!("{:?}", &bytes[start..end]),
                }
            }
            assert_eq!(start, bytes.len() - 3);
        }
    }

    #[test]
    fn the_rest_of_a_part_is_passed_if_its_length_is_right() {
        let with_length = |length: usize| {
            let mut multipart = Multipart::default();
            let header = format!("--b\r\nContent-Length: {length}\r\n\r\n");
            measure(
                &mut multipart,
                &[header.as_bytes(), b"\xff\xd8\xff"].concat(),
            );
            multipart.pass(100);
            multipart
        };
        let rest = b"more\r\n--b\r\n";
        assert_eq!(with_length(104).rest(rest, false, 1000), Between::Skip(4));
        assert_eq!(with_length(103).rest(rest, false, 1000), Between::Unknown);
        assert_eq!(with_length(104).rest(b"more", true, 1000), Between::Skip(4));
        assert_eq!(with_length(104).rest(b"more", false, 1000), Between::More);
        assert_eq!(with_length(104).rest(rest, false, 3), Between::Unknown);
        assert_eq!(with_length(99).rest(rest, false, 1000), Between::Unknown);
    }
}
