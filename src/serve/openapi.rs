//! The description of the API, for tools: paths and parameters as `openapi.json` beside this
//! file has them, schemas out of the types that are answered. A test that has the service
//! fuzzed by it keeps it true.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde_json::Value;

use super::broadcaster::LiveState;
use super::monitors::{Acknowledgement, Monitors};
use super::problem;
use super::status::Status;
use crate::model;
use crate::pipeline::write::JsonRecord;
use crate::schema::generator;

/// `GET /openapi.json`
pub(crate) async fn document() -> impl IntoResponse {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, JSON)], api_description())
}

/// The API in OpenAPI 3.1, as `/openapi.json` gives it.
pub fn api_description() -> &'static str {
    // The text's own order is kept: tools show paths in it.
    const TEXT: &str = include_str!("openapi.json");
    static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
        let schemas = format!("\"schemas\": {}", schemas());
        TEXT.replacen("\"schemas\": {}", &schemas, 1).replacen(
            "0.0.0",
            env!("CARGO_PKG_VERSION"),
            1,
        )
    });
    &DESCRIPTION
}

/// What is answered, by name, and what that consists of.
fn schemas() -> Value {
    // A client that knows no format takes an integer for one of 32 bits.
    let mut generator = generator("/components/schemas", Some("int64"));
    generator.subschema_for::<JsonRecord>();
    generator.subschema_for::<LiveState>();
    generator.subschema_for::<Status>();
    generator.subschema_for::<Monitors>();
    generator.subschema_for::<Acknowledgement>();
    generator.subschema_for::<model::Document>();
    generator.subschema_for::<problem::Document>();
    generator.take_definitions(true).into()
}
