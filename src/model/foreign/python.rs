//! Python's literals: what `repr` gives for dicts, lists, tuples, strings and numbers, and
//! what people write by hand, with comments and commas at the end. Ultralytics keeps its
//! names so, and the best-known list of ImageNet's is one. Nothing is evaluated.

use super::cursor::Cursor;
use super::quoted::{self, Rules};
use super::tree::{DEEPEST, Tree};

/// Types that NumPy and Python wrap around a value when they print it.
const WRAPPERS: [&str; 5] = ["OrderedDict", "dict", "np.int64", "np.str_", "str"];

/// Where a literal breaks off, and what would go on.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::model) struct Broken {
    /// The byte.
    pub(in crate::model) at: usize,
    /// What should stand there.
    pub(in crate::model) expected: &'static str,
}

/// Reads a text that is one literal.
pub(in crate::model) fn literal(text: &str) -> Result<Tree, Broken> {
    let mut reader = Reader(Cursor::new(text));
    let tree = reader.value(0)?;
    reader.0.skip();
    match reader.0.rest() {
        "" => Ok(tree),
        _ => Err(reader.broken("the end")),
    }
}

struct Reader<'a>(Cursor<'a>);

impl Reader<'_> {
    fn broken(&self, expected: &'static str) -> Broken {
        Broken {
            at: self.0.at,
            expected,
        }
    }

    /// Passes `mark`, if it comes next.
    fn takes(&mut self, mark: char) -> bool {
        self.0.take(&[mark]).is_some()
    }

    fn value(&mut self, depth: usize) -> Result<Tree, Broken> {
        if depth > DEEPEST {
            return Err(self.broken("at most 16 lists in one another"));
        }
        if self.takes('{') {
            return self.entries(depth);
        }
        if self.takes('[') {
            return self.items(']', depth);
        }
        if self.takes('(') {
            return self.items(')', depth);
        }
        let unmarked = self.0.rest().strip_prefix('u').unwrap_or(self.0.rest());
        if unmarked.starts_with(['\'', '"']) {
            let (text, length) = quoted::string(unmarked, Rules::Python)
                .ok_or_else(|| self.broken("a string that ends on its line"))?;
            self.0.at = self.0.text.len() - unmarked.len() + length;
            return Ok(Tree::Text(text));
        }
        self.word(depth)
    }

    /// A number, `None`, or a value with its type around it.
    fn word(&mut self, depth: usize) -> Result<Tree, Broken> {
        let is_part = |c: char| c.is_alphanumeric() || "._+-".contains(c);
        let word = self.0.word(is_part);
        if word.is_empty() {
            return Err(self.broken("a value"));
        }
        if WRAPPERS.contains(&word) && self.takes('(') {
            let value = self.value(depth + 1)?;
            return match self.takes(')') {
                true => Ok(value),
                false => Err(self.broken("`)`")),
            };
        }
        let is_number = word.bytes().all(|b| b.is_ascii_digit());
        let number = word.parse().ok().filter(|_| is_number);
        Ok(number.map_or_else(|| Tree::Other(word.to_owned()), Tree::Whole))
    }

    fn items(&mut self, end: char, depth: usize) -> Result<Tree, Broken> {
        let mut items = Vec::new();
        while !self.takes(end) {
            items.push(self.value(depth + 1)?);
            if !self.takes(',') {
                return match self.takes(end) {
                    true => Ok(Tree::List(items)),
                    false => Err(self.broken("`,` or the end of the list")),
                };
            }
        }
        Ok(Tree::List(items))
    }

    fn entries(&mut self, depth: usize) -> Result<Tree, Broken> {
        let mut entries = Vec::new();
        while !self.takes('}') {
            let key = self.value(depth + 1)?;
            if !self.takes(':') {
                return Err(self.broken("`:` and a value"));
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.takes(',') {
                return match self.takes('}') {
                    true => Ok(Tree::Map(entries)),
                    false => Err(self.broken("`,` or `}`")),
                };
            }
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Tree, literal};

    fn text(text: &str) -> Tree {
        Tree::Text(text.into())
    }

    #[test]
    fn literals_are_read_as_python_writes_them() {
        let cases = [
            ("[]", Tree::List(vec![])),
            ("('a', 7,)", Tree::List(vec![text("a"), Tree::Whole(7)])),
            (
                "{0: u'a', # first\n 1: None,}",
                Tree::Map(vec![
                    (Tree::Whole(0), text("a")),
                    (Tree::Whole(1), Tree::Other("None".into())),
                ]),
            ),
            ("[np.str_('a')]", Tree::List(vec![text("a")])),
            (r#" "Granny's" "#, text("Granny's")),
            (r"'tab\there \xe9\u20ac 🍎'", text("tab\there é€ 🍎")),
            ("-1", Tree::Other("-1".into())),
        ];
        for (source, expected) in cases {
            assert_eq!(literal(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_no_literal_breaks_off_where_it_does() {
        let deep = "[".repeat(100_000);
        let cases: [(&str, usize, &str); 7] = [
            ("{0: 'a' 1: 'b'}", 8, "`,` or `}`"),
            ("{'a', 'b'}", 4, "`:` and a value"),
            ("['a' 'b']", 5, "`,` or the end of the list"),
            ("['a", 1, "a string that ends on its line"),
            ("[1] x", 4, "the end"),
            ("", 0, "a value"),
            (&deep, 17, "at most 16 lists in one another"),
        ];
        for (source, at, expected) in cases {
            assert_eq!(
                literal(source),
                Err(Broken { at, expected }),
                "{source:.20}"
            );
        }
    }
}
