//! Where models of the hub are kept: the folder that Hugging Face's own clients use, laid out
//! as they do, so that each finds what another has fetched.
//!
//! ```text
//! models--OWNER--NAME/refs/main            the commit that a branch or tag was last
//!                     snapshots/COMMIT/…   the files of a commit: links to
//!                     blobs/CHECKSUM       their content
//!                     .no_exist/COMMIT/…   empty: files that the commit does not have
//! .locks/models--OWNER--NAME/CHECKSUM.lock held while one is fetched
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::checksum::Checksum;
use super::name::{ModelName, is_commit};
use crate::environment::hub as variables;
use crate::error::{Error, Result};

/// One repository in the cache.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    folder: PathBuf,
    locks: PathBuf,
}

impl Repository {
    /// Where `name` is kept, as the variables say. Nothing is made yet.
    ///
    /// # Errors
    /// There is no place.
    pub(super) fn of(name: &ModelName) -> Result<Self> {
        let cache = variables::cache().ok_or_else(|| {
            Error::usage(
                "HF_HOME",
                "there is no folder to keep models in: HOME is not set, either",
            )
            .with_remedy("set HF_HOME to a folder that outlives a restart")
        })?;
        // Python's client would put the value of a variable there.
        if cache.as_os_str().as_encoded_bytes().contains(&b'$') {
            let found = cache.display().to_string();
            return Err(
                Error::usage("HF_HOME", "a variable in the folder's name is not replaced")
                    .with_found(format!("`{found}`"))
                    .with_remedy("write the folder out"),
            );
        }
        Ok(Self::within(&cache, name))
    }

    fn within(cache: &Path, name: &ModelName) -> Self {
        let folder = format!("models--{}", name.repository.replace('/', "--"));
        Self {
            locks: cache.join(".locks").join(&folder),
            folder: cache.join(folder),
        }
    }

    /// The commit that `revision` is, or was when it was last asked for.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = fs::read_to_string(self.reference(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Where a file of a commit is found.
    pub(super) fn file(&self, commit: &str, path: &str) -> PathBuf {
        self.snapshot(commit).join(path)
    }

    /// Where content is kept.
    pub(super) fn blob(&self, checksum: &Checksum) -> PathBuf {
        self.folder.join("blobs").join(checksum.hex())
    }

    /// Where a lock on content is.
    pub(super) fn lock(&self, checksum: &Checksum) -> PathBuf {
        self.locks.join(format!("{checksum}.lock"))
    }

    /// The files of a commit that are here.
    pub(super) fn files(&self, commit: &str) -> Vec<String> {
        let root = self.snapshot(commit);
        let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                // Links to content count as files, and links to folders are nobody's.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if let Ok(name) = path.strip_prefix(&root)
                    && path.is_file()
                {
                    files.push(slashed(name));
                }
            }
        }
        files
    }

    /// Whether it is known that a commit does or does not have a file.
    pub(super) fn is_settled(&self, commit: &str, path: &str) -> bool {
        self.file(commit, path).is_file() || self.absence(commit, path).exists()
    }

    fn absence(&self, commit: &str, path: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(path)
    }

    /// Notes that a commit does not have a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn note_absence(&self, commit: &str, path: &str) -> io::Result<()> {
        let mark = self.absence(commit, path);
        if mark.exists() {
            return Ok(());
        }
        make_folder_of(&mark)?;
        fs::write(mark, "")
    }

    /// Notes which commit `revision` is.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn note_commit(&self, revision: &str, commit: &str) -> io::Result<()> {
        if self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let reference = self.reference(revision);
        make_folder_of(&reference)?;
        let unfinished = beside(&reference);
        fs::write(&unfinished, commit)?;
        fs::rename(unfinished, reference)
    }

    /// Gives content the name `path` in a commit: a link, or where there are none the content
    /// itself.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn name(&self, commit: &str, path: &str, checksum: &Checksum) -> io::Result<()> {
        let (file, blob) = (self.file(commit, path), self.blob(checksum));
        make_folder_of(&file)?;
        // From the file's folder up to the repository's: snapshots, the commit, and its folders.
        let up = "../".repeat(2 + path.matches('/').count());
        let unfinished = beside(&file);
        // What a process of the same number left when it was killed.
        let _ = fs::remove_file(&unfinished);
        match link(
            &Path::new(&up).join("blobs").join(checksum.hex()),
            &unfinished,
        ) {
            Ok(()) => fs::rename(unfinished, file),
            Err(_) => fs::rename(blob, file),
        }
    }
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// A file as the hub calls it.
pub(super) fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// Makes the folder that `path` is in.
pub(super) fn make_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// A name beside `path` that no other process takes.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    name.into()
}

/// What keeps something from being written into the cache, and what mends it.
pub(super) fn unwritable(path: &Path, cause: io::Error) -> Error {
    let remedy = match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room there, or set HF_HUB_CACHE to a folder that has some"
        }
        _ => "let this user write there, or set HF_HUB_CACHE to a folder that it may write to",
    };
    Error::model(path.display().to_string(), "the model cannot be kept")
        .caused_by(cause)
        .with_remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::Repository;
    use crate::model::hub::checksum::Checksum;
    use std::fs;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_layout_is_that_of_the_hubs_own_clients() {
        let cache = std::env::temp_dir().join(format!("ocelli-hub-{}", std::process::id()));
        let repository = Repository::within(&cache, &"hf:own/na_me".parse().unwrap());
        let folder = cache.join("models--own--na_me");
        let checksum = Checksum::parse("ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        let blob = folder.join("blobs/ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(repository.blob(&checksum), blob);
        let lock = ".locks/models--own--na_me/ce013625030ba8dba906f756967f9e9ca394464a.lock";
        assert_eq!(repository.lock(&checksum), cache.join(lock));
        fs::create_dir_all(folder.join("blobs")).unwrap();
        fs::write(&blob, "hello\n").unwrap();
        repository
            .name(COMMIT, "onnx/model.onnx", &checksum)
            .unwrap();
        let file = folder
            .join("snapshots")
            .join(COMMIT)
            .join("onnx/model.onnx");
        assert_eq!(repository.file(COMMIT, "onnx/model.onnx"), file);
        assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");
        #[cfg(unix)]
        assert_eq!(
            fs::read_link(&file).unwrap().to_str().unwrap(),
            "../../../blobs/ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(repository.files(COMMIT), ["onnx/model.onnx"]);
        repository.note_commit("refs/pr/1", COMMIT).unwrap();
        assert_eq!(
            fs::read_to_string(folder.join("refs/refs/pr/1")).unwrap(),
            COMMIT
        );
        assert_eq!(repository.commit("refs/pr/1").as_deref(), Some(COMMIT));
        assert_eq!(repository.commit("main"), None);
        assert!(!repository.is_settled(COMMIT, "config.json"));
        repository.note_absence(COMMIT, "config.json").unwrap();
        assert!(
            folder
                .join(".no_exist")
                .join(COMMIT)
                .join("config.json")
                .is_file()
        );
        assert!(repository.is_settled(COMMIT, "config.json"));
        // A link whose content is gone is no file.
        fs::remove_file(&blob).unwrap();
        assert!(repository.files(COMMIT).is_empty());
        fs::remove_dir_all(&cache).unwrap();
    }
}
