//! What computes instead of the CPU, by the names that people type.

#[cfg(feature = "onnxruntime")]
use std::path::Path;

#[cfg(feature = "onnxruntime")]
use ort::ep::{CUDA, ExecutionProviderDispatch, TensorRT, XNNPACK};
use serde::Deserialize;

/// What is to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

    fn from_str(text: &str) -> Result<Self, String> {
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
    #[cfg(feature = "onnxruntime")]
    pub(crate) fn resolve(self, library: &Path) -> Self {
        let beside = library.with_file_name("libonnxruntime_providers_cuda.so");
        match self {
            Self::Auto if beside.is_file() => Self::Cuda(0),
            Self::Auto => Self::Cpu,
            named => named,
        }
    }

    /// How ONNX Runtime is told; nothing for the CPU. TensorRT keeps what it builds in
    /// `cache`.
    #[cfg(feature = "onnxruntime")]
    pub(crate) fn provider(
        self,
        precision: Precision,
        cache: Option<&Path>,
    ) -> Option<ExecutionProviderDispatch> {
        let provider = match self {
            Self::Auto | Self::Cpu => return None,
            Self::Cuda(number) => CUDA::default().with_device_id(number).build(),
            Self::Xnnpack => XNNPACK::default().build(),
            Self::TensorRt(number) => {
                let mut provider = TensorRT::default()
                    .with_device_id(number)
                    .with_fp16(precision == Precision::Fp16)
                    .with_int8(precision == Precision::Int8);
                if let Some(cache) = cache {
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
        Some(provider.error_on_failure())
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

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
}
