//! Facts as flags, to be copied.

use ocelli::model::manifest::{Resize, Size};
use ocelli::model::{Facts, label_set, label_set_names};

/// The flags that give these facts. A resize that no flag can give is the model's own.
pub(super) fn flags(facts: &Facts) -> String {
    let mut flags = String::new();
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            // A value that begins with a hyphen would be taken for a flag.
            let between = if value.starts_with('-') { '=' } else { ' ' };
            let space = if flags.is_empty() { "" } else { " " };
            flags.extend([space, "--", flag]);
            flags.push(between);
            flags.push_str(&value);
        }
    };
    let labels = facts.labels.as_ref().map(|f| &f.value);
    let is_labels = |set: &&str| label_set(set).as_ref() == labels;
    let set = label_set_names().find(is_labels);
    add("labels", set.map(String::from));
    add("color", facts.color.as_ref().map(|f| upper(&f.value)));
    add("layout", facts.layout.as_ref().map(|f| upper(&f.value)));
    add("rescale", facts.rescale.as_ref().map(|f| number(&f.value)));
    add("mean", facts.mean.as_ref().map(|f| numbers(&f.value)));
    add("std", facts.std.as_ref().map(|f| numbers(&f.value)));
    let resized = facts.resize.as_ref();
    add("resize", resized.and_then(|f| resize(f.value)));
    add("crop", facts.crop.as_ref().map(|f| crop(f.value)));
    let filter = facts.filter.as_ref();
    add("filter", filter.map(|f| upper(&f.value).to_lowercase()));
    if facts.antialias.as_ref().is_some_and(|f| !f.value) {
        flags.push_str(" --no-antialias");
    }
    flags
}

fn resize(resize: Resize) -> Option<String> {
    match resize {
        Resize::Shortest { size } => Some(format!("shortest:{size}")),
        Resize::Exact { width, height } => Some(format!("exact:{width}x{height}")),
        Resize::Letterbox {
            fill: [r, g, b], ..
        } => Some(format!("letterbox:{r},{g},{b}")),
        Resize::Cover { .. } | Resize::Central { .. } => None,
    }
}

fn crop(crop: Option<Size>) -> String {
    crop.map_or("none".into(), |c| format!("{}x{}", c.width, c.height))
}

/// A name of the manifest in capitals, as `--color` and `--layout` take it.
pub(super) fn upper(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").to_uppercase()
}

fn numbers(values: &[f64]) -> String {
    values.iter().map(number).collect::<Vec<_>>().join(",")
}

/// A number as people write it: 1/255 rather than 0.00392156862745098.
fn number(value: &f64) -> String {
    let plain = value.to_string();
    let below = (1.0 / value).round();
    let is_one_part = (1.0 / value - below).abs() < 1e-9 && below.abs() > 1.0;
    match is_one_part && plain.len() > 6 {
        true if below < 0.0 => format!("-1/{}", -below),
        true => format!("1/{below}"),
        false => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        let cases = [
            (1.0 / 255.0, "1/255"),
            (-1.0 / 255.0, "-1/255"),
            (1.0, "1"),
            (0.5, "0.5"),
            (0.485, "0.485"),
            (127.5, "127.5"),
        ];
        for (value, text) in cases {
            assert_eq!(number(&value), text);
        }
    }
}
