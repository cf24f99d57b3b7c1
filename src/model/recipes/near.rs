//! What one who mistyped a name may have meant: the names that take the fewest changed
//! letters.

/// Names that are shown.
const SHOWN: usize = 8;
/// Of so many letters one may be wrong.
const LETTERS_PER_SLIP: usize = 3;
/// Letters of a name that tell what is meant where too many others are wrong; of a shorter
/// name all, but for a single letter.
const BEGINNING: usize = 4;
const SHORTEST: usize = 2;

/// Of `names` those near `wanted`, the nearest first; those that hold it, or the most of
/// its beginning, where none is.
pub(super) fn near(wanted: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let wanted = plain(wanted);
    let mut all: Vec<_> = names
        .map(|full| {
            let distances = spellings(full).map(|name| distance(&name, &wanted));
            (distances.min().unwrap_or(usize::MAX), full)
        })
        .collect();
    // Of names that are as near, the first of the tables stands first.
    all.sort_by_key(|(distance, _)| *distance);
    let slips = wanted.chars().count() / LETTERS_PER_SLIP;
    let is_near = |of: &&(usize, &str)| of.0 <= slips;
    let mut found: Vec<_> = all.iter().filter(is_near).collect();
    let least = BEGINNING.min(wanted.len()).max(SHORTEST);
    for length in (least..=wanted.len()).rev() {
        if found.is_empty() {
            let holds = |of: &&(usize, &str)| plain(of.1).contains(&wanted[..length]);
            found = all.iter().filter(holds).collect();
        }
    }
    found.iter().take(SHOWN).map(|(_, full)| *full).collect()
}

/// What people write for a full name: without the library, without the weights.
fn spellings(full: &str) -> impl Iterator<Item = String> {
    let bare = full.split_once('/').map_or(full, |(_, rest)| rest);
    let without_weights = |name: &'_ str| plain(name.split('.').next().unwrap_or(name));
    let all = [
        plain(full),
        plain(bare),
        without_weights(full),
        without_weights(bare),
    ];
    all.into_iter()
}

/// Small letters and digits only: people write `-`, `_` and nothing for one another.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Letters that have to be put in, left out or changed to make one of the other
/// (Levenshtein).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // From the beginning of `a` read so far to each beginning of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (read, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], read + 1);
        for (place, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, near};

    #[test]
    fn letters_that_differ_are_counted() {
        let cases = [
            ("kitten", "sitting", 3),
            ("resnt50", "resnet50", 1),
            ("", "abc", 3),
            ("abc", "", 3),
            ("flaw", "lawn", 2),
            ("same", "same", 0),
        ];
        for (a, b, letters) in cases {
            assert_eq!(distance(a, b), letters, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_names_stand_first() {
        let names = [
            "keras/resnet50v2",
            "torchvision/resnet50.V1",
            "timm/resnet50d.ra2",
            "keras/vgg16",
            "-1-1",
        ];
        let near = |wanted| near(wanted, names.into_iter());
        assert_eq!(
            near("resnt50"),
            ["torchvision/resnet50.V1", "timm/resnet50d.ra2"]
        );
        assert_eq!(near("keras/vg16"), ["keras/vgg16"]);
        assert_eq!(near("1-1"), ["-1-1"]);
        assert_eq!(near("resnet50v2_of_2024")[0], "keras/resnet50v2");
        assert_eq!(near("vg"), ["keras/vgg16"]);
        assert!(near("pasta").is_empty() && near("").is_empty());
    }
}
