//! The order of an input's axes where their lengths vary: exporters give them names
//! (`batch_size, num_channels, height, width`), and those say what the lengths cannot.

use super::manifest::Layout;
use super::port::Port;

/// What exporters call the axis of colours, without case, `_` and the words in [`FILLERS`].
const CHANNELS: [&str; 4] = ["c", "ch", "channel", "channels"];
/// The axis of rows.
const ROWS: [&str; 4] = ["h", "height", "rows", "imageheight"];
/// The axis of columns.
const COLUMNS: [&str; 5] = ["w", "width", "cols", "columns", "imagewidth"];
/// What may stand before the name of the axis of colours.
const FILLERS: [&str; 5] = ["num", "in", "n", "nb", "image"];
/// The tensor that every image model of transformers takes, channels first.
const TRANSFORMERS: &str = "pixel_values";

/// The layout that the names of the axes state, and nothing contradicts.
pub(super) fn layout(input: &Port) -> Option<Layout> {
    let [_, a, b, c] = &input.axis_names[..] else {
        return None;
    };
    let channels = [a, c].map(|name| is_channels(name));
    let sides = |rows: &str, columns: &str| {
        CompactName::of(rows).is_in(&ROWS) && CompactName::of(columns).is_in(&COLUMNS)
    };
    let first = channels[0] || sides(b, c);
    let last = channels[1] || sides(a, b);
    match (first, last) {
        (true, false) => Some(Layout::Nchw),
        (false, true) => Some(Layout::Nhwc),
        // Lengths that contradict it, the caller has looked at.
        (false, false) if input.name == TRANSFORMERS => Some(Layout::Nchw),
        _ => None,
    }
}

fn is_channels(name: &str) -> bool {
    let name = CompactName::of(name);
    let rest = FILLERS.iter().find_map(|f| name.0.strip_prefix(f));
    name.is_in(&CHANNELS) || rest.is_some_and(|rest| CHANNELS.contains(&rest))
}

/// A name without case and separators.
struct CompactName(String);

impl CompactName {
    fn of(name: &str) -> Self {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        Self(letters.map(|c| c.to_ascii_lowercase()).collect())
    }

    fn is_in(&self, names: &[&str]) -> bool {
        names.contains(&self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::layout;
    use crate::model::manifest::Layout;
    use crate::model::port::Port;

    #[test]
    fn names_of_axes_state_the_layout_and_other_names_nothing() {
        let named = |name: &str, axes: [&str; 4]| {
            layout(&Port {
                name: name.into(),
                dtype: None,
                elements: "float32",
                shape: vec![None; 4],
                axis_names: axes.map(String::from).to_vec(),
            })
        };
        let cases = [
            (
                ["batch_size", "num_channels", "height", "width"],
                Some(Layout::Nchw),
            ),
            (["N", "C", "H", "W"], Some(Layout::Nchw)),
            (["batch", "", "Height", "Width"], Some(Layout::Nchw)),
            (["batch", "in_channels", "", ""], Some(Layout::Nchw)),
            (["batch", "height", "width", "channels"], Some(Layout::Nhwc)),
            (["N", "H", "W", ""], Some(Layout::Nhwc)),
            (["unk__1", "unk__2", "unk__3", "unk__4"], None),
            (["b", "channels", "h", "channels"], None),
            (["b", "cat", "dog", "hat"], None),
        ];
        for (axes, expected) in cases {
            assert_eq!(named("x", axes), expected, "{axes:?}");
        }
        let unnamed = ["pixel_values_dynamic_axes_1", "", "", ""];
        assert_eq!(named("pixel_values", unnamed), Some(Layout::Nchw));
        assert_eq!(named("image", unnamed), None);
    }
}
