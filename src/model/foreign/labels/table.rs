//! Labels as a table: CSV and its like, with commas, semicolons, tabs or bars between the
//! fields, with or without a header, numbers before or behind the names or nowhere.

use super::numbering::{Numbered, in_order, is_numbering, number};
use super::{Fault, Names, lines};

/// What a header calls the names, the clearest first.
const NAMES: [&str; 12] = [
    "display_name",
    "class_name",
    "label_name",
    "name",
    "names",
    "label",
    "labels",
    "class",
    "classes",
    "category",
    "title",
    "description",
];
/// What a header calls the numbers.
const NUMBERS: [&str; 13] = [
    "index",
    "idx",
    "id",
    "class_id",
    "class_index",
    "class_idx",
    "label_id",
    "label_index",
    "number",
    "no",
    "target",
    "label",
    "class",
];

/// What may stand between fields.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Whether a line is the header of a table of labels.
pub(super) fn is_header(line: &str) -> bool {
    DELIMITERS.iter().any(|delimiter| {
        let mut fields = line.split(char::from(*delimiter)).map(field);
        let is_known = |name: &String| NAMES.contains(&&name[..]) || NUMBERS.contains(&&name[..]);
        line.contains(char::from(*delimiter)) && fields.all(|name| is_known(&name))
    })
}

fn field(text: &str) -> String {
    text.trim()
        .trim_matches('"')
        .to_lowercase()
        .replace([' ', '-'], "_")
}

/// The labels in a table.
pub(super) fn parse(text: &str) -> Result<Names, Fault> {
    // Excel's way of saying what stands between fields.
    let text = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("sep=") => rest,
        _ => text,
    };
    let Some(rows) = Rows::of(text)? else {
        return single(text);
    };
    let column = rows.names()?;
    let entries = rows.body().map(|row| (row, row.fields[column].clone()));
    match rows.numbers(column)? {
        Some(numbers) => in_order(
            entries
                .map(|(row, name)| {
                    Some(Numbered {
                        number: number(&row.fields[numbers])?,
                        name,
                        line: Some(row.line),
                    })
                })
                .collect::<Option<_>>()
                .unwrap_or_default(),
        ),
        None => Ok(Names {
            names: entries.map(|(_, name)| name).collect(),
            remarks: Vec::new(),
        }),
    }
}

/// A table of one column: lines, out of their quotes.
fn single(text: &str) -> Result<Names, Fault> {
    let rows = records(text, b',')?;
    if rows.iter().any(|row| row.fields.len() > 1) {
        return lines::parse(text);
    }
    let name = |row: &Row| field(&row.fields[0]);
    let has_header = rows
        .first()
        .is_some_and(|row| NAMES.contains(&&name(row)[..]));
    let body = rows.iter().skip(usize::from(has_header));
    lines::of_lines(body.map(|row| (row.line, row.fields[0].as_str())))
}

struct Row {
    line: usize,
    fields: Vec<String>,
}

struct Rows {
    rows: Vec<Row>,
    has_header: bool,
    width: usize,
}

impl Rows {
    /// The rows, by whatever stands between the fields; `None` where there is one column.
    fn of(text: &str) -> Result<Option<Self>, Fault> {
        let (mut even, mut uneven) = (Vec::new(), None);
        for delimiter in DELIMITERS {
            let rows = records(text, delimiter)?;
            let Some(width) = rows.first().map(|row| row.fields.len()) else {
                return Err(Fault::of("the label file is empty"));
            };
            if width < 2 {
                continue;
            }
            match rows.iter().find(|row| row.fields.len() != width) {
                None => even.push(Self::with_header(rows, width)),
                Some(odd) => {
                    uneven.get_or_insert_with(|| {
                        let count = odd.fields.len();
                        let what = format!("{count} fields, expected {width} as on the first line");
                        Fault::at(odd.line, what)
                            .with_remedy("put names that hold a comma in quotes")
                    });
                }
            }
        }
        // A comma in every name is no reason to overlook the semicolons before them.
        let is_numbered =
            |rows: &Self| (0..rows.width).any(|column| rows.numbers_of(column).is_some());
        let best = even.iter().position(is_numbered).unwrap_or(0);
        match (even.is_empty(), uneven) {
            (false, _) => Ok(Some(even.swap_remove(best))),
            (true, Some(fault)) => Err(fault),
            (true, None) => Ok(None),
        }
    }

    fn with_header(rows: Vec<Row>, width: usize) -> Self {
        let is_number = |row: &Row, at: usize| number(&row.fields[at]).is_some();
        let names = rows.first().map(|row| row.fields.iter().map(|f| field(f)));
        let is_named = names.is_some_and(|mut fields| {
            fields.any(|f| NAMES.contains(&&f[..]) || NUMBERS.contains(&&f[..]))
        });
        // Text above a column of numbers.
        let is_above = rows.len() > 1
            && (0..width).any(|at| {
                !is_number(&rows[0], at) && rows[1..].iter().all(|row| is_number(row, at))
            });
        let no_numbers = rows
            .first()
            .is_some_and(|row| row.fields.iter().all(|f| number(f).is_none()));
        Self {
            has_header: (is_named && no_numbers) || is_above,
            rows,
            width,
        }
    }

    /// The rows below the header.
    fn body(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().skip(usize::from(self.has_header))
    }

    /// The column that a header names by one of these words; the first word is strongest.
    fn called(&self, words: &[&str], columns: &[usize]) -> Option<usize> {
        let header = self.rows.first().filter(|_| self.has_header)?;
        words.iter().find_map(|word| {
            let is_called = |at: &&usize| field(&header.fields[**at]) == *word;
            columns.iter().find(is_called).copied()
        })
    }

    fn numbers_of(&self, column: usize) -> Option<Vec<usize>> {
        self.body().map(|row| number(&row.fields[column])).collect()
    }

    /// The column of the names.
    fn names(&self) -> Result<usize, Fault> {
        let is_id = |at: usize| self.body().all(|row| lines::is_wordnet_id(&row.fields[at]));
        let texts: Vec<usize> = (0..self.width)
            .filter(|at| self.numbers_of(*at).is_none() && !is_id(*at))
            .collect();
        if let [only] = texts[..] {
            return Ok(only);
        }
        // Names that are digits.
        let all: Vec<usize> = (0..self.width).collect();
        let columns = if texts.is_empty() { &all } else { &texts };
        if let Some(column) = self.called(&NAMES, columns) {
            return Ok(column);
        }
        if texts.is_empty() && self.width == 2 && self.numbers_of(0) == self.numbers_of(1) {
            return Ok(1);
        }
        let count = columns.len();
        let what = format!("{count} columns may be the names, and no header says which");
        let remedy = "write a first line that names the columns, such as `index,name`";
        Err(Fault::at(1, what).with_remedy(remedy))
    }

    /// The column of the numbers, which the names beside it are ordered by.
    fn numbers(&self, names: usize) -> Result<Option<usize>, Fault> {
        let numbers: Vec<usize> = (0..self.width)
            .filter(|at| *at != names && self.numbers_of(*at).is_some())
            .collect();
        let whole = |at: &usize| {
            let numbers = self.numbers_of(*at).unwrap_or_default();
            is_numbering(numbers.into_iter())
        };
        let whole: Vec<usize> = numbers.iter().copied().filter(whole).collect();
        let candidates = if whole.is_empty() { &numbers } else { &whole };
        match candidates[..] {
            [only] => Ok(Some(only)),
            [] if self.called(&NAMES, &[names]).is_some() || self.is_id_beside(names) => Ok(None),
            _ => match self.called(&NUMBERS, candidates) {
                Some(column) => Ok(Some(column)),
                None => {
                    let count = candidates.len();
                    let what = format!("{count} columns number the classes, expected one, from 0");
                    let remedy = "write a first line that names the columns, such as `index,name`";
                    Err(Fault::at(1, what).with_remedy(remedy))
                }
            },
        }
    }

    fn is_id_beside(&self, names: usize) -> bool {
        (0..self.width)
            .any(|at| at != names && self.body().all(|row| lines::is_wordnet_id(&row.fields[at])))
    }
}

fn records(text: &str, delimiter: u8) -> Result<Vec<Row>, Fault> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let records = reader.records().map(|record| {
        let record = record.map_err(|e| Fault::of(format!("is not CSV: {e}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok(Row {
            line: usize::try_from(line).unwrap_or_default(),
            fields: record.iter().map(String::from).collect(),
        })
    });
    let rows: Result<Vec<Row>, Fault> = records.collect();
    let is_blank = |row: &Row| row.fields.iter().all(String::is_empty);
    rows.map(|rows| rows.into_iter().filter(|row| !is_blank(row)).collect())
}
