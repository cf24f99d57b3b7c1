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

use super::desk::{Desk, Job};
use super::problem::Problem;
use super::upload::{self, Upload};
use super::{House, Service};
use crate::error::Error;

/// What may stand behind the question mark.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    top_k: Option<u32>,
}

impl Wish {
    /// Classes per record, at least one and at most all.
    fn top_k(&self, house: &House) -> Result<usize, Problem> {
        match self.top_k {
            Some(0) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "top_k is 0, expected a number from 1 upwards",
            )),
            wished => {
                let classes = house.served()?.context.labels.len();
                let wished = wished.map_or(house.top_k, |top_k| top_k as usize);
                Ok(wished.min(classes))
            }
        }
    }
}

type Asked = Result<Query<Wish>, QueryRejection>;

/// Classifies at once.
///
/// # Errors
/// Whatever is wrong with the request.
pub async fn predict(
    State(service): State<Arc<Service>>,
    wish: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    answer(&service, &service.house.desk, wish, &headers, body).await
}

/// Classifies together with what others send in these milliseconds.
///
/// # Errors
/// Whatever is wrong with the request.
pub async fn batch(
    State(service): State<Arc<Service>>,
    wish: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let desk = service.house.batches.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "batches are not collected here; start the service with --batch-window 5ms, or use /predict",
        )
    })?;
    answer(&service, desk, wish, &headers, body).await
}

async fn answer(
    service: &Service,
    desk: &Desk,
    wish: Asked,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let house = &service.house;
    let Query(wish) = wish.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let top_k = wish.top_k(house)?;
    let uploads = upload::receive(service, headers, body).await?;
    let answers = submit(desk, uploads, top_k)?;
    let all = async {
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            let lost = || Err(Error::engine("desk", "the picture was lost on its way"));
            found.push(answer.await.unwrap_or_else(|_| lost()));
        }
        found
    };
    let found = timeout(service.patience, all)
        .await
        .map_err(|_| Problem::busy("the answer was not found in time"))?;
    respond(&found)
}

type Answer = crate::error::Result<Bytes>;

fn submit(
    desk: &Desk,
    uploads: Vec<Upload>,
    top_k: usize,
) -> Result<Vec<oneshot::Receiver<Answer>>, Problem> {
    let (_, capacity) = desk.depth();
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
                held: upload.held,
            };
            (job, waits)
        })
        .unzip();
    desk.submit(jobs).map_err(|waiting| {
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
