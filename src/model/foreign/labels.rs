//! Label files in the forms that people have them: a name per line, ImageNet synsets
//! (`n01440764 tench, Tinca tinca`), numbered lines (`0 tench`, `0: tench`) and CSV with
//! an index and a name.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Names of a label file that is looked for beside the model.
pub(crate) const BESIDE: [&str; 4] = ["labels.txt", "synset.txt", "classes.txt", "labels.csv"];

/// The label file beside `model`, if there is one.
pub(crate) fn beside(model: &Path) -> Option<PathBuf> {
    let own = model.with_extension("labels.txt");
    let folder = model.parent().unwrap_or(Path::new("."));
    std::iter::once(own)
        .chain(BESIDE.iter().map(|n| folder.join(n)))
        .find(|p| p.is_file())
}

/// Reads a label file.
///
/// # Errors
/// The file cannot be read, is empty, or numbers its lines with gaps.
pub(crate) fn read(path: &Path) -> Result<Vec<String>> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::model(&place, "the label file cannot be read").caused_by(e))?;
    let parse = if path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
    {
        parse_csv
    } else {
        parse_lines
    };
    parse(&text).map_err(|what| {
        Error::model(place, what)
            .with_remedy("write one label per line, in the order of the model's output")
    })
}

fn parse_lines(text: &str) -> std::result::Result<Vec<String>, String> {
    let lines: Vec<&str> = text
        .trim_start_matches('\u{feff}')
        .trim_end()
        .lines()
        .map(str::trim)
        .collect();
    if lines.is_empty() {
        return Err("the label file is empty".into());
    }
    if lines.iter().all(|line| synset(line).is_some()) {
        return Ok(lines
            .iter()
            .filter_map(|l| synset(l))
            .map(String::from)
            .collect());
    }
    let numbered: Option<Vec<(usize, &str)>> = lines.iter().map(|line| numbered(line)).collect();
    match numbered {
        Some(entries) if lines.len() > 1 => in_order(
            entries
                .into_iter()
                .map(|(i, n)| (i, n.to_owned()))
                .collect(),
        ),
        _ => Ok(lines.into_iter().map(String::from).collect()),
    }
}

/// The name behind a WordNet id.
fn synset(line: &str) -> Option<&str> {
    let (id, name) = line.split_once([' ', '\t'])?;
    let digits = id.strip_prefix('n')?;
    (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(name.trim())
}

/// The number and the name of a line such as `0 tench` or `0: tench`.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let (number, name) = line.split_once([' ', '\t', ':'])?;
    let name = name.trim_start_matches([':', ' ', '\t']);
    Some((number.parse().ok()?, name)).filter(|_| !name.is_empty())
}

fn parse_csv(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut entries = Vec::new();
    for (line, record) in reader.records().enumerate() {
        let record = record.map_err(|e| format!("line {} is not CSV: {e}", line + 1))?;
        let index = record.get(0).map(|f| f.trim().parse::<usize>());
        match (index, record.get(1)) {
            (Some(Ok(index)), Some(name)) => entries.push((index, name.trim().to_owned())),
            _ if line == 0 => {}
            _ => {
                return Err(format!(
                    "line {} is `{}`, expected `index,name`",
                    line + 1,
                    record.iter().collect::<Vec<_>>().join(",")
                ));
            }
        }
    }
    in_order(entries)
}

/// Names sorted by their index, which has to count from 0 without gaps.
fn in_order(mut entries: Vec<(usize, String)>) -> std::result::Result<Vec<String>, String> {
    entries.sort_by_key(|(index, _)| *index);
    match entries
        .iter()
        .enumerate()
        .find(|(at, (index, _))| at != index)
    {
        Some((at, (index, _))) => Err(format!("label number {index} where {at} was expected")),
        None if entries.is_empty() => Err("the label file is empty".into()),
        None => Ok(entries.into_iter().map(|(_, name)| name).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_csv, parse_lines};

    #[test]
    fn every_form_of_a_label_line_is_understood() {
        let cases: [(&str, &[&str]); 6] = [
            ("tench\ngoldfish\n", &["tench", "goldfish"]),
            (
                "n01440764 tench, Tinca tinca\nn01443537 goldfish",
                &["tench, Tinca tinca", "goldfish"],
            ),
            ("1 b\n0  a\n", &["a", "b"]),
            ("0: cat\r\n1: dog\r\n", &["cat", "dog"]),
            (
                "\u{feff}background\ntench, Tinca tinca",
                &["background", "tench, Tinca tinca"],
            ),
            ("7 up\nfanta", &["7 up", "fanta"]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_lines(text).unwrap(), expected, "{text:?}");
        }
        assert_eq!(
            parse_csv("index,names\n0,\"cat, domestic\"\n1,dog\n").unwrap(),
            ["cat, domestic", "dog"]
        );
    }

    #[test]
    fn gaps_and_emptiness_are_refused() {
        assert_eq!(
            parse_lines("0 a\n2 c").unwrap_err(),
            "label number 2 where 1 was expected"
        );
        assert_eq!(parse_lines(" \n").unwrap_err(), "the label file is empty");
        assert_eq!(
            parse_csv("0,a\nx,b").unwrap_err(),
            "line 2 is `x,b`, expected `index,name`"
        );
    }
}
