//! Facts as flags, to be copied.

use std::path::Path;

use ocelli::model::manifest::{OutputKind, Quantization, Resize, Size};
use ocelli::model::{Fact, Facts, Overrides, label_set, label_set_names};

/// A flag's name, and its value where it takes one.
#[derive(Clone, Debug)]
pub(super) struct Flag {
    name: &'static str,
    value: Option<String>,
}

impl Flag {
    pub(super) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: Some(value.into()),
        }
    }

    /// As the program reads it: one argument.
    pub(super) fn argument(&self) -> String {
        match &self.value {
            Some(value) => format!("--{}={value}", self.name),
            None => format!("--{}", self.name),
        }
    }

    /// As a shell reads it.
    pub(super) fn text(&self) -> String {
        let Some(value) = &self.value else {
            return format!("--{}", self.name);
        };
        // A value that begins with a hyphen would be taken for a flag.
        let between = if value.starts_with('-') { '=' } else { ' ' };
        format!("--{}{between}{}", self.name, quoted(value))
    }
}

/// The flags that give these facts but the labels, and what of `given` goes with them. A
/// resize that no flag can give is the model's own, or that of a recipe.
pub(super) fn flags(facts: &Facts, given: &Overrides) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut add = |name, value: Option<String>| {
        flags.extend(value.map(|value| Flag::new(name, value)));
    };
    add("like", given.like.as_ref().map(|f| f.value.clone()));
    add("input", of(&facts.tensor, String::clone));
    add("color", of(&facts.color, upper));
    add("layout", of(&facts.layout, upper));
    add("size", of(&facts.size, sides));
    let quantized = |q: &Option<Quantization>| q.as_ref().map(quantization);
    let input = facts.quantization.as_ref();
    add("quantization", input.and_then(|f| quantized(&f.value)));
    add("rescale", of(&facts.rescale, number));
    add("mean", of(&facts.mean, |v| numbers(v)));
    add("std", of(&facts.std, |v| numbers(v)));
    add(
        "resize",
        facts.resize.as_ref().and_then(|f| resize(f.value)),
    );
    add("crop", of(&facts.crop, crop));
    add("filter", of(&facts.filter, |f| upper(f).to_lowercase()));
    add("output-tensor", of(&facts.output, String::clone));
    add("output", facts.kind.as_ref().and_then(|f| kind(f.value)));
    let output = facts.output_quantization.as_ref();
    let output = output.and_then(|f| quantized(&f.value));
    add("output-quantization", output);
    add("temperature", of(&facts.temperature, number));
    if facts.antialias.as_ref().is_some_and(|f| !f.value) {
        flags.push(Flag {
            name: "no-antialias",
            value: None,
        });
    }
    flags
}

/// The set that these labels are, as `--labels` takes it.
pub(super) fn set_of(labels: &[String]) -> Option<&'static str> {
    let is_labels = |set: &&str| label_set(set).is_some_and(|of| of == labels);
    let set = label_set_names().find(is_labels);
    // A file of this name would be read instead.
    set.filter(|set| !Path::new(set).exists())
}

fn of<T>(fact: &Option<Fact<T>>, in_words: impl Fn(&T) -> String) -> Option<String> {
    fact.as_ref().map(|fact| in_words(&fact.value))
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

fn sides(size: &Size) -> String {
    format!("{}x{}", size.width, size.height)
}

fn crop(crop: &Option<Size>) -> String {
    crop.as_ref().map_or("none".into(), sides)
}

/// By its name in the manifest.
fn kind(kind: OutputKind) -> Option<String> {
    let name = serde_json::to_value(kind).ok()?;
    name.as_str().map(String::from)
}

fn quantization(quantization: &Quantization) -> String {
    format!("{},{}", quantization.scale, quantization.zero_point)
}

/// A name of the manifest in capitals, as `--color` and `--layout` take it.
pub(super) fn upper(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").to_uppercase()
}

fn numbers(values: &[f64]) -> String {
    values.iter().map(number).collect::<Vec<_>>().join(",")
}

/// A number as people write it: 1/255 rather than 0.00392156862745098, if that is the same.
fn number(value: &f64) -> String {
    let plain = value.to_string();
    let below = (1.0 / value).round();
    let is_one_part = (1.0 / below).to_bits() == value.to_bits() && below.abs() > 1.0;
    match is_one_part && plain.len() > 6 {
        true if below < 0.0 => format!("-1/{}", -below),
        true => format!("1/{below}"),
        false => plain,
    }
}

/// A value as a shell takes it for one.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:,=@%+".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => value.into(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, number};

    #[test]
    fn numbers_are_written_as_people_write_them() {
        let cases = [
            (1.0 / 255.0, "1/255"),
            (-1.0 / 255.0, "-1/255"),
            (1.0, "1"),
            (0.5, "0.5"),
            (0.485, "0.485"),
            (127.5, "127.5"),
            // Near it is another number.
            (0.003_921_568_627_5, "0.0039215686275"),
        ];
        for (value, text) in cases {
            assert_eq!(number(&value), text);
        }
    }

    #[test]
    fn values_are_written_so_that_a_shell_gives_them_on() {
        let cases = [
            ("names.txt", "--labels names.txt"),
            ("my names.txt", "--labels 'my names.txt'"),
            ("it's", r"--labels 'it'\''s'"),
            ("-1,0", "--labels=-1,0"),
        ];
        for (value, text) in cases {
            assert_eq!(Flag::new("labels", value).text(), text);
        }
    }
}
