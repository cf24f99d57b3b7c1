//! The truth about who computed: which provider ran how many nodes is read from ONNX
//! Runtime's own profile of one run, not from what was asked for. Nodes that a provider does
//! not know run on the CPU without a word from ONNX Runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

/// Which provider ran how many nodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    nodes: BTreeMap<String, usize>,
    /// Operators that ran on the CPU.
    fallen: BTreeSet<String>,
}

/// One event of ONNX Runtime's profile.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    provider: Option<String>,
    op_name: Option<String>,
}

impl Placement {
    /// Reads a profile of one run.
    ///
    /// # Errors
    /// The parser's words.
    pub(super) fn read(profile: &str) -> serde_json::Result<Self> {
        let events: Vec<Event> = serde_json::from_str(profile)?;
        let mut placement = Self::default();
        for Event { name, args } in events {
            let (Some(provider), Some(operator)) = (args.provider, args.op_name) else {
                continue;
            };
            if !name.ends_with("_kernel_time") {
                continue;
            }
            let provider = short(&provider);
            if provider == "cpu" {
                placement.fallen.insert(operator);
            }
            *placement.nodes.entry(provider).or_default() += 1;
        }
        Ok(placement)
    }

    /// Whether anything ran elsewhere than on the CPU.
    pub(super) fn is_accelerated(&self) -> bool {
        self.nodes.keys().any(|provider| provider != "cpu")
    }

    /// For records: `cuda`, or `cuda 41, cpu 3` where nodes fell back.
    pub(super) fn name(&self) -> Arc<str> {
        let mut nodes: Vec<(&String, &usize)> = self.nodes.iter().collect();
        nodes.sort_by_key(|(provider, count)| {
            (provider.as_str() == "cpu", std::cmp::Reverse(**count))
        });
        match &nodes[..] {
            [(provider, _)] => provider.as_str().into(),
            several => several
                .iter()
                .map(|(provider, count)| format!("{provider} {count}"))
                .collect::<Vec<_>>()
                .join(", ")
                .into(),
        }
    }

    /// The operators that fell back to the CPU, where others did not.
    pub(super) fn fallen(&self) -> Option<String> {
        let names: Vec<&str> = self.fallen.iter().map(String::as_str).collect();
        (self.is_accelerated() && !names.is_empty()).then(|| names.join(", "))
    }
}

/// `CUDAExecutionProvider` is `cuda`.
fn short(provider: &str) -> String {
    let name = provider.trim_end_matches("ExecutionProvider");
    match name {
        "Tensorrt" | "NvTensorRTRTX" => "tensorrt".into(),
        other => other.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::Placement;

    /// Events as ONNX Runtime 1.32 writes them.
    #[test]
    fn the_profile_tells_what_ran_where() {
        let event = |name: &str, operator: &str, provider: &str| {
            format!(
                r#"{{"cat":"Node","pid":1,"tid":1,"dur":82,"ts":17350,"ph":"X","name":"{name}_kernel_time","args":{{"provider":"{provider}","op_name":"{operator}","node_index":"20"}}}}"#
            )
        };
        let session = r#"{"cat":"Session","name":"model_run","args":{}}"#.to_owned();
        let cuda = event("conv", "Conv", "CUDAExecutionProvider");
        let all = format!("[{session},{cuda},{cuda}]");
        let placement = Placement::read(&all).unwrap();
        assert_eq!((&*placement.name(), placement.fallen()), ("cuda", None));
        let cpu = event("shape", "Shape", "CPUExecutionProvider");
        let placement = Placement::read(&format!("[{session},{cpu},{cuda},{cuda}]")).unwrap();
        assert_eq!(&*placement.name(), "cuda 2, cpu 1");
        assert_eq!(placement.fallen().as_deref(), Some("Shape"));
        let placement = Placement::read(&format!("[{cpu}]")).unwrap();
        assert!(!placement.is_accelerated());
        assert_eq!((&*placement.name(), placement.fallen()), ("cpu", None));
    }
}
