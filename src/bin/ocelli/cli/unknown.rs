//! Flags about when the answer is "unknown".

use clap::Args;

use super::values;

/// When the answer is "unknown".
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct UnknownArgs {
    /// Answer "unknown" below this probability [default: the model's own]
    #[arg(long, value_name = "SHARE", value_parser = values::share::<f32>)]
    pub(crate) threshold: Option<f32>,
    /// Answer "unknown" where features are farther than this from the best class's, `inf`: never
    /// [default: the model's own]
    #[arg(long = "max-distance", value_name = "N", allow_negative_numbers = true, value_parser = values::distance)]
    pub(crate) farthest: Option<f32>,
}
