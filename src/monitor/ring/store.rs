//! A ring's folder. Every frame has two files, the picture and its entry; both are whole or
//! not there, whatever moment the program or the power ends at: they are written under
//! another name, reach the disk, and are renamed, the entry first. The picture is deleted
//! first. So an entry without its picture is one of which the rest is still to be done.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sidecar::Kept;
use crate::error::{Error, Result};
use crate::pipeline::capture::recording::{Entry, entry_file, entry_number};

/// The file that makes a folder a ring, and is locked while it is in use.
const MARK: &str = "ring.json";
/// The version of the ring's own form.
const FORMAT: u32 = 1;
/// What a name ends with while its file is being written.
const UNFINISHED: &str = "tmp";

/// A ring's folder, locked.
pub(super) struct Store {
    folder: PathBuf,
    /// Keeps others out for as long as it is open.
    _mark: File,
}

/// What the mark says.
#[derive(Serialize, Deserialize)]
struct Mark {
    format: u32,
}

/// A frame that is there.
pub(super) struct Found {
    pub(super) folder: Option<Arc<str>>,
    pub(super) number: u64,
    pub(super) entry: Entry,
    pub(super) kept: Kept,
    /// Of both its files.
    pub(super) bytes: u64,
}

/// What an earlier run left.
#[derive(Default)]
pub(super) struct Left {
    pub(super) frames: Vec<Found>,
    /// Bytes of what it did not finish, which is gone.
    pub(super) unfinished: u64,
    /// Frames that were not what their entries said, or whose entries could not be read: they
    /// are gone.
    pub(super) broken: usize,
}

impl Store {
    /// Opens a folder, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be used, holds something else, or another program keeps frames there.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let place = folder.display().to_string();
        let refused = |problem: &str, remedy: &str| {
            Error::usage(&place, problem)
                .with_remedy(remedy)
                .with_settings(&["keep"])
        };
        let failed = |e: std::io::Error| {
            refused("frames cannot be kept here", "name another folder").caused_by(e)
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let others = fs::read_dir(folder).map_err(failed)?.flatten();
        let is_empty = others.into_iter().all(|file| file.file_name() == MARK);
        let mark = folder.join(MARK);
        if !is_empty && !mark.exists() {
            return Err(refused(
                "the folder holds other files",
                "name one that is empty, or not there yet",
            ));
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut mark = options.open(mark).map_err(failed)?;
        if mark.try_lock().is_err() {
            return Err(refused(
                "another ocelli keeps frames here",
                "give each its own folder",
            ));
        }
        let mut text = String::new();
        mark.read_to_string(&mut text).map_err(failed)?;
        let known: Option<Mark> = serde_json::from_str(&text).ok();
        match known {
            Some(Mark { format: FORMAT }) => {}
            // Killed before it was written.
            None if is_empty => {
                let text = format!("{{\"format\":{FORMAT}}}\n");
                let written = mark
                    .set_len(0)
                    .and_then(|()| mark.write_all(text.as_bytes()));
                written.and_then(|()| mark.sync_all()).map_err(failed)?;
            }
            _ => {
                return Err(refused(
                    "the frames here are kept in another form",
                    "use the ocelli that kept them, or name another folder",
                )
                .with_expected(format!("format {FORMAT}"))
                .with_found(text.trim()));
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            _mark: mark,
        })
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Finds what an earlier run left, and finishes what it did not.
    pub(super) fn find(&self) -> Left {
        let mut left = Left::default();
        self.find_in(None, &mut left);
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = files.filter(|file| file.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = folders.filter_map(|folder| folder.file_name().into_string().ok());
        for name in names {
            self.find_in(Some(name.into()), &mut left);
        }
        left
    }

    fn find_in(&self, folder: Option<Arc<str>>, left: &mut Left) {
        let at = self.place(folder.as_deref());
        let (mut unfinished, mut entries) = (Vec::new(), Vec::new());
        for file in fs::read_dir(&at).into_iter().flatten().flatten() {
            let path = file.path();
            let written = path.file_stem().map(|stem| at.join(stem));
            if path.extension().is_some_and(|end| end == UNFINISHED)
                && written.is_some_and(|path| entry_number(&path.with_extension("json")).is_some())
            {
                unfinished.push(path);
            } else if let Some(number) = entry_number(&path) {
                entries.push((number, path));
            }
        }
        for (number, path) in entries {
            match found(&at, &path) {
                Some((entry, kept, bytes)) => left.frames.push(Found {
                    folder: folder.clone(),
                    number,
                    entry,
                    kept,
                    bytes,
                }),
                None => {
                    // Without its picture it was being deleted.
                    left.broken += usize::from(path.with_extension("jpg").exists());
                    let _ = fs::remove_file(path.with_extension("jpg"));
                    let _ = fs::remove_file(path);
                }
            }
        }
        for path in unfinished {
            left.unfinished += fs::metadata(&path).map_or(0, |file| file.len());
            let _ = fs::remove_file(path);
        }
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// The disk is full, or cannot be written; nothing is left of the frame then.
    pub(super) fn write(
        &self,
        folder: Option<&str>,
        number: u64,
        picture: &[u8],
        entry: &[u8],
    ) -> std::io::Result<()> {
        let at = self.place(folder);
        fs::create_dir_all(&at)?;
        let entry_path = entry_file(&at, number);
        let picture_path = entry_path.with_extension("jpg");
        let (unfinished_entry, unfinished_picture) =
            (unfinished(&entry_path), unfinished(&picture_path));
        let written = write_whole(&unfinished_picture, picture)
            .and_then(|()| write_whole(&unfinished_entry, entry))
            .and_then(|()| fs::rename(&unfinished_entry, &entry_path))
            .and_then(|()| fs::rename(&unfinished_picture, &picture_path))
            .and_then(|()| File::open(&at)?.sync_all());
        if written.is_err() {
            // What is not there need not be removed.
            for path in [
                unfinished_picture,
                unfinished_entry,
                picture_path,
                entry_path,
            ] {
                let _ = fs::remove_file(path);
            }
        }
        written
    }

    /// Deletes a frame.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub(super) fn remove(&self, folder: Option<&str>, number: u64) -> std::io::Result<()> {
        let entry = entry_file(&self.place(folder), number);
        for path in [entry.with_extension("jpg"), entry] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn place(&self, folder: Option<&str>) -> PathBuf {
        folder.map_or_else(|| self.folder.clone(), |folder| self.folder.join(folder))
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(UNFINISHED);
    name.into()
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The frame whose entry stands at `path`, if both its files are whole. One that only had to
/// be renamed is.
fn found(folder: &Path, path: &Path) -> Option<(Entry, Kept, u64)> {
    let text = fs::read_to_string(path).ok()?;
    let entry: Entry = serde_json::from_str(&text).ok()?;
    let kept: Kept = serde_json::from_str(entry.kept.as_ref()?.get()).ok()?;
    let picture = path.with_extension("jpg");
    if picture.file_name()?.to_str()? != entry.file {
        return None;
    }
    if !picture.exists() {
        let waiting = unfinished(&picture);
        let is_whole = fs::metadata(&waiting).is_ok_and(|file| file.len() == kept.bytes);
        if !is_whole || fs::rename(&waiting, folder.join(&entry.file)).is_err() {
            return None;
        }
    }
    let is_whole = fs::metadata(&picture).is_ok_and(|file| file.len() == kept.bytes);
    let bytes = kept.bytes + text.len() as u64;
    is_whole.then_some((entry, kept, bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::Store;

    fn folder(name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scratch");
        let folder = folder.join(format!("ring-{name}"));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    const ENTRY: &str = r#"{"file":"00000007.jpg","time_us":5,"source":"camera:0","kept":{
        "reason":"novel","model_sha256":null,"bytes":4,"scores":[1.0],"luma":"","later":true,
        "written":{"day":1,"own":{"novel":9},"common":0},"record":{}}}"#;

    #[test]
    fn a_folder_of_others_is_left_alone_and_a_ring_is_locked() {
        let folder = folder("others");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("00000001.jpg"), "mine").unwrap();
        let error = Store::open(&folder).err().unwrap();
        assert_eq!(error.problem(), "the folder holds other files");
        fs::remove_file(folder.join("00000001.jpg")).unwrap();
        let store = Store::open(&folder).unwrap();
        let error = Store::open(&folder).err().unwrap();
        assert_eq!(error.problem(), "another ocelli keeps frames here");
        drop(store);
        fs::write(folder.join("ring.json"), "{\"format\":2}").unwrap();
        let error = Store::open(&folder).err().unwrap();
        assert_eq!(error.found(), Some("{\"format\":2}"));
    }

    #[test]
    fn whatever_a_run_was_at_when_it_ended_is_finished_or_undone() {
        let folder = folder("ended");
        let store = Store::open(&folder).unwrap();
        let picture = folder.join("00000007.jpg");
        let entry = folder.join("00000007.json");
        let put = |files: &[(&str, &str)]| {
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
            let left = store.find();
            let whole = left.frames.len() == 1 && picture.exists() && entry.exists();
            assert!(whole || (left.frames.is_empty() && !picture.exists() && !entry.exists()));
            let files = fs::read_dir(&folder).unwrap().count();
            assert_eq!(files, if whole { 3 } else { 1 }, "nothing else is left");
            let _ = store.remove(None, 7);
            (whole, left.unfinished, left.broken)
        };
        let (pending, cut) = (("00000007.jpg.tmp", "four"), ("00000007.jpg.tmp", "fo"));
        let named = ("00000007.json", ENTRY);
        // Writing: the picture, both, the entry's name, the picture's name.
        assert_eq!(put(&[cut]), (false, 2, 0));
        assert_eq!(put(&[pending, ("00000007.json.tmp", "{")]), (false, 5, 0));
        assert_eq!(put(&[pending, named]), (true, 0, 0));
        assert_eq!(put(&[("00000007.jpg", "four"), named]), (true, 0, 0));
        // Deleting: the picture is gone.
        assert_eq!(put(&[named]), (false, 0, 0));
        // A disk that lied.
        assert_eq!(put(&[("00000007.jpg", "fo"), named]), (false, 0, 1));
        let torn = ("00000007.json", &ENTRY[..50]);
        assert_eq!(put(&[("00000007.jpg", "four"), torn]), (false, 0, 1));
    }

    #[test]
    fn what_is_not_the_ring_s_stays() {
        let folder = folder("stays");
        let store = Store::open(&folder).unwrap();
        fs::create_dir(folder.join("cat")).unwrap();
        let others = ["cat/00000001.jpg", "notes.json", "a.jpg.tmp", "12.json"];
        for name in others {
            fs::write(folder.join(name), "mine").unwrap();
        }
        let left = store.find();
        assert_eq!((left.frames.len(), left.broken, left.unfinished), (0, 0, 0));
        assert!(others.iter().all(|name| folder.join(name).exists()));
    }
}
