//! One file of the hub, brought into the cache: begun where an earlier attempt broke off,
//! tried again while the network comes and goes, and taken only if its checksum is right.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::cache::{Repository, make_folder_of, unwritable};
use super::checksum::Checksum;
use super::client::Client;
use super::listing::RemoteFile;
use super::lock::Lock;
use super::name::ModelName;
use super::refusal::{Failure, Outcome};
use crate::error::Error;
use crate::model::progress::Progress;

/// Waits between attempts in which nothing came.
const WAITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Bytes moved at a time.
const PIECE: usize = 1 << 17;

/// Where files come from and where they go.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client,
    pub(super) repository: &'a Repository,
    pub(super) name: &'a ModelName,
    pub(super) commit: &'a str,
}

impl Download<'_> {
    /// Sees to it that `file` is in the cache, under its name.
    ///
    /// # Errors
    /// It cannot be fetched or kept, or is not what the hub says it is.
    pub(super) fn run(
        &self,
        file: &RemoteFile,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Outcome<()> {
        let path = self.repository.file(self.commit, &file.path);
        if is_whole(&path, file.size) {
            return Ok(());
        }
        let described;
        let (file, checksum) = match &file.checksum {
            Some(checksum) => (file, checksum.clone()),
            None => {
                described = self.client.describe(self.name, self.commit, &file.path)?;
                match &described.checksum {
                    Some(checksum) => (&described, checksum.clone()),
                    None => return Err(self.error("the hub gives no checksum").into()),
                }
            }
        };
        let blob = self.repository.blob(&checksum);
        let _lock = Lock::wait(&self.repository.lock(&checksum), &blob)?;
        // Who was waited for may have fetched it.
        if !is_whole(&blob, file.size) {
            self.content(file, &checksum, &blob, progress)?;
        }
        let named = self.repository.name(self.commit, &file.path, &checksum);
        Ok(named.map_err(|e| unwritable(&path, e))?)
    }

    /// Fetches content, and takes it if it is right.
    fn content(
        &self,
        file: &RemoteFile,
        checksum: &Checksum,
        blob: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Outcome<()> {
        let mut part = Part::open(blob)?;
        part.make_room(file.size)?;
        let mut resumed = part.length > 0;
        self.announce(file, part.length);
        loop {
            self.fill(file, &mut part, progress)?;
            let found = checksum
                .of_file(&part.path)
                .map_err(|e| unwritable(&part.path, e))?;
            if found == *checksum {
                return Ok(part.finish(blob)?);
            }
            part.clear()?;
            if !resumed {
                let what = format!("what came for {} has another checksum", file.path);
                let error = self
                    .error(&what)
                    .with_expected(checksum.hex())
                    .with_found(found.hex());
                return Err(error
                    .with_remedy(
                        "try again; if it stays so, a proxy or mirror changes files on the way",
                    )
                    .into());
            }
            log::warn!(
                "{}: the part of {} from earlier was damaged: fetching it anew",
                self.name,
                file.path
            );
            resumed = false;
        }
    }

    fn announce(&self, file: &RemoteFile, have: u64) {
        let size = file
            .size
            .map(|size| format!(" ({})", amount(size)))
            .unwrap_or_default();
        let rest = if have > 0 {
            format!(", from {} on", amount(have))
        } else {
            String::new()
        };
        log::info!("{}: fetching {}{size}{rest}", self.name, file.path);
    }

    /// Fetches what is left of `part`, in several attempts if something comes in each or the
    /// waits are not used up.
    fn fill(
        &self,
        file: &RemoteFile,
        part: &mut Part,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Outcome<()> {
        let mut waits = WAITS.iter();
        loop {
            let before = part.length;
            let error = match self.attempt(file, part, progress) {
                Ok(()) => return Ok(()),
                Err(Failure::Passing(error)) => error,
                Err(failure) => return Err(failure),
            };
            if part.length > before {
                waits = WAITS.iter();
            }
            let Some(wait) = waits.next() else {
                return Err(Failure::Passing(error));
            };
            log::warn!("{error:#}: trying again in {} s", wait.as_secs());
            thread::sleep(*wait);
        }
    }

    fn attempt(
        &self,
        file: &RemoteFile,
        part: &mut Part,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Outcome<()> {
        if file.size.is_some_and(|size| part.length > size) {
            part.clear()?;
        }
        if file.size == Some(part.length) {
            return Ok(());
        }
        let mut answer = self
            .client
            .file(self.name, self.commit, &file.path, part.length)?;
        if answer.start != part.length {
            // The server does not go on in the middle.
            part.clear()?;
        }
        if answer.start != part.length {
            let what = format!("the hub sends {} from byte {} on", file.path, answer.start);
            return Err(self.error(&what).into());
        }
        let total = file.size.or(answer.total);
        let mut piece = vec![0; PIECE];
        loop {
            let length = match answer.body.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.broken(file, part, e)),
            };
            part.append(&piece[..length])?;
            if total.is_some_and(|total| part.length > total) {
                part.clear()?;
                let what = format!("the hub sends more of {} than there is", file.path);
                return Err(self.error(&what).into());
            }
            progress(Progress {
                file: &file.path,
                done: part.length,
                total: total.unwrap_or(part.length),
            });
        }
        match total {
            Some(total) if part.length < total => {
                Err(self.broken(file, part, ErrorKind::UnexpectedEof.into()))
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, file: &RemoteFile, part: &Part, cause: std::io::Error) -> Failure {
        let what = format!("{} broke off after {}", file.path, amount(part.length));
        let remedy = "what came is kept: the next attempt goes on from there";
        Failure::Passing(self.error(&what).caused_by(cause).with_remedy(remedy))
    }

    fn error(&self, what: &str) -> Error {
        Error::model(self.name.to_string(), what)
    }
}

/// What is there of a file until all of it is.
struct Part {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Part {
    fn open(blob: &Path) -> Result<Self, Error> {
        let mut path = blob.as_os_str().to_owned();
        path.push(".incomplete");
        let path = PathBuf::from(path);
        let opened = make_folder_of(&path).and_then(|()| {
            let file = File::options().create(true).append(true).open(&path)?;
            Ok((file.metadata()?.len(), file))
        });
        let (length, file) = opened.map_err(|e| unwritable(&path, e))?;
        Ok(Self { path, file, length })
    }

    /// Refuses what does not fit before the disk is full: others write to it, too.
    fn make_room(&self, size: Option<u64>) -> Result<(), Error> {
        let Ok(disk) = rustix::fs::statvfs(&self.path) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let wanted = size.map_or(0, |size| size.saturating_sub(self.length));
        if wanted <= free {
            return Ok(());
        }
        let error = unwritable(&self.path, ErrorKind::StorageFull.into());
        Err(error
            .with_expected(format!("room for {}", amount(wanted)))
            .with_found(amount(free)))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Err(e) = self.file.write_all(bytes) {
            if matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                // What cannot be finished would keep others from writing.
                self.clear()?;
            }
            return Err(unwritable(&self.path, e));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Error> {
        self.file
            .set_len(0)
            .map_err(|e| unwritable(&self.path, e))?;
        self.length = 0;
        Ok(())
    }

    /// Takes it as whole: on the disk before it has its name, so that a lost power supply
    /// does not leave half of it there.
    fn finish(self, blob: &Path) -> Result<(), Error> {
        let finished = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, blob));
        finished.map_err(|e| unwritable(blob, e))
    }
}

/// Whether a file is there with all its bytes.
fn is_whole(path: &Path, size: Option<u64>) -> bool {
    let Ok(found) = fs::metadata(path) else {
        return false;
    };
    found.is_file() && size.is_none_or(|size| found.len() == size)
}

/// Bytes for people.
fn amount(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
