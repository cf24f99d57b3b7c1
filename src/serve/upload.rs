//! Pictures out of requests: a body that is one, or a form that holds several. Sizes are
//! checked before anything is kept, and everything has to be there in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart};
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Service;
use super::problem::Problem;

/// One picture as it came.
pub struct Upload {
    /// The file's name, or `request`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How long they took to come.
    pub took: Duration,
    /// The memory they take, of that for all uploads.
    pub permit: Option<OwnedSemaphorePermit>,
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
        format!("the body has more than {limit} bytes; the service takes more with --max-body"),
    )
}

/// Takes the pictures out of a request.
///
/// # Errors
/// The wrong type, too large, too slow, broken off, or nothing at all.
pub async fn receive(
    service: &Service,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<Upload>, Problem> {
    let kind = kind(headers)?;
    let limit = service.max_body;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let reading = async {
        match kind {
            Kind::Picture => picture(service, body).await.map(|upload| vec![upload]),
            Kind::Form => form(service, headers, body).await,
        }
    };
    let uploads = timeout(service.patience, reading).await.map_err(|_| {
        let patience = humantime::format_duration(service.patience);
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

async fn picture(service: &Service, mut body: Body) -> Result<Upload, Problem> {
    let mut basket = Basket::new(service);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the body broke off: {e}"))
        })?;
        if let Ok(data) = frame.into_data() {
            basket.add(&data)?;
        }
    }
    Ok(basket.upload("request".to_owned()))
}

async fn form(service: &Service, headers: &HeaderMap, body: Body) -> Result<Vec<Upload>, Problem> {
    let mut request = Request::new(Body::new(Limited::new(body, service.max_body)));
    *request.headers_mut() = headers.clone();
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let broken = |e: MultipartError| match is_too_large(&e) {
        true => too_large(service.max_body),
        false => Problem::new(
            StatusCode::BAD_REQUEST,
            format!("the form cannot be read: {}", e.body_text()),
        ),
    };
    let mut uploads = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let name = name(&field);
        let mut basket = Basket::new(service);
        while let Some(data) = field.chunk().await.map_err(broken)? {
            basket.add(&data)?;
        }
        uploads.push(basket.upload(name));
    }
    Ok(uploads)
}

/// Whether the limit on the body is somewhere underneath.
fn is_too_large(error: &MultipartError) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
        .any(|error| error.is::<LengthLimitError>())
}

fn name(field: &Field) -> String {
    let name = field.file_name().or_else(|| field.name());
    name.unwrap_or("request").to_owned()
}

/// Bytes as they come, within their own limit and that of all uploads together.
struct Basket {
    bytes: Vec<u8>,
    limit: usize,
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    started: Instant,
}

impl Basket {
    fn new(service: &Service) -> Self {
        Self {
            bytes: Vec::new(),
            limit: service.max_body,
            budget: service.budget.clone(),
            permit: None,
            started: Instant::now(),
        }
    }

    fn add(&mut self, data: &Bytes) -> Result<(), Problem> {
        if self.bytes.len() + data.len() > self.limit {
            return Err(too_large(self.limit));
        }
        let share = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let more = self
            .budget
            .clone()
            .try_acquire_many_owned(share)
            .map_err(|_| Problem::busy("other uploads fill the memory that there is for them"))?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn upload(self, name: String) -> Upload {
        Upload {
            name,
            bytes: self.bytes,
            took: self.started.elapsed(),
            permit: self.permit,
        }
    }
}
