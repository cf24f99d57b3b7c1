//! A value as it is written in JSON, Python, YAML or protobuf's text format: lists, maps
//! and what stands in them, in the order of the text. A key that stands twice is kept
//! twice, so that whoever reads the tree can refuse it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deep lists and maps may stand in one another; label files need three.
pub(super) const DEEPEST: usize = 16;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) enum Tree {
    /// Text.
    Text(String),
    /// A whole number from 0 upwards.
    Whole(usize),
    /// A list or a tuple.
    List(Vec<Tree>),
    /// A map, a dict or a message.
    Map(Vec<(Tree, Tree)>),
    /// Anything else, as it is written: `true`, `null`, `-1.5`.
    Other(String),
}

impl Tree {
    /// The value of a map's first key with this name.
    pub(super) fn get(&self, key: &str) -> Option<&Tree> {
        let Self::Map(entries) = self else {
            return None;
        };
        let is_key = |tree: &Tree| matches!(tree, Self::Text(text) if text == key);
        let entry = entries.iter().find(|(name, _)| is_key(name));
        entry.map(|(_, value)| value)
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text:.40}`"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Map(entries) => write!(f, "a map of {}", entries.len()),
            Self::Other(word) => write!(f, "`{word:.40}`"),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Other(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(usize::try_from(value).map_or_else(|_| Tree::Other(value.to_string()), Tree::Whole))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Other(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Other(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Other("null".into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Tree>()? {
            entries.push((Tree::Text(key), value));
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn a_key_that_stands_twice_is_kept_twice() {
        let tree: Tree = serde_json::from_str(r#"{"0": "a", "0": [1, null, -2]}"#).unwrap();
        let list = vec![
            Tree::Whole(1),
            Tree::Other("null".into()),
            Tree::Other("-2".into()),
        ];
        let expected = Tree::Map(vec![
            (Tree::Text("0".into()), Tree::Text("a".into())),
            (Tree::Text("0".into()), Tree::List(list)),
        ]);
        assert_eq!(tree, expected);
    }
}
