//! The page: a few files in the binary, nothing from elsewhere. Browsers find them where they
//! lie here: scripts name one another by their places.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::problem::Problem;

/// A file by its name in `page/`, and what it says.
macro_rules! parts {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("page/", $name)))),+]
    };
}

/// What `/` makes use of.
const PARTS: [(&str, &str); 20] = parts![
    "address.js",
    "bars.js",
    "condition.js",
    "dom.js",
    "full.js",
    "grid.css",
    "grid.js",
    "images.js",
    "link.js",
    "minute.js",
    "monitor.js",
    "page.css",
    "page.js",
    "screen.js",
    "slot.js",
    "source.js",
    "speech.js",
    "stream.js",
    "strip.js",
    "text.js",
];

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

/// `GET /page/{file}`
///
/// # Errors
/// There is no such file.
pub(crate) async fn part(request: Request) -> Result<impl IntoResponse, Problem> {
    let path = request.uri().path();
    let found = PARTS
        .iter()
        .find(|(name, _)| path.strip_prefix("/page/") == Some(name));
    let (name, content) = found.ok_or_else(|| Problem::nowhere(path))?;
    let kind = if name.ends_with(".css") {
        "text/css; charset=utf-8"
    } else {
        "text/javascript; charset=utf-8"
    };
    Ok(file(kind, content))
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub(crate) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", include_str!("page/icon.svg"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_script_and_style_is_served_and_described() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve/page");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".js") || name.ends_with(".css"))
            .collect();
        let served: BTreeSet<String> = PARTS.iter().map(|(name, _)| (*name).into()).collect();
        assert_eq!(served, there);
        let description: serde_json::Value =
            serde_json::from_str(include_str!("openapi.json")).unwrap();
        let parameter = &description["paths"]["/page/{file}"]["get"]["parameters"][0];
        let described: BTreeSet<String> =
            serde_json::from_value(parameter["schema"]["enum"].clone()).unwrap();
        assert_eq!(described, there);
    }
}
