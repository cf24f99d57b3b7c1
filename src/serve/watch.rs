//! What viewers of the live source ask for: its state as events, its picture as a stream or
//! as a snapshot.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use tokio::sync::watch;
use tokio::time::timeout;

use super::live::Live;
use super::preview::Shown;
use super::problem::Problem;
use super::state::Api;

/// Readers of one slot at a time, out of so many connections: others are to get in, too.
fn most(connections: usize) -> usize {
    (connections / 4).clamp(1, 64)
}

/// A subscription to a slot.
fn subscribe<T>(slot: &watch::Sender<T>, api: &Api) -> Result<watch::Receiver<T>, Problem> {
    let (present, most) = (slot.receiver_count(), most(api.max_connections));
    if present >= most {
        return Err(Problem::busy(format!(
            "{present} watch already, at most {most} may"
        )));
    }
    Ok(slot.subscribe())
}

fn live_of(api: &Api) -> Result<&Arc<Live>, Problem> {
    api.app.live.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "the service was started without a live source",
        )
    })
}

/// What comes into a slot from now on, until the service ends.
fn values<T: Clone>(
    slot: watch::Receiver<T>,
    closing: watch::Receiver<bool>,
) -> impl Stream<Item = T> {
    unfold((slot, closing), |(mut slot, mut closing)| async move {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return None,
            changed = slot.changed() => changed.ok()?,
        }
        let value = slot.borrow_and_update().clone();
        Some((value, (slot, closing)))
    })
}

/// `GET /events`: the state, as server-sent events.
///
/// # Errors
/// There is no live source.
pub(crate) async fn events(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    use futures_util::StreamExt;
    let mut slot = subscribe(&live_of(&api)?.states, &api)?;
    slot.mark_changed();
    let events = values(slot, api.closing.clone())
        .filter(|state| std::future::ready(!state.is_empty()))
        .map(|state| {
            let text = String::from_utf8_lossy(&state);
            Ok::<_, Infallible>(Event::default().event("state").data(text))
        });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// The frame whose answer goes with a picture: `frame` in its record.
const FRAME: &str = "ocelli-frame";
/// What stands between two pictures of a stream.
const BOUNDARY: &str = "\r\n--ocelli-frame\r\n";

/// `GET /stream`: the picture, as `multipart/x-mixed-replace`.
///
/// # Errors
/// There is no live source, or too many watch it.
pub(crate) async fn stream(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    use futures_util::StreamExt;
    let slot = subscribe(&live_of(&api)?.pictures, &api)?;
    let opening =
        futures_util::stream::once(std::future::ready(Bytes::from_static(BOUNDARY.as_bytes())));
    let pictures = values(slot, api.closing.clone()).map(|Shown { frame, jpeg }| {
        let head = format!(
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\n{FRAME}: {frame}\r\n\r\n",
            jpeg.len()
        );
        // The boundary follows at once: browsers show a picture when they see its end.
        Bytes::from([head.as_bytes(), &jpeg, BOUNDARY.as_bytes()].concat())
    });
    let body = Body::from_stream(opening.chain(pictures).map(Ok::<_, Infallible>));
    const KIND: HeaderValue =
        HeaderValue::from_static("multipart/x-mixed-replace; boundary=ocelli-frame");
    Ok(([(header::CONTENT_TYPE, KIND)], body).into_response())
}

/// `GET /snapshot.jpg`: the next picture.
///
/// # Errors
/// There is no live source, or it gives nothing at present.
pub(crate) async fn snapshot(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let mut slot = subscribe(&live_of(&api)?.pictures, &api)?;
    match timeout(api.patience, slot.changed()).await {
        Ok(Ok(())) => {
            const KIND: HeaderValue = HeaderValue::from_static("image/jpeg");
            let Shown { frame, jpeg } = slot.borrow().clone();
            let frame = (HeaderName::from_static(FRAME), frame.into());
            Ok(([(header::CONTENT_TYPE, KIND), frame], jpeg).into_response())
        }
        _ => Err(Problem::busy("the source gives no picture at present")),
    }
}
