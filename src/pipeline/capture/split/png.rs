//! A PNG is chunks: length, type, content, checksum; the last one is `IEND` (RFC 2083).

use super::Progress;

/// What it begins with.
pub(super) const START: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What a chunk has around its content.
const FRAME: usize = 12;

/// Walks one PNG.
#[derive(Clone, Copy, Debug)]
pub(super) struct Png {
    /// Where the last whole chunk and the next one begin.
    last: usize,
    at: usize,
}

impl Default for Png {
    fn default() -> Self {
        Self {
            last: START.len(),
            at: START.len(),
        }
    }
}

impl Png {
    /// Walks as far as `bytes` allow.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Progress {
        loop {
            let Some(header) = bytes.get(self.at..self.at + 8) else {
                return Progress::More;
            };
            let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let kind = &header[4..8];
            if length > i32::MAX as usize || !kind.iter().all(u8::is_ascii_alphabetic) {
                // The chunk before may have been cut short, with another image in it.
                return Progress::Damaged(self.last);
            }
            let next = self.at + FRAME + length;
            if next > bytes.len() {
                return Progress::More;
            }
            self.last = self.at;
            self.at = next;
            if kind == b"IEND" {
                return Progress::Complete(next);
            }
        }
    }

    /// How far it can be followed.
    pub(super) fn followed(&self) -> usize {
        self.last
    }
}
