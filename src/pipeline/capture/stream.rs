//! Standard input, or anything else that can only be read forwards. What it holds is told
//! by its first bytes: images one after the other, alone or as parts of a multipart stream;
//! a YUV4MPEG2 stream; or a file of a kind that is not read, which the decoder names. Raw
//! pixels are told by a flag. A frame is given as soon as its last byte has come.

use std::io::Read;
use std::time::Instant;

use super::images::Images;
use super::rows::Rows;
use super::split::LONGEST_START;
use super::window::Window;
use super::{Encoding, Frame, Pull, RawFormat, Source, y4m};
use crate::error::{Error, Result};

/// A stream of frames.
pub(super) struct Stream {
    window: Window<Box<dyn Read + Send>>,
    name: String,
    content: Content,
    images: Images,
    max_bytes: usize,
    started: Instant,
}

/// What the stream holds.
enum Content {
    /// Not looked at yet.
    Unknown,
    /// Images that tell where they end.
    Images,
    /// A file of a kind that is not read.
    Foreign,
    /// Pixels without headers.
    Raw(Rows),
    /// Pixels behind header lines.
    Y4m(Rows),
    /// Nothing any more.
    Ended,
}

impl Stream {
    /// A stream called `name` in records; `raw` when it holds pixels.
    pub(super) fn new(
        reader: Box<dyn Read + Send>,
        name: String,
        raw: Option<Rows>,
        max_bytes: usize,
    ) -> Self {
        let content = raw.map_or(Content::Unknown, Content::Raw);
        Self {
            window: Window::new(reader),
            images: Images::new(name.clone(), max_bytes),
            name,
            content,
            max_bytes,
            started: Instant::now(),
        }
    }

    /// Whether nothing can come any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.content, Content::Ended) || self.images.has_ended()
    }

    fn error(&self, what: impl Into<String>) -> Error {
        Error::input(&self.name, what)
    }

    fn end(&mut self, error: Error) -> Result<bool> {
        self.content = Content::Ended;
        Err(error)
    }

    fn read_failed(&self) -> impl Fn(std::io::Error) -> Error + use<> {
        let name = self.name.clone();
        move |e| Error::input(&name, "cannot be read").caused_by(e)
    }

    /// Fills `frame`; `false` at the end.
    fn pull(&mut self, frame: &mut Frame) -> Result<bool> {
        self.started = Instant::now();
        match self.content {
            Content::Unknown => {
                self.sniff()?;
                self.pull(frame)
            }
            Content::Images => self.images.pull(&mut self.window, frame),
            Content::Foreign => Ok(self.foreign(frame)),
            Content::Raw(rows) => self.raw(frame, rows, false),
            Content::Y4m(rows) => self.raw(frame, rows, true),
            Content::Ended => Ok(false),
        }
    }

    fn sniff(&mut self) -> Result<()> {
        let failed = self.read_failed();
        self.window.at_least(LONGEST_START).map_err(failed)?;
        let bytes = self.window.bytes();
        self.content = if bytes.is_empty() {
            self.content = Content::Ended;
            return Err(self.error("is empty, expected images"));
        } else if bytes.starts_with(y4m::MAGIC) {
            let line = self.line()?;
            let format = y4m::parse_header(&line).map_err(|what| {
                self.content = Content::Ended;
                self.error(format!("YUV4MPEG2 header: {what}"))
            })?;
            self.check_size(format)?;
            Content::Y4m(Rows::packed(format))
        } else if is_foreign(bytes) {
            Content::Foreign
        } else {
            Content::Images
        };
        Ok(())
    }

    fn check_size(&mut self, format: RawFormat) -> Result<()> {
        if format
            .frame_bytes()
            .is_some_and(|bytes| bytes <= self.max_bytes)
        {
            return Ok(());
        }
        self.content = Content::Ended;
        let what = format!("frames of {}x{} are too large", format.width, format.height);
        Err(self
            .error(what)
            .with_expected(format!("at most {} bytes", self.max_bytes))
            .with_settings(&["max_pixels"]))
    }

    /// A header line without its line feed, taken off the stream.
    fn line(&mut self) -> Result<String> {
        const LONGEST: usize = 4096;
        let failed = self.read_failed();
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.window.bytes()) {
                let line = String::from_utf8_lossy(&self.window.bytes()[..end]).into_owned();
                self.window.consume(end + 1);
                return Ok(line);
            }
            if self.window.bytes().len() > LONGEST || !self.window.more().map_err(&failed)? {
                self.content = Content::Ended;
                return Err(self.error("a YUV4MPEG2 header line does not end"));
            }
        }
    }

    /// A file that is not read: its first bytes are enough to say so.
    fn foreign(&mut self, frame: &mut Frame) -> bool {
        frame.bytes.clear();
        let start = self.window.bytes().iter().take(LONGEST_START);
        frame.bytes.extend(start);
        frame.encoding = Encoding::File;
        self.content = Content::Ended;
        true
    }

    fn raw(&mut self, frame: &mut Frame, rows: Rows, headers: bool) -> Result<bool> {
        let failed = self.read_failed();
        if !self.window.at_least(1).map_err(&failed)? {
            return Ok(false);
        }
        if headers {
            let line = self.line()?;
            if !line.as_bytes().starts_with(y4m::FRAME) {
                return self
                    .end(self.error(format!("`{line:.20}` where a YUV4MPEG2 frame was expected")));
            }
        }
        let (format, size) = (rows.format, rows.bytes().unwrap_or(usize::MAX));
        if !self.window.at_least(size).map_err(&failed)? {
            let left = self.window.bytes().len();
            return self.end(self.error(format!(
                "{left} bytes are left over, but a {}x{} frame has {size}",
                format.width, format.height
            )));
        }
        rows.copy(self.window.bytes(), &mut frame.bytes);
        self.window.consume(size);
        frame.encoding = Encoding::Raw(format);
        Ok(true)
    }
}

/// Whether a file begins here that the decoder does not read but knows, and says so:
/// HEIC, AVIF and MP4 (ISO/IEC 14496-12), Matroska, PDF. Anything else is searched for
/// images: a pipe may be joined in mid-frame.
fn is_foreign(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp")
        || bytes.starts_with(b"\x1a\x45\xdf\xa3")
        || bytes.starts_with(b"%PDF")
}

impl Source for Stream {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        match self.pull(frame) {
            Ok(true) => {
                frame.set_source(&self.name);
                frame.stamp(self.started);
                Pull::Frame
            }
            Ok(false) => Pull::End,
            Err(e) => {
                // A stream that cannot be read will not mend itself.
                if e.is_io() {
                    self.content = Content::Ended;
                }
                Pull::Failed(e)
            }
        }
    }
}
