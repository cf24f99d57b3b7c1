//! CSV files. One that is read says which labels pictures have, for those that a folder per
//! class cannot hold: with several labels, or none.

use std::path::{Path, PathBuf};

use csv::StringRecord;
use ocelli::{Error, Result};

/// The column of all labels, where they do not have one each.
const LABELS: &str = "labels";
/// The column that says for what the trainer uses a picture.
const SPLIT: &str = "split";
/// Between labels in one field.
const BETWEEN: char = ';';

/// A picture's file and the labels that it has.
pub(crate) struct Row {
    pub(crate) file: PathBuf,
    pub(crate) labels: Vec<usize>,
}

/// Reads `file`: a header, then a line per picture. The first column is the picture's path
/// from the file's folder. Either the column `labels` has names, `bee;cat`, or each label has
/// a column of its own with 0 or 1.
///
/// # Errors
/// Which line says what, and what it would have to say.
pub(crate) fn read(file: &Path, labels: &[String]) -> Result<Vec<Row>> {
    let place = file.display().to_string();
    let failed = |e: csv::Error| Error::usage(&place, "the file cannot be read").caused_by(e);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)
        .map_err(failed)?;
    let head = reader.headers().map_err(failed)?.clone();
    let columns = Columns::new(&place, &head, labels)?;
    let mut strangers = columns.strangers(&head);
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let place = format!("{place}, line {line}");
        strangers.retain_mut(|stranger| stranger.may_be_label(&record));
        rows.push(Row {
            file: folder.join(&record[0]),
            labels: columns.labels(&place, &record, labels)?,
        });
    }
    if rows.is_empty() {
        return Err(Error::usage(place, "no pictures in it").with_expected("a line per picture"));
    }
    if let Some(stranger) = strangers.iter().find(|stranger| stranger.is_there) {
        let what = format!(
            "pictures have the label `{}`, which the model does not know",
            &head[stranger.column]
        );
        return Err(Error::usage(place, what)
            .with_expected(format!("columns for the {} labels", labels.len()))
            .with_remedy("leave the column out, or evaluate a model that knows the label"));
    }
    Ok(rows)
}

/// Rows as CSV.
///
/// # Errors
/// None in practice: it is written to memory.
pub(crate) fn write(rows: &[Vec<String>]) -> Result<String> {
    let failed = |e: csv::Error| Error::output("CSV", "cannot be written").caused_by(e);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|e| failed(e.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A column that is none of the model's labels, as long as it may be another one.
struct Stranger {
    column: usize,
    /// Whether a picture has it.
    is_there: bool,
}

impl Stranger {
    /// Whether it still may be, with one more line.
    fn may_be_label(&mut self, record: &StringRecord) -> bool {
        match is_there(&record[self.column]) {
            Some(there) => {
                self.is_there |= there;
                true
            }
            None => false,
        }
    }
}

/// What a label's own column says of a picture.
fn is_there(field: &str) -> Option<bool> {
    match field {
        "1" | "1.0" => Some(true),
        "0" | "0.0" => Some(false),
        _ => None,
    }
}

enum Columns {
    /// Where the names stand.
    Names(usize),
    /// Where each label's 0 or 1 stands.
    Each(Vec<usize>),
}

impl Columns {
    fn new(place: &str, head: &StringRecord, labels: &[String]) -> Result<Self> {
        let column = |name: &str| head.iter().position(|column| column == name);
        if let Some(names) = column(LABELS)
            && !labels.iter().any(|label| label == LABELS)
        {
            return Ok(Self::Names(names));
        }
        let each: Vec<Option<usize>> = labels.iter().map(|label| column(label)).collect();
        if let Some(missing) = each.iter().position(Option::is_none) {
            return Err(Error::usage(
                format!("{place}, line 1"),
                format!("no column `{LABELS}`, and none for `{}`", labels[missing]),
            )
            .with_expected(format!(
                "the picture's path first, then `{LABELS}` with names such as `{}`, or a column for each label",
                labels[..labels.len().min(2)].join(&BETWEEN.to_string())
            )));
        }
        Ok(Self::Each(each.into_iter().flatten().collect()))
    }

    /// The columns behind the path that are not looked at.
    fn strangers(&self, head: &StringRecord) -> Vec<Stranger> {
        let Self::Each(labels) = self else {
            return Vec::new();
        };
        let is_stranger = |column: &usize| !labels.contains(column) && head[*column] != *SPLIT;
        let columns = (1..head.len()).filter(is_stranger);
        let stranger = |column| Stranger {
            column,
            is_there: false,
        };
        columns.map(stranger).collect()
    }

    fn labels(&self, place: &str, record: &StringRecord, labels: &[String]) -> Result<Vec<usize>> {
        match self {
            Self::Names(column) => record[*column]
                .split(BETWEEN)
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(|name| {
                    let index = labels.iter().position(|label| label == name);
                    index.ok_or_else(|| {
                        let what = format!("`{name}` is no label of the model");
                        Error::usage(place, what)
                            .with_expected(format!("names of the {} labels", labels.len()))
                    })
                })
                .collect(),
            Self::Each(columns) => {
                let mut there = Vec::new();
                for (index, column) in columns.iter().enumerate() {
                    let field = &record[*column];
                    match is_there(field) {
                        Some(true) => there.push(index),
                        Some(false) => {}
                        None => {
                            let what = format!("`{}` is `{field}`", labels[index]);
                            return Err(Error::usage(place, what).with_expected("0 or 1"));
                        }
                    }
                }
                Ok(there)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    fn labels(table: &str) -> Result<Vec<Vec<usize>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.csv");
        std::fs::write(&file, table).unwrap();
        let names = ["ant", "bee", "cat"].map(String::from);
        let rows = read(&file, &names).map_err(|e| e.to_string())?;
        Ok(rows.into_iter().map(|row| row.labels).collect())
    }

    #[test]
    fn labels_stand_in_one_column_or_in_one_each() {
        let expected = Ok(vec![vec![1, 2], vec![], vec![0]]);
        let names = "file,labels\na.png,bee; cat\nb.png,\nc.png,ant\n";
        assert_eq!(labels(names), expected);
        let each = "file,cat,ant,bee,note\na.png,1,0,1,x\nb.png,0,0,0,\nc.png,0,1,0,\n";
        assert_eq!(labels(each), expected);
    }

    #[test]
    fn mistakes_say_where_they_are() {
        let said = |table: &str| labels(table).unwrap_err();
        assert!(said("file,labels\na.png,dog\n").contains("line 2: `dog` is no label"));
        assert!(said("file,ant,bee\na.png,1,0\n").contains("none for `cat`"));
        assert!(said("file,ant,bee,cat\na.png,1,0,maybe\n").contains("`cat` is `maybe`"));
        let stranger = "file,ant,bee,cat,dog,split\na.png,1,0,0,0,1\nb.png,1,0,0,1,1\n";
        assert!(said(stranger).contains("the label `dog`, which the model does not know"));
        assert!(said("file,labels\n").contains("no pictures"));
    }
}
