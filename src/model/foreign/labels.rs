//! Label files in the forms that people have them. The shape decides first: a text that
//! opens like JSON, Python, YAML, protobuf's text format or a table is read as that or
//! refused, never taken for lines. Of lines, numbers are left out only where they number
//! the whole file: "5 fingers" is a name.

mod lines;
mod numbering;
mod pbtxt;
mod shape;
mod table;
mod text;
mod yaml;

use std::path::{Path, PathBuf};

use super::folders;
use super::python;
use super::tree::Tree;
use crate::error::{Error, Result};
use shape::Shape;
pub(super) use shape::names_of;

/// Names of a label file that is looked for beside the model.
const BESIDE: [&str; 7] = [
    "labels.txt",
    "synset.txt",
    "classes.txt",
    "labels.csv",
    "labels.json",
    "classes.json",
    "class_indices.json",
];

/// Largest file that is read: the 21,843 names of all of ImageNet take one megabyte.
const LARGEST: u64 = 16 << 20;

/// The names that a file gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct Names {
    /// In the order of the model's output.
    pub(in crate::model) names: Vec<String>,
    /// What was understood rather than said.
    pub(in crate::model) remarks: Vec<String>,
}

/// Why a text gives no labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct Fault {
    /// The line, counted from 1, where one is to blame.
    line: Option<usize>,
    /// What is wrong, with what was expected.
    pub(in crate::model) what: String,
    /// What mends it, where that is more than writing the labels plainly.
    remedy: Option<&'static str>,
}

impl Fault {
    /// A fault of the whole text.
    fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ..Self::default()
        }
    }

    /// A fault of one line.
    fn at(line: usize, what: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::of(what)
        }
    }

    fn with_remedy(self, remedy: &'static str) -> Self {
        Self {
            remedy: Some(remedy),
            ..self
        }
    }
}

/// The label file of `model`, if there is one.
pub(crate) fn beside(model: &Path) -> Option<PathBuf> {
    candidates(model).find(|path| path.is_file())
}

/// Where the labels of `model` are looked for, in this order.
pub(super) fn candidates(model: &Path) -> impl Iterator<Item = PathBuf> {
    let own = model.with_extension("labels.txt");
    let known = folders(model).flat_map(|folder| BESIDE.map(|name| folder.join(name)));
    std::iter::once(own).chain(known)
}

/// Reads a label file.
///
/// # Errors
/// The file cannot be read, or does not say plainly which class has which name.
pub(crate) fn read(path: &Path) -> Result<Vec<String>> {
    let place = path.display().to_string();
    let unreadable = |e| Error::model(&place, "the label file cannot be read").caused_by(e);
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > LARGEST {
        let error = Error::model(&place, format!("{length} bytes are no label file"));
        return Err(error.with_expected(format!("at most {LARGEST}")));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let found = parse(&bytes, &extension.to_lowercase()).map_err(|fault| {
        let line = fault.line.map(|line| format!(":{line}"));
        let plainly = "write one label per line, in the order of the model's output";
        Error::model(format!("{place}{}", line.unwrap_or_default()), fault.what)
            .with_remedy(fault.remedy.unwrap_or(plainly))
    })?;
    for remark in found.remarks {
        log::warn!("{place}: {remark}");
    }
    Ok(found.names)
}

/// The names in a file's bytes; `extension` is the end of its name in lower case.
pub(in crate::model) fn parse(bytes: &[u8], extension: &str) -> std::result::Result<Names, Fault> {
    let text = text::decode(bytes)?;
    let mut found = match Shape::of(&text, extension) {
        Shape::Literal(literal) => names_of(&tree(&text, literal)?)?,
        Shape::Yaml => names_of(&yaml::parse(&text)?)?,
        Shape::Pbtxt => names_of(&pbtxt::parse(&text)?)?,
        Shape::Table => table::parse(&text)?,
        Shape::Lines => lines::parse(&text)?,
    };
    if found.names.is_empty() {
        return Err(Fault::of("the label file is empty"));
    }
    for (index, name) in found.names.iter_mut().enumerate() {
        *name = name.trim().to_owned();
        if name.is_empty() {
            return Err(Fault::of(format!("class {index} has an empty name")));
        }
        if let Some(control) = name.chars().find(|c| c.is_control() && *c != '\t') {
            let what = format!("the name of class {index} holds the character {control:?}");
            return Err(Fault::of(what));
        }
    }
    Ok(found)
}

/// A text that opens like JSON or Python, at byte `start`: whichever of the two it is; else
/// the complaint of the one that came further.
fn tree(text: &str, start: usize) -> std::result::Result<Tree, Fault> {
    let literal = &text[start..];
    let values = serde_json::Deserializer::from_str(literal).into_iter::<Tree>();
    let json = match values.collect::<std::result::Result<Vec<_>, _>>() {
        // JSON Lines: an object per line.
        Ok(values) if values.len() > 1 => return Ok(Tree::List(values)),
        Ok(mut values) => return values.pop().ok_or_else(|| Fault::of("holds no value")),
        Err(e) => e,
    };
    let python = match python::literal(literal.trim_end().trim_end_matches(';')) {
        Ok(tree) => return Ok(tree),
        Err(broken) => broken,
    };
    let newlines = |text: &str| text.bytes().filter(|b| *b == b'\n').count();
    let before = newlines(&text[..start]);
    let line = newlines(&literal[..python.at]) + 1;
    let fault = if json.line() > line {
        Fault::at(before + json.line(), format!("is not JSON: {json}"))
    } else {
        let what = format!(
            "opens like JSON or a Python literal, but breaks off: expected {}",
            python.expected
        );
        Fault::at(before + line, what)
    };
    Err(fault.with_remedy("mend the file, or write one label per line"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[track_caller]
    fn reads(cases: &[(&str, &[u8], &[&str])]) {
        for (extension, bytes, expected) in cases {
            let text = String::from_utf8_lossy(bytes);
            match parse(bytes, extension) {
                Ok(found) => assert_eq!(found.names, *expected, "{text:?}"),
                Err(fault) => panic!("{text:?}: {fault:?}"),
            }
        }
    }

    #[track_caller]
    fn refuses(cases: &[(&str, &[u8], Option<usize>, &str)]) {
        for (extension, bytes, line, what) in cases {
            let text = String::from_utf8_lossy(bytes);
            let fault = parse(bytes, extension).expect_err(&text);
            assert_eq!((fault.line, &fault.what[..]), (*line, *what), "{text:?}");
        }
    }

    const ABC: &[&str] = &["ant", "bee", "cat"];

    #[test]
    fn a_label_per_line_numbered_or_not() {
        reads(&[
            ("txt", b"ant\nbee\ncat", ABC),
            ("txt", b"1 bee\n0  ant\n2\tcat\n", ABC),
            ("txt", b"0: ant\r\n1: bee\r\n2: cat\r\n\r\n", ABC),
            ("txt", b"0,ant\n1,bee\n2,cat\n", ABC),
            ("txt", b"00. ant\n01. bee\n02. cat", ABC),
            ("txt", b"0) ant\n1) bee\n2) cat", ABC),
            ("txt", b"0 - ant\n1 - bee\n2 - cat", ABC),
            ("txt", b"ant 0\ncat 2\nbee 1", ABC),
            ("txt", b"ant: 0\nbee: 1\ncat: 2", ABC),
            ("txt", b"1 ant\n2 bee\n3 cat", ABC),
            (
                "txt",
                b"0 n01440764 ant\n1 n01443537 bee\n2 n01484850 cat",
                ABC,
            ),
            ("txt", b"# insects, mostly\nant\nbee\ncat", ABC),
            ("txt", b"'ant'\n'bee'\n'cat'", ABC),
            (
                "txt",
                b"n01440764 tench, Tinca tinca\nn01443537 goldfish",
                &["tench, Tinca tinca", "goldfish"],
            ),
            (
                "txt",
                b"0 crane\n1 crane\n2 ibis\n3 heron",
                &["crane", "crane", "ibis", "heron"],
            ),
        ]);
    }

    #[test]
    fn numbers_that_count_something_are_names() {
        for names in [
            &["0 fingers", "1 finger", "2 fingers"][..],
            &["2 people", "1 person", "0 people"],
            &["90 degrees", "0 degrees", "270 degrees", "180 degrees"],
            &["1 euro", "2 euro", "50 cent", "20 cent"],
            &["room 0", "room 1"],
            &["16:9", "4:3"],
            &["0.5 mm", "1.5 mm"],
            &["7 up", "fanta"],
            &["0", "1", "2"],
            &["n01440764", "n01443537"],
            &["3D", "2D", "1D"],
            &["0 - 2 years", "3 - 9 years"],
            &["#1", "#2"],
            &["Boeing 737", "Airbus 320"],
            &["background", "tench, Tinca tinca"],
        ] {
            reads(&[("txt", names.join("\n").as_bytes(), names)]);
        }
    }

    #[test]
    fn every_encoding_that_says_what_it_is() {
        let wide = |text: &str, word: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(word).collect()
        };
        let expected: &[&str] = &["ant", "café"];
        for text in ["ant\r\ncafé\r\n", "ant\rcafé\r", "ant\ncafé\u{1a}"] {
            for mark in ["", "\u{feff}"] {
                let marked = format!("{mark}{text}");
                reads(&[
                    ("txt", marked.as_bytes(), expected),
                    ("txt", &wide(&marked, u16::to_le_bytes), expected),
                    ("txt", &wide(&marked, u16::to_be_bytes), expected),
                ]);
            }
        }
        refuses(&[
            (
                "txt",
                b"ant\ncaf\xe9",
                Some(2),
                "is not UTF-8: the byte 0xe9",
            ),
            (
                "txt",
                b"\xff\xfea",
                None,
                "is not UTF-16, although it begins so",
            ),
            (
                "txt",
                b"ant\nb\x08ee",
                Some(2),
                "holds the character '\\u{8}': this is no text",
            ),
        ]);
    }

    #[test]
    fn json_and_python() {
        reads(&[
            ("json", br#"["ant", "bee", "cat"]"#, ABC),
            ("json", br#"{"2": "cat", "0": "ant", "1": "bee"}"#, ABC),
            ("json", br#"{"bee": 1, "ant": 0, "cat": 2}"#, ABC),
            ("json", br#"{"3": 0, "5": 1}"#, &["3", "5"]),
            (
                "txt",
                br#"{"0": ["n01440764", "ant"], "1": ["n01443537", "bee"]}"#,
                &ABC[..2],
            ),
            (
                "json",
                br#"[{"id": 2, "name": "bee"}, {"id": 1, "name": "ant", "supercategory": "x"}]"#,
                &ABC[..2],
            ),
            (
                "json",
                br#"{"id2label": {"0": "ant"}, "label2id": {"LABEL_0": 0}}"#,
                &ABC[..1],
            ),
            (
                "json",
                br#"{"categories": [{"name": "ant"}, {"name": "bee"}]}"#,
                &ABC[..2],
            ),
            (
                "jsonl",
                b"{\"id\": 0, \"name\": \"ant\"}\n{\"id\": 1, \"name\": \"bee\"}",
                &ABC[..2],
            ),
            ("txt", b"{0: 'ant',\n 1: \"bee\",\n 2: 'cat',\n}\n", ABC),
            ("txt", b"['ant', 'bee', # two\n 'cat']", ABC),
            ("py", b"LABELS = [\n  'ant',\n  'bee',\n  'cat',\n]\n", ABC),
            ("txt", b"[(0, 'ant'), (1, 'bee')]", &ABC[..2]),
            ("json", b"[0, 1, 2]", &["0", "1", "2"]),
        ]);
        refuses(&[
            (
                "json",
                b"[\"ant\",\n\"bee\"",
                Some(2),
                "opens like JSON or a Python literal, but breaks off: expected `,` or the end of the list",
            ),
            (
                "json",
                br#"{"0": "ant", "0": "bee"}"#,
                None,
                "label number 0 is there twice",
            ),
            (
                "json",
                br#"{"0": "ant", "2": "cat"}"#,
                None,
                "label number 2 where 1 was expected",
            ),
            (
                "json",
                br#"["ant", null]"#,
                None,
                "item 1 of the list is `null`, expected a label",
            ),
            ("json", br#"["ant", ""]"#, None, "class 1 has an empty name"),
            (
                "json",
                br#"["ant", "b\nee"]"#,
                None,
                "the name of class 1 holds the character '\\n'",
            ),
            (
                "json",
                br#"{"0": "1", "1": "2", "2": "0"}"#,
                None,
                "both the keys and the values number the classes, each in its own order",
            ),
            (
                "json",
                br#"{"n01440764": "ant"}"#,
                None,
                "a map of 1 whose keys and values do not number the classes, and without `names` or `labels`",
            ),
            ("json", b"[]", None, "the label file is empty"),
            (
                "txt",
                b"{'ant', 'bee'}",
                Some(1),
                "opens like JSON or a Python literal, but breaks off: expected `:` and a value",
            ),
        ]);
    }

    #[test]
    fn yaml_and_protobufs_text() {
        reads(&[
            ("yaml", b"path: x\nnc: 3\nnames: [ant, 'bee', \"cat\"]\n", ABC),
            ("yaml", b"names:\n  0: ant\n  1: bee # small\n  2: cat\ndownload: |\n  a: b\n", ABC),
            ("yml", b"---\nnames:\n- ant\n- bee\n- cat\n", ABC),
            ("txt", b"- ant\n- bee\n- cat\n", ABC),
            ("yaml", b"0: yes\n1: no\n", &["yes", "no"]),
            (
                "pbtxt",
                b"item {\n  id: 2\n  name: 'bee'\n}\nitem {\n  id: 1\n  name: '/m/1'\n  display_name: \"ant\"\n}",
                &ABC[..2],
            ),
            ("txt", br"item: { name: 'caf\303\251', id: 1; }", &["café"]),
        ]);
        refuses(&[
            (
                "yaml",
                b"path: x\ntrain: y\n",
                None,
                "a map of 2 whose keys and values do not number the classes, and without `names` or `labels`",
            ),
            (
                "yaml",
                b"nc: 3\nnames: [ant]\n",
                None,
                "`nc` is 3, but `names` has 1 labels",
            ),
            (
                "yaml",
                b"a: &x [ant]\nnames: *x\n",
                Some(2),
                "an alias (`*`), expected the labels themselves",
            ),
            (
                "yaml",
                b"names:\n  0: ant\n  0: bee\n",
                None,
                "names: label number 0 is there twice",
            ),
            (
                "pbtxt",
                b"item {\n id: 1\n name: ant bee\n",
                Some(4),
                "`` where `:` or `{` was expected",
            ),
            (
                "pbtxt",
                b"item { id: 1 name: 'ant' }\nitem { id: 90 name: 'bee' }",
                None,
                "label number 90 where 2 was expected",
            ),
        ]);
    }

    #[test]
    fn tables() {
        reads(&[
            ("csv", b"0,ant\n1,bee\n2,cat\n", ABC),
            ("csv", b"name,index\nant,0\nbee,1\ncat,2\n", ABC),
            ("csv", b"index;name\n0;ant\n2;cat\n1;bee\n", ABC),
            (
                "tsv",
                b"id\tclass\twnid\n1\tbee\tn01443537\n0\tant\tn01440764\n",
                &ABC[..2],
            ),
            (
                "csv",
                b"index,names\n0,\"cat, domestic\"\n1,dog\n",
                &["cat, domestic", "dog"],
            ),
            (
                "csv",
                b"0;tench, Tinca tinca\n1;pike, Esox",
                &["tench, Tinca tinca", "pike, Esox"],
            ),
            ("csv", b"label\nant\nbee\ncat\n", ABC),
            ("csv", b"ant\nbee\ncat\n", ABC),
            (
                "csv",
                b"\"tench, Tinca tinca\"\ngoldfish\n",
                &["tench, Tinca tinca", "goldfish"],
            ),
            ("csv", b"label,name\n0,0\n1,1\n", &["0", "1"]),
            ("txt", b"name,index\nant,0\nbee,1\ncat,2\n", ABC),
            (
                "csv",
                b"name,kind\nant,insect\ncat,mammal\n",
                &["ant", "cat"],
            ),
        ]);
        refuses(&[
            (
                "csv",
                b"0,ant\nx,bee",
                Some(1),
                "2 columns may be the names, and no header says which",
            ),
            (
                "csv",
                b"0,ant\n2,cat",
                Some(2),
                "label number 2 where 1 was expected",
            ),
            (
                "csv",
                b"index,name\n0,cat, domestic\n",
                Some(2),
                "3 fields, expected 2 as on the first line",
            ),
            (
                "csv",
                b"0,ant\n1,bee\n1,cat",
                Some(3),
                "label number 1 is there twice",
            ),
        ]);
    }

    #[test]
    fn what_could_be_either_and_what_is_a_piece_of_something_is_refused() {
        refuses(&[
            (
                "txt",
                b"0 a\n2 c",
                Some(2),
                "label number 2 where 1 was expected",
            ),
            (
                "txt",
                b"0 a\n1 b\n1 c",
                Some(3),
                "label number 1 is there twice",
            ),
            (
                "txt",
                b"0: a\n7: c",
                Some(2),
                "label number 7 where 1 was expected",
            ),
            (
                "txt",
                b"0.5 mm\n1.25 mm",
                Some(1),
                "`0.5 mm` may be a number and a name, or all of it a name",
            ),
            (
                "txt",
                b"0 ant\n1 bee\ncat",
                Some(3),
                "`cat` where a number and a name were expected, as on the other lines",
            ),
            ("txt", b" \n", None, "the label file is empty"),
            ("txt", b"", None, "the label file is empty"),
            (
                "txt",
                b"<!DOCTYPE html>\n<p>",
                Some(1),
                "`<!DOCTYPE html>` is markup: a web page, or XML",
            ),
            (
                "txt",
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3",
                Some(1),
                "`version https://git-lfs.github.com/spec/` is a pointer of Git LFS, not the file itself",
            ),
            (
                "txt",
                b"ant\nbee\n}",
                Some(3),
                "`}` is a piece of a list or a program, not a label",
            ),
            (
                "txt",
                b"'ant',\n'bee',\n'cat'",
                Some(1),
                "`'ant',` is a piece of a list, not a label",
            ),
        ]);
    }

    #[test]
    fn what_was_understood_rather_than_said_is_told() {
        let remarks = |text: &str| parse(text.as_bytes(), "txt").unwrap().remarks;
        assert_eq!(remarks("0 ant\n1 bee\n\n"), Vec::<String>::new());
        assert_eq!(
            remarks("1: ant\n2: bee"),
            ["the labels are numbered from 1: `ant` is taken for the first class"]
        );
        assert_eq!(remarks("ant\n\nbee"), ["blank lines left out: 1"]);
        assert_eq!(remarks("# x\nant\nbee"), ["lines of comment left out: 1"]);
    }
}
