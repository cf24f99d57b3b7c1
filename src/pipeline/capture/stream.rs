//! Standard input, or anything else that can only be read forwards. What it holds is told
//! by its first bytes: images one after the other (JPEG, PNG, GIF, WebP, BMP, binary PNM),
//! a YUV4MPEG2 stream, or a single image of another format; raw pixels are told by a flag. A frame is given as soon as its
//! last byte has come.

use std::io::Read;
use std::time::Instant;

use super::rows::Rows;
use super::split::{LONGEST_START, Progress, Walker, find_start};
use super::window::Window;
use super::{Encoding, Frame, Pull, RawFormat, Source, y4m};
use crate::error::{Error, Result};

/// A stream of frames.
pub(super) struct Stream {
    window: Window<Box<dyn Read + Send>>,
    name: String,
    content: Content,
    max_bytes: usize,
    started: Instant,
}

/// What the stream holds.
enum Content {
    /// Not looked at yet.
    Unknown,
    /// Images that tell where they end.
    Images,
    /// A single image, which ends with the stream.
    Single,
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
            name,
            content,
            max_bytes,
            started: Instant::now(),
        }
    }

    /// Whether nothing can come any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.content, Content::Ended)
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
            Content::Images => self.image(frame),
            Content::Single => self.single(frame),
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
        } else if is_single(bytes) {
            Content::Single
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

    fn image(&mut self, frame: &mut Frame) -> Result<bool> {
        let failed = self.read_failed();
        let (skipped, mut walker) = match self.skip_to_image()? {
            (skipped, Some(walker)) => (skipped, walker),
            (0, None) => return Ok(false),
            (skipped, None) => {
                return self
                    .end(self.error(format!("{skipped} bytes at the end are not an image")));
            }
        };
        if skipped > 0 {
            return Err(self.error(format!(
                "{skipped} bytes between images are not an image and were skipped"
            )));
        }
        loop {
            match walker.walk(self.window.bytes()) {
                Progress::Complete(length) => {
                    frame.bytes.clear();
                    frame
                        .bytes
                        .extend_from_slice(&self.window.bytes()[..length]);
                    self.window.consume(length);
                    frame.encoding = Encoding::File;
                    return Ok(true);
                }
                Progress::Damaged(length) => {
                    self.window.consume(length);
                    let (more, _) = self.skip_to_image()?;
                    return Err(self.error(format!(
                        "an image is damaged: {} bytes were skipped",
                        length + more
                    )));
                }
                Progress::More if self.window.bytes().len() > self.max_bytes => {
                    self.window.consume(2);
                    let (more, _) = self.skip_to_image()?;
                    return Err(self.error(format!(
                        "an image does not end within {} bytes: {} were skipped",
                        self.max_bytes,
                        more + 2
                    )));
                }
                Progress::More => {
                    if !self.window.more().map_err(&failed)? {
                        if walker.is_lenient() {
                            return self.rest(frame);
                        }
                        let length = self.window.bytes().len();
                        return self.end(
                            self.error(format!("the last image is cut short after {length} bytes")),
                        );
                    }
                }
            }
        }
    }

    /// Drops bytes up to the next start of an image. Zeros are padding, not garbage: some
    /// cameras fill their frames up; they are not counted.
    fn skip_to_image(&mut self) -> Result<(usize, Option<Walker>)> {
        let failed = self.read_failed();
        let mut garbage = 0;
        loop {
            let bytes = self.window.bytes();
            let (before, walker) = find_start(bytes);
            garbage += bytes[..before].iter().filter(|b| **b != 0).count();
            self.window.consume(before);
            if walker.is_some() {
                return Ok((garbage, walker));
            }
            if !self.window.more().map_err(&failed)? {
                garbage += self.window.bytes().iter().filter(|b| **b != 0).count();
                self.window.consume(usize::MAX);
                return Ok((garbage, None));
            }
        }
    }

    fn single(&mut self, frame: &mut Frame) -> Result<bool> {
        let failed = self.read_failed();
        while self.window.more().map_err(&failed)? {
            if self.window.bytes().len() > self.max_bytes {
                return self.end(self.error(format!(
                    "no image format is recognised in {} bytes",
                    self.max_bytes
                )));
            }
        }
        self.rest(frame)
    }

    /// All that is left is one image.
    fn rest(&mut self, frame: &mut Frame) -> Result<bool> {
        frame.bytes.clear();
        frame.bytes.extend_from_slice(self.window.bytes());
        frame.encoding = Encoding::File;
        self.content = Content::Ended;
        Ok(true)
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

/// Whether a file begins here that does not tell where it ends: TIFF, PNM in words, BMP
/// without its length. Anything else is searched for images: a pipe may be joined in
/// mid-frame.
fn is_single(bytes: &[u8]) -> bool {
    let magics: [&[u8]; 3] = [b"BM", b"II*\0", b"MM\0*"];
    let pnm = matches!(bytes, [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..]);
    Walker::at_start(bytes).is_none()
        && (pnm || magics.iter().any(|magic| bytes.starts_with(magic)))
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
