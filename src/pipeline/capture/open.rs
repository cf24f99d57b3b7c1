//! What a name on the command line stands for.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::child::{self, Child, Keeper, Program};
use super::{
    Camera, Frame, ListFormat, ModeWish, Policy, Portable, Pull, RawFormat, Source,
    SyntheticSettings, camera, files, replay, stream, synthetic,
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
    pub mode: ModeWish,
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
    pub keepers: Keepers,
}

/// Ends programs when it is dropped, wherever their sources are then.
#[derive(Default)]
pub struct Keepers(Vec<Keeper>);

impl Drop for Keepers {
    fn drop(&mut self) {
        self.0.iter().for_each(Keeper::close);
    }
}

/// Opens what the command line names.
///
/// # Errors
/// A name that is no source, or nothing at all.
pub fn open(names: &[OsString], options: &SourceOptions) -> Result<Opened> {
    let mut chain: Vec<Box<dyn Source>> = Vec::new();
    if let Some(list) = &options.files_from {
        chain.push(Box::new(files::Files::from_list(
            list,
            options.list,
            options.max_bytes,
        )?));
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    let (mut live, mut policy) = (false, Policy::Newest);
    let mut keepers = Vec::new();
    for name in names {
        let text = name.to_string_lossy();
        if is_camera(&text) {
            live = true;
            chain.push(Box::new(Camera::new(&text, options.mode)));
        } else if let Some(number) = text.strip_prefix("nokhwa:") {
            live = true;
            chain.push(Box::new(Portable::new(&text, number, options.mode)?));
        } else if let Some(folder) = text.strip_prefix("replay:") {
            (live, policy) = (true, Policy::Lossless);
            chain.push(Box::new(replay::Replay::open(Path::new(folder))?));
        } else if text == "-" || is_stream(Path::new(name)) || options.raw.is_some() {
            flush(&mut paths, &mut chain, options)?;
            chain.push(open_stream(name, options));
        } else if let Some(settings) = text.strip_prefix("synthetic:") {
            let settings: SyntheticSettings = settings
                .parse()
                .map_err(|e: String| Error::usage(text.as_ref(), e))?;
            live |= settings.is_live();
            chain.push(Box::new(synthetic::Synthetic::new(settings)));
        } else if let Some(program) = program(name, &text, options)? {
            live |= program.live;
            let child = Child::new(program, options.max_bytes);
            keepers.push(child.keeper());
            chain.push(Box::new(child));
        } else {
            paths.push(PathBuf::from(name));
        }
    }
    flush(&mut paths, &mut chain, options)?;
    if live && chain.len() > 1 {
        return Err(Error::usage(
            "sources",
            "a live source never ends, so it has to be the only one",
        ));
    }
    if chain.is_empty() {
        return Err(Error::usage("sources", "none is given")
            .remedy("name files, folders, `-` or `synthetic:`"));
    }
    let source = if chain.len() == 1 {
        chain.remove(0)
    } else {
        Box::new(Chain {
            sources: chain.into_iter(),
            current: None,
        })
    };
    Ok(Opened {
        source,
        live,
        policy,
        keepers: Keepers(keepers),
    })
}

fn flush(
    paths: &mut Vec<PathBuf>,
    chain: &mut Vec<Box<dyn Source>>,
    options: &SourceOptions,
) -> Result<()> {
    if !paths.is_empty() {
        chain.push(Box::new(files::Files::expand(
            &std::mem::take(paths),
            options.max_bytes,
        )?));
    }
    Ok(())
}

/// A FIFO or a character device is read like standard input.
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo() || m.file_type().is_char_device())
}

/// A camera by number, identity or path.
fn is_camera(name: &str) -> bool {
    name.starts_with("camera:") || camera::is_video_device(Path::new(name))
}

fn open_stream(name: &OsString, options: &SourceOptions) -> Box<dyn Source> {
    let text = name.to_string_lossy().into_owned();
    let reader: Box<dyn Read + Send> = if text == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(Later {
            path: PathBuf::from(name),
            file: None,
        })
    };
    Box::new(stream::Stream::new(
        reader,
        text,
        options.raw,
        options.max_bytes,
    ))
}

/// The program that gives the frames of `name`, if one is needed for that.
fn program(name: &OsString, text: &str, options: &SourceOptions) -> Result<Option<Program>> {
    if let Some(number) = text.strip_prefix("csi:") {
        return child::csi(text, number, &options.mode).map(Some);
    }
    if child::is_network(text) {
        return child::network(text).map(Some);
    }
    let path = Path::new(name);
    if child::is_video(path) && path.is_file() {
        return child::video(path).map(Some);
    }
    Ok(None)
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

/// Sources one after the other.
struct Chain {
    sources: std::vec::IntoIter<Box<dyn Source>>,
    current: Option<Box<dyn Source>>,
}

impl Source for Chain {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        loop {
            if self.current.is_none() {
                self.current = self.sources.next();
            }
            match self.current.as_mut().map(|source| source.next(frame)) {
                None => return Pull::End,
                Some(Pull::End) => self.current = None,
                Some(pull) => return pull,
            }
        }
    }
}
