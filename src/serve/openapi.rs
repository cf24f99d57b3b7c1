//! The description of the API, for tools: `openapi.json` beside this file, kept true by a
//! test that has the service fuzzed by it.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

/// `GET /openapi.json`
pub(crate) async fn document() -> impl IntoResponse {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const TEXT: &str = include_str!("openapi.json");
    let text = TEXT.replace("0.0.0", env!("CARGO_PKG_VERSION"));
    ([(header::CONTENT_TYPE, JSON)], text)
}
