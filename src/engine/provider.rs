//! What computes instead of the CPU, and the truth about it: which provider runs how many
//! nodes is read from ONNX Runtime's own profile of one run, not from what was asked for.
//! Nodes that a provider does not know run on the CPU without a word from ONNX Runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ort::ep::{CUDA, ExecutionProviderDispatch, TensorRT, XNNPACK};
use serde::Deserialize;

use super::prepared;
use crate::error::Result;
use crate::model::Model;

/// What is to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// A GPU if the library is made for one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU, by number.
    Cuda(i32),
    /// The same with an engine made for it: slow to build, kept, quickest to run.
    TensorRt(i32),
    /// Google's kernels for ARM and x86.
    Xnnpack,
}

/// In which numbers TensorRT computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As the model is.
    #[default]
    Fp32,
    /// 16 bits where that is quicker.
    Fp16,
    /// 8 bits where the model says how.
    Int8,
}

impl std::str::FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, number) = text.split_once(':').unwrap_or((text, "0"));
        let number = number.parse().ok().filter(|number| *number >= 0);
        match (name, number, text.contains(':')) {
            ("auto", _, false) => Ok(Self::Auto),
            ("cpu", _, false) => Ok(Self::Cpu),
            ("xnnpack", _, false) => Ok(Self::Xnnpack),
            ("cuda", Some(number), _) => Ok(Self::Cuda(number)),
            ("tensorrt", Some(number), _) => Ok(Self::TensorRt(number)),
            _ => Err(format!(
                "`{text}`, expected auto, cpu, cuda, cuda:1, tensorrt, tensorrt:1 or xnnpack"
            )),
        }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::TensorRt(number) => write!(f, "tensorrt:{number}"),
            Self::Xnnpack => f.write_str("xnnpack"),
        }
    }
}

impl Device {
    /// What it means with a library that stands at `library`.
    pub fn resolve(self, library: &Path) -> Self {
        let beside = library.with_file_name("libonnxruntime_providers_cuda.so");
        match self {
            Self::Auto if beside.is_file() => Self::Cuda(0),
            Self::Auto => Self::Cpu,
            named => named,
        }
    }

    /// How ONNX Runtime is told; nothing for the CPU.
    ///
    /// # Errors
    /// The model, which a cache is named after, cannot be read.
    pub fn provider(
        self,
        precision: Precision,
        model: &Model,
        version: &str,
    ) -> Result<Option<ExecutionProviderDispatch>> {
        let provider = match self {
            Self::Auto | Self::Cpu => return Ok(None),
            Self::Cuda(number) => CUDA::default().with_device_id(number).build(),
            Self::Xnnpack => XNNPACK::default().build(),
            Self::TensorRt(number) => {
                let mut provider = TensorRT::default()
                    .with_device_id(number)
                    .with_fp16(precision == Precision::Fp16)
                    .with_int8(precision == Precision::Int8);
                if let Some(cache) = prepared::tensorrt(model, version, self, precision)? {
                    let cache = cache.display().to_string();
                    provider = provider
                        .with_engine_cache(true)
                        .with_engine_cache_path(&cache)
                        .with_timing_cache(true)
                        .with_timing_cache_path(cache);
                }
                provider.build()
            }
        };
        Ok(Some(provider.error_on_failure()))
    }
}

/// Which provider ran how many nodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Placement {
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
    pub fn read(profile: &str) -> serde_json::Result<Self> {
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
    pub fn is_accelerated(&self) -> bool {
        self.nodes.keys().any(|provider| provider != "cpu")
    }

    /// For records: `cuda`, or `cuda 41, cpu 3` where nodes fell back.
    pub fn name(&self) -> Arc<str> {
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
    pub fn fallen(&self) -> Option<String> {
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
    use super::{Device, Placement};

    #[test]
    fn devices_are_named_as_everywhere() {
        let cases = [
            ("auto", Ok(Device::Auto)),
            ("cuda", Ok(Device::Cuda(0))),
            ("cuda:1", Ok(Device::Cuda(1))),
            ("tensorrt:0", Ok(Device::TensorRt(0))),
            ("xnnpack", Ok(Device::Xnnpack)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Device>(), expected);
        }
        for text in ["gpu", "cuda:x", "cuda:-1", "cpu:1", ""] {
            let error = text.parse::<Device>().unwrap_err();
            assert!(
                error.starts_with(&format!("`{text}`, expected auto, cpu")),
                "{error}"
            );
        }
    }

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
