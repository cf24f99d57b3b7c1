//! Protobuf's text format, as far as TensorFlow's label maps use it:
//! `item { id: 1 name: 'cat' display_name: "Cat" }`.

use super::Fault;
use crate::model::foreign::cursor::Cursor;
use crate::model::foreign::quoted::{self, Rules};
use crate::model::foreign::tree::{DEEPEST, Tree};

/// Reads the messages of a text: a list of maps.
pub(super) fn parse(text: &str) -> Result<Tree, Fault> {
    let mut reader = Reader(Cursor::new(text));
    let fields = reader.fields(None, 0)?;
    let items = fields.into_iter().map(|(_, value)| match value {
        item @ Tree::Map(_) => Ok(item),
        other => Err(Fault::of(format!("is {other}, expected `item {{ … }}`"))),
    });
    items.collect::<Result<_, _>>().map(Tree::List)
}

struct Reader<'a>(Cursor<'a>);

impl<'a> Reader<'a> {
    fn fault(&self, expected: &str) -> Fault {
        let line = self.0.text[..self.0.at].matches('\n').count() + 1;
        let found = self.0.rest().lines().next().unwrap_or_default();
        let what = format!("`{found:.20}` where {expected} was expected");
        Fault::at(line, what).with_remedy("mend the file, or write one label per line")
    }

    /// The fields up to `end`, or to the end of the text.
    fn fields(&mut self, end: Option<char>, depth: usize) -> Result<Vec<(Tree, Tree)>, Fault> {
        let mut fields = Vec::new();
        loop {
            self.0.skip();
            match end {
                Some(end) if self.0.take(&[end]).is_some() => return Ok(fields),
                None if self.0.rest().is_empty() => return Ok(fields),
                _ => {}
            }
            let name = self.word();
            if name.is_empty() {
                return Err(self.fault("a field's name"));
            }
            let has_colon = self.0.take(&[':']).is_some();
            let value = match self.0.take(&['{', '<']) {
                Some(_) if depth == DEEPEST => return Err(self.fault("less depth")),
                Some('{') => Tree::Map(self.fields(Some('}'), depth + 1)?),
                Some(_) => Tree::Map(self.fields(Some('>'), depth + 1)?),
                None if has_colon => self.scalar()?,
                None => return Err(self.fault("`:` or `{`")),
            };
            fields.push((Tree::Text(name.to_owned()), value));
            self.0.take(&[',', ';']);
        }
    }

    fn word(&mut self) -> &'a str {
        self.0
            .word(|c| c.is_ascii_alphanumeric() || "_.+-".contains(c))
    }

    fn scalar(&mut self) -> Result<Tree, Fault> {
        let mut text: Option<String> = None;
        loop {
            self.0.skip();
            if !self.0.rest().starts_with(['\'', '"']) {
                break;
            }
            // Strings side by side are one.
            let (part, length) = quoted::string(self.0.rest(), Rules::Protobuf)
                .ok_or_else(|| self.fault("a string that ends on its line"))?;
            self.0.at += length;
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
