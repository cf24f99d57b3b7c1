//! What a recipe that the user names means for a model: stronger than what the file says,
//! weaker than what the user gives fact by fact. What it replaces is said.

use super::facts::{Fact, FactLine, Facts, fact};
use super::label_sets::label_set;
use super::manifest::Color;
use super::recipes::recipe;
use crate::error::Result;

/// Facts of a recipe.
#[derive(Default)]
pub(super) struct Like {
    /// How pictures are prepared.
    pub preparation: Facts,
    /// Its family's labels, for where nobody else knows them.
    pub labels: Facts,
}

impl Like {
    /// What `name` means beside what the user gives, the file says and the graph shows. A
    /// resize of the user's own (`resized`) replaces the recipe's, and the crop with it.
    ///
    /// # Errors
    /// No recipe is called so.
    pub(super) fn new(
        name: &Fact<String>,
        [given, known, graph]: [&Facts; 3],
        resized: bool,
        classes: Option<usize>,
    ) -> Result<Self> {
        let (full, recipe) = recipe(&name.value)?;
        let size = given.size.as_ref().or(graph.size.as_ref());
        // One channel is one channel, whatever the recipe's order of three.
        let gray = graph.color.as_ref().filter(|c| c.value == Color::Gray);
        // A range alone has no order of its own: it comes in that of the model.
        let open = known.color.as_ref().filter(|_| recipe.color.is_none());
        let color = given.color.as_ref().or(gray).or(open);
        let mut facts = recipe.facts(full, size.map(|s| s.value), color.map(|c| c.value));
        if resized || given.resize.is_some() {
            (facts.resize, facts.crop) = (None, None);
        }
        if takes_pixels([given, known, graph]) && facts.rescale.is_some() {
            log::warn!(
                "the input takes 8-bit integers: pixels as they are, not the values of the recipe {full}"
            );
            (facts.rescale, facts.mean, facts.std) = (None, None, None);
        }
        say_replaced(full, &facts, given, known);
        let set = recipe.labels().and_then(|set| Some((set, label_set(set)?)));
        let labels = set.filter(|(_, labels)| classes == Some(labels.len()));
        Ok(Self {
            preparation: facts,
            labels: Facts {
                labels: labels
                    .and_then(|(set, labels)| fact(labels, &format!("recipe {full}: {set}"))),
                ..Facts::default()
            },
        })
    }
}

/// Whether the input is of integers that nobody says the meaning of.
fn takes_pixels(facts: [&Facts; 3]) -> bool {
    let integer = |f: &&Facts| f.dtype.as_ref().is_some_and(|d| d.value.is_integer());
    let quantized = |f: &&Facts| f.quantization.as_ref().is_some_and(|q| q.value.is_some());
    facts.iter().any(integer) && !facts.iter().any(quantized)
}

/// Names the facts of the file that the recipe overrules.
fn say_replaced(name: &str, recipe: &Facts, given: &Facts, known: &Facts) {
    let (known, given) = (known.lines(), given.lines());
    let line = |lines: &[FactLine], fact: &str| lines.iter().find(|l| l.fact == fact).cloned();
    let replaced: Vec<String> = recipe
        .lines()
        .iter()
        .filter(|new| line(&given, new.fact).is_none())
        .filter_map(|new| line(&known, new.fact).filter(|old| old.value != new.value))
        .map(|old| format!("{} {} ({})", old.fact, old.value, old.origin))
        .collect();
    if !replaced.is_empty() {
        let replaced = replaced.join(", ");
        log::warn!("the recipe {name} replaces what the model says: {replaced}");
    }
}
