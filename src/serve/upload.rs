//! Pictures out of requests: a body that is one, or a form that holds several. Sizes are
//! checked before anything is kept, and everything has to be there in time.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart};
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures_util::stream::unfold;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::budget::{Held, Metered, Refused};
use super::problem::Problem;
use super::state::Api;

/// One picture as it came.
pub(crate) struct Upload {
    /// The file's name, or `request`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How long they took to come.
    pub took: Duration,
    /// The memory that its request takes, of that for all uploads.
    pub held: Held,
}

/// What a body is, by its type.
enum Kind {
    Picture,
    Form,
}

fn kind(headers: &HeaderMap) -> Result<Kind, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Kind::Picture);
    };
    let text = value.to_str().unwrap_or_default();
    let name = text.split(';').next().unwrap_or_default().trim();
    let name = name.to_ascii_lowercase();
    if name.starts_with("image/") || name == "application/octet-stream" {
        return Ok(Kind::Picture);
    }
    if name == "multipart/form-data" {
        return Ok(Kind::Form);
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!(
            "the body is `{text}`, expected image/*, application/octet-stream or multipart/form-data; \
             with curl: --data-binary @FILE -H 'Content-Type: image/jpeg', or -F file=@FILE"
        ),
    ))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body has more than {limit} bytes, the most that this service takes"),
    )
}

/// Takes the pictures out of a request.
///
/// # Errors
/// The wrong type, too large, too slow, broken off, or nothing at all.
pub(crate) async fn receive(
    api: &Api,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<Upload>, Problem> {
    let kind = kind(headers)?;
    let limit = api.max_body;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let held = Held::default();
    let metered = Metered {
        body,
        left: limit,
        budget: api.budget.clone(),
        held: held.clone(),
    };
    let body = Body::from_stream(unfold(metered, Metered::next));
    let reading = async {
        match kind {
            Kind::Picture => picture(api, body, held).await.map(|upload| vec![upload]),
            Kind::Form => form(api, headers, body, held).await,
        }
    };
    let uploads = timeout(api.patience, reading).await.map_err(|_| {
        let patience = humantime::format_duration(api.patience);
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not come within {patience}"),
        )
    })??;
    if uploads.iter().all(|upload| upload.bytes.is_empty()) {
        let detail = "there is no picture in the body";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    Ok(uploads)
}

/// The problem for what broke a body off.
fn broken(api: &Api, what: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    let refused = std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<Refused>());
    match refused {
        Some(Refused::TooLarge) => too_large(api.max_body),
        Some(Refused::NoMemory) => {
            Problem::busy("other uploads fill the memory that there is for them")
        }
        None => Problem::new(StatusCode::BAD_REQUEST, format!("{what}: {error}")),
    }
}

async fn picture(api: &Api, mut body: Body, held: Held) -> Result<Upload, Problem> {
    let started = Instant::now();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| broken(api, "the body broke off", &e))?;
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Upload {
        name: "request".to_owned(),
        bytes,
        took: started.elapsed(),
        held,
    })
}

async fn form(
    api: &Api,
    headers: &HeaderMap,
    body: Body,
    held: Held,
) -> Result<Vec<Upload>, Problem> {
    let mut request = Request::new(body);
    *request.headers_mut() = headers.clone();
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let failed = |e: MultipartError| broken(api, "the form cannot be read", &e);
    let (_, most) = api.app.requests.depth();
    let mut uploads = Vec::new();
    let mut started = Instant::now();
    while let Some(mut field) = form.next_field().await.map_err(failed)? {
        let name = name(&field)?;
        let mut bytes = Vec::new();
        while let Some(data) = field.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&data);
        }
        if uploads.len() == most {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the form holds more than the {most} pictures that are taken at a time"),
            ));
        }
        uploads.push(Upload {
            name,
            bytes,
            took: started.elapsed(),
            held: held.clone(),
        });
        started = Instant::now();
    }
    Ok(uploads)
}

/// What a file is called.
fn name(field: &Field) -> Result<String, Problem> {
    let name = field.name().unwrap_or_default();
    match field.file_name() {
        Some(file) if !file.is_empty() => Ok(file.to_owned()),
        _ if field.content_type().is_some() => Ok(name.to_owned()),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!(
                "the field `{name}` of the form is not a file; options such as top_k stand in the address: /predict?top_k=3"
            ),
        )),
    }
}
