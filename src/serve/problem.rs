//! What is wrong with a request, as RFC 9457 has it: `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// The type of every problem.
const BLANK: &str = "about:blank";

/// A problem. Its type is always `about:blank`: the status says what kind it is.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry: bool,
}

/// RFC 9457: what was found, what was expected and what mends it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem", deny_unknown_fields)]
pub(crate) struct Document<'a> {
    /// There is one type; the status says what kind of problem it is.
    #[schemars(extend("const" = BLANK))]
    r#type: &'a str,
    /// The status in words.
    title: &'a str,
    /// The status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What was found, what was expected and what mends it.
    #[schemars(length(min = 1))]
    detail: &'a str,
}

impl Problem {
    /// A problem; `detail` says what was found, what was expected and what mends it.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry: false,
        }
    }

    /// There is nothing at `path`.
    pub(crate) fn nowhere(path: &str) -> Self {
        let detail = format!("there is nothing at `{path}`; /openapi.json lists what there is");
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// There is too much to do at present.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self {
            retry: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// The document itself.
    pub(crate) fn json(&self) -> String {
        let document = Document {
            r#type: BLANK,
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        // Text and a number always serialise.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Input => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, format!("{error:#}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, self.json()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        if self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
