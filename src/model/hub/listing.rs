//! What the hub says is in a repository: its files, their sizes and their checksums. None of
//! it is believed to be a path of this machine before it was looked at.

use serde::Deserialize;

use super::checksum::Checksum;
use super::name::{is_commit, stays_inside};
use crate::error::{Error, Result};

/// The files of one commit.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit.
    pub(super) commit: String,
    /// Its files.
    pub(super) files: Vec<RemoteFile>,
}

/// A file on the hub.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RemoteFile {
    /// Its name, with slashes.
    pub(super) path: String,
    /// Bytes, if the hub says so.
    pub(super) size: Option<u64>,
    /// By what it is known, if the hub says so; mirrors may not.
    pub(super) checksum: Option<Checksum>,
}

#[derive(Deserialize)]
struct Document {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob: Option<String>,
    lfs: Option<Large>,
}

/// Where git has a pointer only.
#[derive(Deserialize)]
struct Large {
    sha256: String,
    size: u64,
}

impl Listing {
    /// Reads the hub's answer.
    ///
    /// # Errors
    /// It is not one, or names what cannot be in a repository.
    pub(super) fn read(place: &str, answer: &[u8]) -> Result<Self> {
        let document: Document = serde_json::from_slice(answer).map_err(|e| {
            Error::model(place, "the hub's answer is no listing of a model's files")
                .caused_by(e)
                .with_remedy("check HF_ENDPOINT: is this a hub?")
        })?;
        let refused = |what: String| {
            Error::model(place, what).with_remedy("do not trust this hub; check HF_ENDPOINT")
        };
        if !is_commit(&document.sha) {
            let what = format!("the hub calls `{:.60}` a commit", document.sha);
            return Err(refused(what));
        }
        let mut files = Vec::with_capacity(document.siblings.len());
        for sibling in document.siblings {
            if !stays_inside(&sibling.rfilename) {
                let name = sibling.rfilename.escape_debug();
                let what = format!("the hub names a file that leaves its folder, `{name:.80}`");
                return Err(refused(what));
            }
            files.push(sibling.into());
        }
        Ok(Self {
            commit: document.sha,
            files,
        })
    }

    /// The file of this name.
    pub(super) fn file(&self, path: &str) -> Option<&RemoteFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl From<Sibling> for RemoteFile {
    fn from(sibling: Sibling) -> Self {
        let (size, checksum) = match sibling.lfs {
            Some(large) => (Some(large.size), Some(large.sha256)),
            None => (sibling.size, sibling.blob),
        };
        Self {
            path: sibling.rfilename,
            size,
            checksum: checksum.as_deref().and_then(Checksum::parse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;
    use serde_json::json;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn large_files_are_known_by_their_content_and_small_ones_by_their_blob() {
        let answer = json!({"sha": COMMIT, "private": false, "siblings": [
            {"rfilename": "config.json", "size": 6, "blobId": "ce013625030ba8dba906f756967f9e9ca394464a"},
            {"rfilename": "onnx/model.onnx", "size": 130, "blobId": "ce013625030ba8dba906f756967f9e9ca394464a",
             "lfs": {"sha256": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", "size": 7, "pointerSize": 130}},
            {"rfilename": "bare.txt"},
        ]});
        let listing = Listing::read("hf:a/b", answer.to_string().as_bytes()).unwrap();
        let known: Vec<_> = listing
            .files
            .iter()
            .map(|f| (f.size, f.checksum.as_ref().map(|c| c.hex().len())))
            .collect();
        assert_eq!(
            known,
            [(Some(6), Some(40)), (Some(7), Some(64)), (None, None)]
        );
    }

    #[test]
    fn what_would_leave_the_cache_is_refused() {
        for name in ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", ""] {
            let answer = json!({"sha": COMMIT, "siblings": [{"rfilename": name}]});
            let error = Listing::read("hf:a/b", answer.to_string().as_bytes()).unwrap_err();
            assert!(
                error
                    .problem()
                    .starts_with("the hub names a file that leaves its folder"),
                "{error}"
            );
        }
        let answer = json!({"sha": "../../x", "siblings": []});
        let error = Listing::read("hf:a/b", answer.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.problem(), "the hub calls `../../x` a commit");
        let error = Listing::read("hf:a/b", b"<html>").unwrap_err();
        assert_eq!(
            error.problem(),
            "the hub's answer is no listing of a model's files"
        );
    }
}
