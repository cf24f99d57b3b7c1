//! A place in a text of tokens, with white space and `#` comments between them: Python's
//! literals and Protobuf's text format are both read so.

/// A text, and how many of its bytes have been passed.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What has not been passed.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Passes white space and comments.
    pub(super) fn skip(&mut self) {
        loop {
            let trimmed = self.rest().trim_start();
            self.at = self.text.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// Passes one of these marks, if one comes next.
    pub(super) fn take(&mut self, marks: &[char]) -> Option<char> {
        self.skip();
        let mark = self.rest().chars().next().filter(|c| marks.contains(c))?;
        self.at += mark.len_utf8();
        Some(mark)
    }

    /// Passes the characters that come next and are parts of a word.
    pub(super) fn word(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        self.skip();
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }
}
