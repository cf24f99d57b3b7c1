//! What is known of the live sources' pictures and worlds, and that somebody has taken notice.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::problem::Problem;
use super::state::Api;
use super::watch::{Asked, name};
use crate::monitor::Report;

/// Bytes that a request to acknowledge has at most.
const LARGEST: usize = 4096;

/// What is known of the live sources that are watched.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Monitors {
    /// Each of them.
    sources: Vec<Arc<Report>>,
}

/// What somebody has taken notice of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["what"]))]
pub(crate) struct Acknowledgement {
    /// The name of the source; it can be left out where there is just one.
    #[serde(default)]
    source: Option<String>,
    /// A cause, such as `covered`, or a statistic that drifts, such as `brightness`.
    what: String,
}

/// `GET /monitor`
///
/// # Errors
/// There is no such source.
pub(crate) async fn show(State(api): State<Arc<Api>>, asked: Asked) -> Result<Response, Problem> {
    let sources = api.app.live.asked(name(asked)?.as_deref())?;
    let sources = sources.iter().filter_map(|live| live.desk.report());
    let monitors = Monitors {
        sources: sources.collect(),
    };
    let text = serde_json::to_string(&monitors)
        .map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// `POST /monitor/acknowledge`
///
/// # Errors
/// It is not understood, or there is no such source, or nothing of that name to be noticed.
pub(crate) async fn acknowledge(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let Acknowledgement { source, what } = read(&api, &headers, body).await?;
    let live = api.app.live.asked_one(source.as_deref())?;
    let report = live.desk.report();
    let noticed: Vec<&str> = report.iter().flat_map(|report| report.noticed()).collect();
    if !noticed.contains(&what.as_str()) {
        let there = match (&report, noticed.is_empty()) {
            (None, _) => "the source is not watched".to_owned(),
            (_, true) => "there is nothing to take notice of".to_owned(),
            (_, false) => format!("there is {}", noticed.join(", ")),
        };
        let detail = format!("`{what}` cannot be acknowledged: {there}");
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    live.desk.acknowledge(&what);
    Ok(StatusCode::NO_CONTENT)
}

/// The body. Its type is asked for: pages of others can send a form unasked, but not JSON.
async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Acknowledgement, Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("the body is `{kind}`, expected application/json"),
        ));
    }
    let bytes = match timeout(api.patience, to_bytes(body, LARGEST)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body has more than {LARGEST} bytes, or broke off"),
            ));
        }
        Err(_) => {
            let detail = "the body did not come in time";
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail));
        }
    };
    serde_json::from_slice(&bytes).map_err(|e| {
        let detail = format!("{e}; expected {{\"source\": NAME, \"what\": CAUSE or STATISTIC}}");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}
