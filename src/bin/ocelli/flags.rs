//! The library names settings; here stand the flags that set them, so that an error says
//! what to type.

use std::fmt;

use ocelli::Error;

/// A setting's name in the manifest or in the library's options, and its flag.
const FLAGS: [(&str, &str); 39] = [
    ("batch", "--batch"),
    ("coverage", "--coverage SHARE"),
    ("enter", "--enter"),
    ("farthest", "--max-distance"),
    ("force", "--force"),
    ("fps", "--fps"),
    ("height", "--height"),
    ("input.color", "--color RGB|BGR|GRAY"),
    ("input.layout", "--layout NCHW|NHWC"),
    ("input.size", "--size WxH"),
    ("input.tensor", "--input NAME"),
    ("keep", "--keep DIR"),
    ("labels", "--labels FILE|SET"),
    ("leave", "--leave"),
    ("like", "--like NAME"),
    ("library", "--ort FILE"),
    ("listen", "--listen ADDRESS:PORT"),
    ("max_pixels", "--max-pixels N"),
    ("model", "-m FILE"),
    ("monitor_state", "--monitor-state DIR"),
    (
        "output.kind",
        "--output logits|probabilities|log-probabilities|sigmoid-logits|sigmoid-probabilities",
    ),
    (
        "output.quantization",
        "--output-quantization SCALE,ZERO_POINT",
    ),
    ("output.tensor", "--output-tensor NAME"),
    ("pixel_format", "--pixel-format"),
    ("preprocess.crop", "--crop WxH|none"),
    ("preprocess.filter", "--filter bilinear|bicubic|…"),
    ("preprocess.mean", "--mean R,G,B"),
    ("preprocess.rescale", "--rescale 1/255 or 1"),
    ("preprocess.resize", "--resize shortest:N|exact|letterbox"),
    ("preprocess.std", "--std R,G,B"),
    ("record", "--record DIR"),
    ("require", "leave --require out"),
    ("rules", "--on RULE"),
    ("spool", "--mqtt-spool DIR"),
    ("threads", "--threads N"),
    ("tls_ca", "--mqtt-ca FILE"),
    ("mqtt_password", "--mqtt-password-file FILE"),
    ("width", "--width"),
    ("workers", "--workers N"),
];

/// An error as one line: with what caused it, and with flags.
pub(crate) struct Line<'a>(pub(crate) &'a Error);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "{error:#}")?;
        let flags: Vec<&str> = error
            .settings()
            .iter()
            .filter_map(|setting| FLAGS.iter().find(|(name, _)| name == setting))
            .map(|(_, flag)| *flag)
            .collect();
        if flags.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", flags.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{FLAGS, Line};
    use crate::cli::Cli;
    use clap::CommandFactory;
    use ocelli::Error;

    #[test]
    fn every_flag_is_one() {
        let command = Cli::command();
        let known: Vec<String> = command
            .get_subcommands()
            .flat_map(clap::Command::get_arguments)
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
            .collect();
        for (setting, text) in FLAGS {
            let flag = text.split(' ').find(|word| word.starts_with("--"));
            let is_known = flag.is_none_or(|flag| known.iter().any(|known| known == flag));
            assert!(is_known, "{setting}: {text}");
        }
    }

    #[test]
    fn an_error_says_what_to_type() {
        let error = Error::model("m.onnx", "the model does not say: labels, input.layout")
            .with_remedy("give these facts")
            .with_settings(&["labels", "input.layout", "a setting without a flag"]);
        assert_eq!(
            Line(&error).to_string(),
            "m.onnx: the model does not say: labels, input.layout; give these facts (--labels FILE|SET, --layout NCHW|NHWC)"
        );
    }
}
