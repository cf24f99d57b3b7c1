//! Classifiers of classic machine learning (`ai.onnx.ml`), as scikit-learn's converter
//! writes them behind a network's features. Their second output holds the scores.

use std::collections::HashMap;

use super::value::Meaning::{self, Bounded, Linear, Shares, Unknown};
use crate::model::onnx::NodeProto;

/// What output number `index` of such a node means; `None` if it is none.
pub(super) fn made(node: &NodeProto, inputs: &[Meaning], index: usize) -> Option<Meaning> {
    let first = inputs.first().copied().unwrap_or(Unknown);
    let transform = node.setting("post_transform").map(|t| &t.s[..]);
    let scores = match node.op_type.as_str() {
        "Normalizer" => {
            let is_sum = node
                .setting("norm")
                .is_some_and(|norm| &norm.s[..] == b"L1");
            return Some(match first.is_positive() && is_sum {
                true => Shares(1.0),
                false => Unknown,
            });
        }
        "LinearClassifier" | "SVMClassifier" | "TreeEnsembleClassifier" => match transform {
            Some(b"SOFTMAX") => Shares(1.0),
            Some(b"LOGISTIC") => Bounded(0.0, 1.0),
            None | Some(b"NONE") => plain(node),
            Some(_) => Unknown,
        },
        _ => return None,
    };
    Some(if index == 1 { scores } else { Unknown })
}

/// What a classifier gives without a transformation behind it.
fn plain(node: &NodeProto) -> Meaning {
    let has = |name: &str| node.setting(name).is_some_and(|s| !s.floats.is_empty());
    match node.op_type.as_str() {
        "LinearClassifier" => Linear,
        // With these coefficients it calibrates its distances (Platt).
        "SVMClassifier" if has("prob_a") && has("prob_b") => Shares(1.0),
        "TreeEnsembleClassifier" => trees(node).map_or(Unknown, Shares),
        _ => Unknown,
    }
}

/// A forest's scores sum to what every leaf of each tree gives in all, if that is the same
/// for all of the tree's leaves.
fn trees(node: &NodeProto) -> Option<f64> {
    let numbers = |name: &str| Some(&node.setting(name)?.ints[..]);
    let (trees, leaves) = (numbers("class_treeids")?, numbers("class_nodeids")?);
    let classes = numbers("class_ids")?;
    let weights = &node.setting("class_weights")?.floats;
    // With one class named, the engine makes up the other.
    if weights.iter().any(|weight| *weight < 0.0) || classes.iter().all(|c| *c == classes[0]) {
        return None;
    }
    let mut sums: HashMap<(i64, i64), f64> = HashMap::new();
    for ((tree, leaf), weight) in trees.iter().zip(leaves).zip(weights) {
        *sums.entry((*tree, *leaf)).or_default() += f64::from(*weight);
    }
    let mut of_trees: HashMap<i64, f64> = HashMap::new();
    for ((tree, _), sum) in sums {
        let first = *of_trees.entry(tree).or_insert(sum);
        if (first - sum).abs() > 1e-4 {
            return None;
        }
    }
    Some(of_trees.values().sum())
}
