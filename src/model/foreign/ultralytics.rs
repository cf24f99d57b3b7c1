//! Ultralytics writes `task`, `imgsz`, `channels` and `names` into the ONNX metadata as
//! Python literals. Its classifiers resize the shorter side, crop the centre and take RGB
//! from 0 to 1 (`classify_transforms` with mean 0 and std 1).

use super::labels;
use crate::error::{Error, Result};
use crate::model::facts::{Facts, fact};
use crate::model::manifest::{Color, Filter, Resize, Size};
use crate::model::onnx::ModelProto;

const ORIGIN: &str = "Ultralytics metadata";

/// The facts, or none where the model is not from Ultralytics.
///
/// # Errors
/// A model of another task, or metadata that is not a Python literal.
pub(crate) fn facts(place: &str, model: &ModelProto) -> Result<Facts> {
    let (Some(task), Some(names)) = (model.metadata("task"), model.metadata("names")) else {
        return Ok(Facts::default());
    };
    if task != "classify" {
        return Err(Error::model(
            place,
            format!("an Ultralytics model for the task `{task}`, expected `classify`"),
        )
        .with_remedy("export a classifier, such as yolo11n-cls"));
    }
    let labels = parse_names(names).ok_or_else(|| {
        Error::model(
            place,
            format!(
                "the metadata key `names` is neither a list nor a dict from 0 upwards: {names:.60}"
            ),
        )
        .with_remedy("give the labels")
        .with_settings(&["labels"])
    })?;
    let mut facts = Facts {
        labels: fact(labels, ORIGIN),
        ..Facts::default()
    };
    let Some((height, width)) = model.metadata("imgsz").and_then(parse_size) else {
        return Ok(facts);
    };
    facts.size = fact(Size { width, height }, ORIGIN);
    facts.crop = fact(Some(Size { width, height }), ORIGIN);
    // torchvision's Resize takes a pair as both sides.
    let resize = if width == height {
        Resize::Shortest { size: width }
    } else {
        Resize::Exact { width, height }
    };
    facts.resize = fact(resize, ORIGIN);
    facts.filter = fact(Filter::Bilinear, ORIGIN);
    facts.antialias = fact(true, ORIGIN);
    facts.rescale = fact(1.0 / 255.0, ORIGIN);
    let color = match model.metadata("channels").unwrap_or("3") {
        "1" => Color::Gray,
        "3" => Color::Rgb,
        other => {
            let reason = format!("Ultralytics metadata says {other} channels");
            facts.open.push(("input.color", reason));
            return Ok(facts);
        }
    };
    facts.color = fact(color, ORIGIN);
    facts.mean = fact(vec![0.0; color.channels()], ORIGIN);
    facts.std = fact(vec![1.0; color.channels()], ORIGIN);
    Ok(facts)
}

/// `[224, 224]`, height first, or one number for both.
fn parse_size(text: &str) -> Option<(usize, usize)> {
    let sides: Vec<usize> = text
        .trim_matches(['[', ']', '(', ')'])
        .split(',')
        .map(|n| n.trim().parse().ok().filter(|n| *n > 0))
        .collect::<Option<_>>()?;
    match sides[..] {
        [side] => Some((side, side)),
        [height, width] => Some((height, width)),
        _ => None,
    }
}

/// The names in a dict with the keys 0, 1, 2, …, in whatever order
/// (`{0: 'tench', 1: "Granny's apple"}`), or in a list, as Python or JSON has them.
fn parse_names(literal: &str) -> Option<Vec<String>> {
    let literal = literal.trim();
    if !literal.starts_with(['{', '[', '(']) {
        return None;
    }
    let found = labels::parse(literal.as_bytes(), "").ok()?;
    found.remarks.is_empty().then_some(found.names)
}

#[cfg(test)]
mod tests {
    use super::{parse_names, parse_size};

    #[test]
    fn names_are_read_as_python_writes_them() {
        let cases: [(&str, Option<&[&str]>); 15] = [
            ("{0: 'tench', 1: 'goldfish'}", Some(&["tench", "goldfish"])),
            (r#"{0: "Granny's", 1: 'b'}"#, Some(&["Granny's", "b"])),
            (r#"{0: 'it\'s "quoted"'}"#, Some(&[r#"it's "quoted""#])),
            ("{0: 'a, b: c}', 1: 'd'}", Some(&["a, b: c}", "d"])),
            (
                r"{0: 'tab\there', 1: '\xe9\u20ac'}",
                Some(&["tab\there", "é€"]),
            ),
            ("{0: 'ünïcode 🍎'}", Some(&["ünïcode 🍎"])),
            (r#"{"0": "a", "1": "\ud83c\udf4e"}"#, Some(&["a", "🍎"])),
            ("{1: 'b', 0: 'a'}", Some(&["a", "b"])),
            ("['a', \"b's\"]", Some(&["a", "b's"])),
            ("{0: 7, 1: 'b'}", Some(&["7", "b"])),
            ("['a' 'b']", None),
            ("{0: 'a', 0: 'b'}", None),
            ("{1: 'a'}", None),
            ("{0: 'a' 1: 'b'}", None),
            ("{}", None),
        ];
        for (literal, expected) in cases {
            let names = parse_names(literal);
            assert_eq!(
                names
                    .as_deref()
                    .map(|n| n.iter().map(String::as_str).collect::<Vec<_>>()),
                expected.map(<[_]>::to_vec),
                "{literal}"
            );
        }
    }

    #[test]
    fn sizes_are_height_first() {
        assert_eq!(parse_size("[224, 320]"), Some((224, 320)));
        assert_eq!(parse_size("64"), Some((64, 64)));
        assert_eq!(parse_size("[0, 1]"), None);
    }
}
