//! A sliding window over a stream: bytes are read once, looked at in place, and dropped
//! from the front. The buffer is reused, so a stream of any length takes flat memory.

use std::io::{ErrorKind, Read, Result};

/// Bytes asked of the stream at once.
const CHUNK: usize = 64 * 1024;

/// A reader and the bytes of it that are not used up yet.
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> Window<R> {
    /// A window on `reader`, empty so far.
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// The bytes at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads what the stream has now, blocking until there is something. `false` at its end.
    ///
    /// # Errors
    /// The stream's.
    pub(super) fn more(&mut self) -> Result<bool> {
        if self.start > 0 && (self.start == self.end || self.buffer.len() - self.end < CHUNK) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < CHUNK {
            self.buffer.resize(self.end + CHUNK.max(self.end / 2), 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads until `count` bytes are at hand. `false` when the stream ends before.
    ///
    /// # Errors
    /// The stream's.
    pub(super) fn at_least(&mut self, count: usize) -> Result<bool> {
        while self.bytes().len() < count {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Drops `count` bytes from the front, or as many as there are.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn all_is_dropped_where_more_than_there_is_is_to_be() {
        let mut window = Window::new(&b"abc"[..]);
        assert!(window.more().unwrap());
        window.consume(1);
        window.consume(usize::MAX);
        assert_eq!(window.bytes(), b"");
    }
}
