//! Which path leads where, and what all answers have in common.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::metrics::TextFormat;
use super::monitors;
use super::problem::Problem;
use super::state::Api;
use super::status::Status;
use super::{auth, openapi, page, predict, watch};

/// All routes. What tells nothing of what is seen is open to everyone.
pub(crate) fn router(api: Arc<Api>, origins: Vec<String>) -> Router {
    let authenticated = Router::new()
        .route("/", get(page::index))
        .route("/page/{file}", get(page::part))
        .route("/favicon.ico", get(page::icon))
        .route("/predict", post(predict::predict))
        .route("/predict/batch", post(predict::batch))
        .route("/model", get(model))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/monitor", get(monitors::show))
        .route("/monitor/acknowledge", post(monitors::acknowledge))
        .route("/events", get(watch::events))
        .route("/stream", get(watch::stream))
        .route("/snapshot.jpg", get(watch::snapshot))
        .layer(from_fn_with_state(api.clone(), auth::authenticate));
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(authenticated)
        .fallback(nowhere)
        .method_not_allowed_fallback(otherwise)
        // `upload` has limits of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(api.clone(), count))
        .layer(from_fn_with_state(Arc::new(marks(&origins)), mark));
    let router = if origins.is_empty() {
        router
    } else {
        router.layer(cors(origins))
    };
    router.with_state(api)
}

fn cors(origins: Vec<String>) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::predicate(move |asks: &HeaderValue, _: &_| {
            origins.iter().any(|origin| asks == origin.as_str())
        })
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}

/// Counts every answer by its route, not by its path: paths are as many as clients like.
async fn count(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let seconds = started.elapsed().as_secs_f64();
    let metrics = &api.app.metrics;
    metrics.answered(route, response.status().as_u16(), seconds);
    response
}

/// What browsers are to know of every answer: it is what it says it is, nobody else shows
/// it but the pages that are let in, and it is not kept.
fn marks(origins: &[String]) -> Vec<(HeaderName, HeaderValue)> {
    let (resources, frames) = if origins.is_empty() {
        ("same-origin", "'none'".to_owned())
    } else {
        ("cross-origin", format!("'self' {}", origins.join(" ")))
    };
    let policy = format!("default-src 'self'; img-src 'self' blob:; frame-ancestors {frames}");
    let marks = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            resources,
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let known = marks
        .into_iter()
        .map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    known.flatten().collect()
}

async fn mark(
    State(marks): State<Arc<Vec<(HeaderName, HeaderValue)>>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in marks.iter() {
        let headers = response.headers_mut();
        headers.entry(name).or_insert_with(|| value.clone());
    }
    response
}

async fn nowhere(request: Request) -> Problem {
    Problem::nowhere(request.uri().path())
}

async fn otherwise(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    let detail = format!("`{path}` does not take {method}; /openapi.json says what it takes");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

async fn healthz() -> &'static str {
    "alive\n"
}

async fn readyz(State(api): State<Arc<Api>>) -> Result<&'static str, Problem> {
    api.app.ready_model().map(|_| "ready\n")
}

fn as_json(body: impl IntoResponse) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

async fn model(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(as_json(api.app.ready_model()?.document.clone()))
}

async fn metrics(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    const ACCEPT: HeaderValue = HeaderValue::from_static("Accept");
    let metrics = &api.app.metrics;
    for live in api.app.live.iter() {
        metrics.set_viewers(&live.name, live.viewers());
    }
    let format = TextFormat::asked(&headers);
    let kind = (header::CONTENT_TYPE, format.content_type());
    ([kind, (header::VARY, ACCEPT)], metrics.text(format)).into_response()
}

async fn status(State(api): State<Arc<Api>>) -> Response {
    as_json(json!(Status::of(&api.app)).to_string())
}
