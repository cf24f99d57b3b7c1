//! Text in quotes with backslashes in it, as Python writes its strings and protobuf its
//! text format. They differ in what a number behind a backslash is: a character in
//! Python, a byte of UTF-8 in protobuf.

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// `repr` of a string, and what people write by hand.
    Python,
    /// `text_format`, which writes `é` as `\303\251`.
    Protobuf,
}

/// The string that begins with the quote at the start of `text`, and the bytes that it
/// takes there, quotes included. `None` where it does not end or is no text.
pub(super) fn string(text: &str, rules: Rules) -> Option<(String, usize)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut rest = Rest {
        text,
        at: 1,
        rules,
        bytes: Vec::new(),
    };
    loop {
        match rest.next()? {
            c if c == quote => break,
            '\n' => return None,
            '\\' => rest.escape()?,
            c => rest.push(c),
        }
    }
    Some((String::from_utf8(rest.bytes).ok()?, rest.at))
}

struct Rest<'a> {
    text: &'a str,
    at: usize,
    rules: Rules,
    bytes: Vec<u8>,
}

impl Rest<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn push(&mut self, c: char) {
        self.bytes
            .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            'n' => self.push('\n'),
            't' => self.push('\t'),
            'r' => self.push('\r'),
            c @ ('\'' | '"' | '\\') => self.push(c),
            // A line that goes on.
            '\n' if self.rules == Rules::Python => {}
            'x' => {
                let code = self.number(16, 2, 2)?;
                self.push_code(code)?;
            }
            '0'..='7' => {
                self.at -= 1;
                let code = self.number(8, 1, 3)?;
                self.push_code(code)?;
            }
            'u' => {
                let code = self.number(16, 4, 4)?;
                self.push(char::from_u32(code)?);
            }
            'U' => {
                let code = self.number(16, 8, 8)?;
                self.push(char::from_u32(code)?);
            }
            'N' => return None,
            // Python keeps the backslash of an escape that it does not know.
            c if self.rules == Rules::Python => {
                self.push('\\');
                self.push(c);
            }
            _ => return None,
        }
        Some(())
    }

    /// A number of `least` to `most` digits.
    fn number(&mut self, radix: u32, least: usize, most: usize) -> Option<u32> {
        let digits = self.text[self.at..]
            .bytes()
            .take(most)
            .take_while(|b| char::from(*b).is_digit(radix))
            .count();
        let number = &self.text[self.at..self.at + digits];
        self.at += digits;
        (digits >= least).then(|| u32::from_str_radix(number, radix).ok())?
    }

    fn push_code(&mut self, code: u32) -> Option<()> {
        match self.rules {
            Rules::Python => self.push(char::from_u32(code)?),
            Rules::Protobuf => self.bytes.push(u8::try_from(code).ok()?),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Rules, string};

    #[test]
    fn numbers_are_characters_in_python_and_bytes_in_protobuf() {
        let read = |text, rules| string(text, rules).map(|(value, _)| value);
        assert_eq!(read(r"'caf\xe9'", Rules::Python).unwrap(), "café");
        assert_eq!(read(r"'caf\303\251'", Rules::Protobuf).unwrap(), "café");
        assert_eq!(read(r"'caf\xe9'", Rules::Protobuf), None);
        assert_eq!(read(r"'a\d'", Rules::Python).unwrap(), r"a\d");
        assert_eq!(read(r"'a\d'", Rules::Protobuf), None);
        assert_eq!(string("'a', 'b'", Rules::Python), Some(("a".into(), 3)));
        for open in ["'a", "'a\\", "'a\\x1", "'a\nb'", "a", "", r"'\ud83d'"] {
            assert_eq!(read(open, Rules::Python), None, "{open}");
        }
    }
}
