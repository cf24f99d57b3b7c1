//! `POST /predict`: pictures in, records out.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Problem;
use super::queue::{Job, RequestQueue};
use super::state::{Api, AppState};
use super::upload::{self, Upload};
use crate::error::Error;

/// What may stand behind the question mark.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictQuery {
    top_k: Option<u32>,
}

impl PredictQuery {
    /// Classes per record, at least one and at most all.
    fn top_k(&self, app: &AppState) -> Result<usize, Problem> {
        match self.top_k {
            Some(0) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "top_k is 0, expected a number from 1 upwards",
            )),
            asked => {
                let classes = app.ready_model()?.context.labels.len();
                let top_k = asked.map_or(app.top_k, |top_k| top_k as usize);
                Ok(top_k.min(classes))
            }
        }
    }
}

type Asked = Result<Query<PredictQuery>, QueryRejection>;

/// Classifies at once.
///
/// # Errors
/// Whatever is wrong with the request.
pub(crate) async fn predict(
    State(api): State<Arc<Api>>,
    query: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    answer(&api, &api.app.requests, query, &headers, body).await
}

/// Classifies together with what others send in these milliseconds.
///
/// # Errors
/// Whatever is wrong with the request.
pub(crate) async fn batch(
    State(api): State<Arc<Api>>,
    query: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let queue = api.app.batches.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "the service does not collect batches; use /predict",
        )
    })?;
    answer(&api, queue, query, &headers, body).await
}

async fn answer(
    api: &Api,
    queue: &RequestQueue,
    query: Asked,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let app = &api.app;
    let Query(query) = query.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let top_k = query.top_k(app)?;
    let uploads = upload::receive(api, headers, body).await?;
    let answers = submit(queue, uploads, top_k)?;
    let all = async {
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            let lost = || {
                Err(Error::engine(
                    "request queue",
                    "the picture was lost on its way",
                ))
            };
            found.push(answer.await.unwrap_or_else(|_| lost()));
        }
        found
    };
    let found = timeout(api.patience, all)
        .await
        .map_err(|_| Problem::busy("the answer was not found in time"))?;
    respond(&found)
}

type Answer = crate::error::Result<Bytes>;

fn submit(
    queue: &RequestQueue,
    uploads: Vec<Upload>,
    top_k: usize,
) -> Result<Vec<oneshot::Receiver<Answer>>, Problem> {
    let (_, capacity) = queue.depth();
    let (jobs, answers) = uploads
        .into_iter()
        .map(|upload| {
            let (answer, waits) = oneshot::channel();
            let job = Job {
                name: upload.name,
                bytes: upload.bytes,
                took: upload.took,
                arrived: Instant::now(),
                top_k,
                answer,
                _held: upload.held,
            };
            (job, waits)
        })
        .unzip();
    queue.submit(jobs).map_err(|waiting| {
        Problem::busy(format!(
            "{waiting} pictures wait already, at most {capacity} do"
        ))
    })?;
    Ok(answers)
}

/// One record as it is, several in a list. In a list, a problem stands in the place of a
/// picture that has one, unless all have.
fn respond(found: &[Answer]) -> Result<Response, Problem> {
    let body = match found {
        [answer] => answer.as_ref().map_err(Problem::from)?.clone(),
        _ => {
            if let Some(Err(error)) = found.first()
                && found.iter().all(Result::is_err)
            {
                return Err(error.into());
            }
            let mut list = Vec::with_capacity(1024 * found.len());
            for answer in found {
                list.push(if list.is_empty() { b'[' } else { b',' });
                match answer {
                    Ok(record) => list.extend_from_slice(record),
                    Err(error) => list.extend_from_slice(Problem::from(error).json().as_bytes()),
                }
            }
            list.push(b']');
            list.into()
        }
    };
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, JSON)], body).into_response())
}
