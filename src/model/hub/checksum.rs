//! By what a file of the hub is known, and checked: small ones by what git calls them, large
//! ones by their SHA-256. It is also what they are called in the cache.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes read at a time.
const PIECE: usize = 1 << 18;

/// A checksum, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// SHA-1 of a git blob: of a header with the length, and the content.
    Git(String),
    /// SHA-256 of the content.
    Sha256(String),
}

impl Checksum {
    /// What a listing or an `ETag` says, if that is a checksum.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text
            .trim()
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_owned();
        let is_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() {
            40 if is_hex => Some(Self::Git(text)),
            64 if is_hex => Some(Self::Sha256(text)),
            _ => None,
        }
    }

    /// That of a file, of the same kind as `self`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn of_file(&self, path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        Ok(match self {
            Self::Git(_) => {
                let header = format!("blob {}\0", file.metadata()?.len());
                Self::Git(digest(Sha1::new_with_prefix(header), &mut file)?)
            }
            Self::Sha256(_) => Self::Sha256(digest(Sha256::new(), &mut file)?),
        })
    }

    /// What a file is called in the cache.
    pub(super) fn hex(&self) -> &str {
        match self {
            Self::Git(hex) | Self::Sha256(hex) => hex,
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex())
    }
}

fn digest(mut hash: impl Digest, file: &mut File) -> io::Result<String> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            length => hash.update(&piece[..length]),
        }
    }
    let bytes = hash.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn checksums_are_those_of_git_and_sha256sum() {
        let file = std::env::temp_dir().join(format!("ocelli-checksum-{}", std::process::id()));
        std::fs::write(&file, "hello\n").unwrap();
        // `git hash-object` and `sha256sum`.
        let known = [
            "ce013625030ba8dba906f756967f9e9ca394464a",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        ];
        for hex in known {
            let checksum = Checksum::parse(&format!("W/\"{hex}\"")).unwrap();
            assert_eq!(checksum.of_file(&file).unwrap(), checksum);
            assert_eq!(checksum.to_string(), hex);
        }
        std::fs::remove_file(&file).unwrap();
        for text in [
            "",
            "\"d41d8cd98f00b204e9800998ecf8427e\"",
            "../../../../../../../../../../../etc/passwd",
        ] {
            assert_eq!(Checksum::parse(text), None, "{text}");
        }
        assert_eq!(Checksum::parse(&"/".repeat(40)), None);
    }
}
