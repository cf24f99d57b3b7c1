//! What the network's numbers are, once labels and graph are both known: neither says it
//! alone where one number decides between two.

use super::facts::Facts;
use super::manifest::OutputKind;

/// Settles the kind of an output of so many `classes`.
pub(super) fn settle(facts: &mut Facts, classes: Option<usize>) {
    let Some(kind) = &mut facts.kind else {
        return;
    };
    let labels = facts.labels.as_ref().map(|labels| labels.value.len());
    if (classes, labels) == (Some(1), Some(2)) {
        kind.value = match kind.value {
            OutputKind::SigmoidLogits => OutputKind::BinaryLogit,
            OutputKind::SigmoidProbabilities => OutputKind::BinaryProbability,
            other => other,
        };
    }
    // A graph that fixes no number of classes has one for each label.
    if kind.value == OutputKind::Logits && classes.or(labels) == Some(1) {
        let reason = "one number, whose softmax is always 1, is no `logits`: it may be the logit of a sigmoid, `binary-logit` for two labels and `sigmoid-logits` for one";
        facts.kind = None;
        facts.open.push(("output.kind", reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, OutputKind, settle};
    use crate::model::facts::fact;

    fn settled(kind: OutputKind, labels: usize, classes: usize) -> Option<OutputKind> {
        let mut facts = Facts {
            kind: fact(kind, "graph"),
            labels: fact(vec!["x".into(); labels], "file"),
            ..Facts::default()
        };
        settle(&mut facts, Some(classes));
        facts.kind.map(|kind| kind.value)
    }

    #[test]
    fn the_graph_and_the_labels_together_say_what_numbers_are() {
        use OutputKind::{
            BinaryLogit, BinaryProbability, Logits, Probabilities, SigmoidLogits,
            SigmoidProbabilities,
        };
        // No number of classes is fixed.
        let mut facts = Facts {
            kind: fact(Logits, "graph"),
            labels: fact(vec!["x".into()], "file"),
            ..Facts::default()
        };
        settle(&mut facts, None);
        assert!(facts.kind.is_none());
        let cases = [
            ((Logits, 3, 3), Some(Logits)),
            ((SigmoidLogits, 3, 3), Some(SigmoidLogits)),
            ((SigmoidProbabilities, 3, 3), Some(SigmoidProbabilities)),
            ((SigmoidProbabilities, 2, 1), Some(BinaryProbability)),
            ((SigmoidProbabilities, 1, 1), Some(SigmoidProbabilities)),
            ((SigmoidLogits, 2, 1), Some(BinaryLogit)),
            ((Logits, 2, 1), None),
            ((Logits, 1, 1), None),
            ((Probabilities, 2, 2), Some(Probabilities)),
        ];
        for ((kind, labels, classes), expected) in cases {
            let found = settled(kind, labels, classes);
            assert_eq!(found, expected, "{kind:?} {labels} {classes}");
        }
    }
}
