//! Opening what is named: one source, or several one after the other.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::chain::Chain;
use super::child::{self, Child, ChildHandle, Program};
#[cfg(feature = "http")]
use super::http::Http;
use super::rows::Rows;
use super::{
    ListFormat, ModeRequest, Policy, RawFormat, Source, SourceSpec, camera, files, replay, stream,
    synthetic,
};
use crate::error::{Error, Result};

/// How sources are read.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Standard input, and files, hold pixels of this format.
    pub raw: Option<RawFormat>,
    /// A list of files to read, `-` for standard input.
    pub files_from: Option<PathBuf>,
    /// How that list is separated.
    pub list: ListFormat,
    /// Largest encoded frame, in bytes.
    pub max_bytes: usize,
    /// How a camera is to be run.
    pub mode: ModeRequest,
    /// How often per second a web address that gives one picture is asked for it, unless
    /// `mode` says so.
    pub poll_rate: Option<f64>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            raw: None,
            files_from: None,
            list: ListFormat::default(),
            max_bytes: 100_000_000,
            mode: ModeRequest::default(),
            poll_rate: None,
        }
    }
}

/// A source, or several one after the other, and whether it is live.
pub struct Opened {
    /// The frames.
    pub source: Box<dyn Source>,
    /// Whether it has a clock of its own.
    pub live: bool,
    /// What happens to frames that come too fast, if it is live.
    pub policy: Policy,
    /// Ends the programs that give the frames.
    pub children: ChildHandles,
}

/// Ends programs when it is dropped, wherever their sources are then.
#[derive(Default)]
pub struct ChildHandles(Vec<ChildHandle>);

impl Drop for ChildHandles {
    fn drop(&mut self) {
        self.0.iter().for_each(ChildHandle::close);
    }
}

/// Opens sources, to be read one after the other.
///
/// # Errors
/// One cannot be opened, there is none, or a live one among several.
pub fn open(specs: &[SourceSpec], options: &SourceOptions) -> Result<Opened> {
    let mut opening = Opening::new(options)?;
    for spec in specs {
        opening.add(spec)?;
    }
    opening.finish()
}

/// Whether the source has a clock of its own, so that several of them run side by side.
pub fn is_live(spec: &SourceSpec) -> bool {
    match spec {
        SourceSpec::Camera(_)
        | SourceSpec::Portable(_)
        | SourceSpec::Csi(_)
        | SourceSpec::Network(_)
        | SourceSpec::Replay(_) => true,
        SourceSpec::Synthetic(settings) => settings.is_live(),
        SourceSpec::Path(path) => camera::is_video_device(path),
        SourceSpec::Stdin => false,
    }
}

/// What tells the camera that a source is from others, whatever its number is now; nothing of
/// what is no camera, or is not there.
pub fn camera_identity(spec: &SourceSpec) -> Option<String> {
    match spec {
        SourceSpec::Camera(name) => camera::identity(name),
        SourceSpec::Path(path) if camera::is_video_device(path) => {
            camera::identity(&path.display().to_string())
        }
        SourceSpec::Portable(_) | SourceSpec::Csi(_) => Some(spec.to_string()),
        SourceSpec::Network(url) => Some(child::without_password(url)),
        _ => None,
    }
}

/// The pictures that a folder was found to hold, with what could not be looked into.
pub fn open_found(found: Vec<Result<PathBuf>>, max_bytes: usize) -> Box<dyn Source> {
    Box::new(files::Files::found(found, max_bytes))
}

/// Sources as they come together.
struct Opening<'a> {
    options: &'a SourceOptions,
    chain: Vec<Box<dyn Source>>,
    /// Files that follow one another are one source, whose number is known.
    paths: Vec<PathBuf>,
    live: bool,
    policy: Policy,
    children: Vec<ChildHandle>,
}

impl<'a> Opening<'a> {
    fn new(options: &'a SourceOptions) -> Result<Self> {
        let mut opening = Self {
            options,
            chain: Vec::new(),
            paths: Vec::new(),
            live: false,
            policy: Policy::Newest,
            children: Vec::new(),
        };
        if let Some(list) = &options.files_from {
            let files = files::Files::from_list(list, options.list, options.max_bytes)?;
            opening.chain.push(Box::new(files));
        }
        Ok(opening)
    }

    fn add(&mut self, spec: &SourceSpec) -> Result<()> {
        self.live |= is_live(spec);
        let mode = self.options.mode;
        let name = spec.to_string();
        match spec {
            SourceSpec::Stdin => return self.stream(name, Box::new(std::io::stdin())),
            SourceSpec::Camera(name) => self.chain.push(camera::open(name, mode)?),
            SourceSpec::Portable(number) => {
                self.chain
                    .push(camera::open_portable(&name, *number, mode)?);
            }
            SourceSpec::Csi(number) => self.child(child::csi(&name, *number, &mode)?),
            SourceSpec::Network(url) => self.network(url)?,
            SourceSpec::Replay(folder) => {
                self.policy = Policy::Lossless;
                self.chain.push(Box::new(replay::Replay::open(folder)?));
            }
            SourceSpec::Synthetic(settings) => {
                self.chain
                    .push(Box::new(synthetic::Synthetic::new(*settings)));
            }
            SourceSpec::Path(path) => return self.path(path, name),
        }
        Ok(())
    }

    /// What a path holds decides how it is read.
    fn path(&mut self, path: &Path, name: String) -> Result<()> {
        if camera::is_video_device(path) {
            self.chain.push(camera::open(&name, self.options.mode)?);
        } else if is_stream(path) || holds_frames(path) || self.options.raw.is_some() {
            let file = Later {
                path: path.to_owned(),
                file: None,
            };
            return self.stream(name, Box::new(file));
        } else if child::is_video(path) && path.is_file() {
            self.child(child::video(path)?);
        } else {
            self.paths.push(path.to_owned());
        }
        Ok(())
    }

    fn child(&mut self, program: Program) {
        let handle = self.child_handle();
        let child = Child::new(program, self.options.max_bytes, handle);
        self.chain.push(Box::new(child));
    }

    fn child_handle(&mut self) -> ChildHandle {
        let handle = ChildHandle::default();
        self.children.push(handle.clone());
        handle
    }

    fn network(&mut self, url: &str) -> Result<()> {
        #[cfg(feature = "http")]
        if url.starts_with("http") {
            let rate = self.options.mode.fps.or(self.options.poll_rate);
            let handle = self.child_handle();
            let http = Http::new(url, rate, self.options.max_bytes, handle)?;
            self.chain.push(Box::new(http));
            return Ok(());
        }
        self.child(child::network(url)?);
        Ok(())
    }

    fn stream(&mut self, name: String, reader: Box<dyn Read + Send>) -> Result<()> {
        self.gather_files()?;
        let (raw, max_bytes) = (self.options.raw.map(Rows::packed), self.options.max_bytes);
        let stream = stream::Stream::new(reader, name, raw, max_bytes);
        self.chain.push(Box::new(stream));
        Ok(())
    }

    /// Turns the files named so far into a source.
    fn gather_files(&mut self) -> Result<()> {
        if !self.paths.is_empty() {
            let paths = std::mem::take(&mut self.paths);
            let files = files::Files::expand(&paths, self.options.max_bytes)?;
            self.chain.push(Box::new(files));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Opened> {
        self.gather_files()?;
        if self.live && self.chain.len() > 1 {
            return Err(Error::usage(
                "sources",
                "a live source never ends, so nothing can come after it or before it",
            )
            .with_remedy("classify files in a run of their own"));
        }
        let source = match self.chain.len() {
            0 => {
                return Err(Error::usage("sources", "none is given")
                    .with_remedy("name files, folders, `-` or `synthetic:`"));
            }
            1 => self.chain.remove(0),
            _ => Box::new(Chain::new(self.chain)),
        };
        Ok(Opened {
            source,
            live: self.live,
            policy: self.policy,
            children: ChildHandles(self.children),
        })
    }
}

/// A FIFO or a character device is read like standard input.
#[cfg(unix)]
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo() || m.file_type().is_char_device())
}

#[cfg(not(unix))]
fn is_stream(_: &Path) -> bool {
    false
}

/// Whether a file, by its name, holds frames one after the other as a pipe does.
fn holds_frames(path: &Path) -> bool {
    let kinds = ["mjpeg", "mjpg", "mpjpeg", "y4m"];
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| kinds.contains(&e.as_str())) && path.is_file()
}

/// A file that is opened when it is its turn: opening a FIFO waits for its writer.
struct Later {
    path: PathBuf,
    file: Option<File>,
}

impl Read for Later {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        file.read(buffer)
    }
}
