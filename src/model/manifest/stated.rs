//! A manifest says everything: what there is none of is written as `null`.

use serde::{Deserialize, Deserializer};

/// Makes an optional field required: `null` has to be written.
pub(crate) fn stated<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}
