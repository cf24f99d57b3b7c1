//! The page: a few files in the binary, nothing from elsewhere.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        content,
    )
}

/// `GET /`
pub(crate) async fn index() -> impl IntoResponse {
    file("text/html; charset=utf-8", include_str!("page/index.html"))
}

/// `GET /page.css`
pub(crate) async fn style() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("page/page.css"))
}

/// `GET /page.js`
pub(crate) async fn script() -> impl IntoResponse {
    file(
        "text/javascript; charset=utf-8",
        include_str!("page/page.js"),
    )
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub(crate) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", include_str!("page/icon.svg"))
}
