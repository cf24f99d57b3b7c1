//! Protobuf's text format, as far as TensorFlow's label maps use it:
//! `item { id: 1 name: 'cat' display_name: "Cat" }`.

use super::Fault;
use crate::model::foreign::quoted::{self, Rules};
use crate::model::foreign::tree::{DEEPEST, Tree};

/// Reads the messages of a text: a list of maps.
pub(super) fn parse(text: &str) -> Result<Tree, Fault> {
    let mut reader = Reader { text, at: 0 };
    let fields = reader.fields(None, 0)?;
    let items = fields.into_iter().map(|(_, value)| match value {
        item @ Tree::Map(_) => Ok(item),
        other => Err(Fault::of(format!("is {other}, expected `item {{ … }}`"))),
    });
    items.collect::<Result<_, _>>().map(Tree::List)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fault(&self, expected: &str) -> Fault {
        let line = self.text[..self.at].matches('\n').count() + 1;
        let found = self.rest().lines().next().unwrap_or_default();
        let what = format!("`{found:.20}` where {expected} was expected");
        Fault::at(line, what).with_remedy("mend the file, or write one label per line")
    }

    /// Passes white space and comments.
    fn skip(&mut self) {
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
    fn take(&mut self, marks: &[char]) -> Option<char> {
        self.skip();
        let mark = self.rest().chars().next().filter(|c| marks.contains(c))?;
        self.at += mark.len_utf8();
        Some(mark)
    }

    /// The fields up to `end`, or to the end of the text.
    fn fields(&mut self, end: Option<char>, depth: usize) -> Result<Vec<(Tree, Tree)>, Fault> {
        let mut fields = Vec::new();
        loop {
            self.skip();
            match end {
                Some(end) if self.take(&[end]).is_some() => return Ok(fields),
                None if self.rest().is_empty() => return Ok(fields),
                _ => {}
            }
            let name = self.word();
            if name.is_empty() {
                return Err(self.fault("a field's name"));
            }
            let has_colon = self.take(&[':']).is_some();
            let value = match self.take(&['{', '<']) {
                Some(_) if depth == DEEPEST => return Err(self.fault("less depth")),
                Some('{') => Tree::Map(self.fields(Some('}'), depth + 1)?),
                Some(_) => Tree::Map(self.fields(Some('>'), depth + 1)?),
                None if has_colon => self.scalar()?,
                None => return Err(self.fault("`:` or `{`")),
            };
            fields.push((Tree::Text(name.to_owned()), value));
            self.take(&[',', ';']);
        }
    }

    fn word(&mut self) -> &'a str {
        self.skip();
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn scalar(&mut self) -> Result<Tree, Fault> {
        let mut text: Option<String> = None;
        loop {
            self.skip();
            if !self.rest().starts_with(['\'', '"']) {
                break;
            }
            // Strings side by side are one.
            let (part, length) = quoted::string(self.rest(), Rules::Protobuf)
                .ok_or_else(|| self.fault("a string that ends on its line"))?;
            self.at += length;
            text.get_or_insert_default().push_str(&part);
        }
        if let Some(text) = text {
            return Ok(Tree::Text(text));
        }
        match self.word() {
            "" => Err(self.fault("a value")),
            word => Ok(word
                .parse()
                .map_or_else(|_| Tree::Other(word.to_owned()), Tree::Whole)),
        }
    }
}
