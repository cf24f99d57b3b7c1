//! What viewers of live sources ask for: states as events, pictures as a stream or as a
//! snapshot. Several sources come over one connection: browsers open six to a host at most.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{Stream, once, select_all, unfold};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::timeout;

use super::live::Live;
use super::preview::Shown;
use super::problem::Problem;
use super::state::Api;

/// What may stand behind the question mark.
#[derive(Deserialize)]
pub(crate) struct WatchQuery {
    /// The name of a source.
    source: Option<String>,
}

pub(crate) type Asked = Result<Query<WatchQuery>, QueryRejection>;

/// The source's name that a request brings, if it does.
pub(crate) fn name(asked: Asked) -> Result<Option<String>, Problem> {
    let Query(query) = asked.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    Ok(query.source)
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

/// `GET /events`: the states, as server-sent events.
///
/// # Errors
/// There is no such source, or too many watch.
pub(crate) async fn events(State(api): State<Arc<Api>>, asked: Asked) -> Result<Response, Problem> {
    let sources = api.app.live.asked(name(asked)?.as_deref())?;
    let permit = api.readers.admit()?;
    let mut each = Vec::with_capacity(sources.len());
    for live in sources {
        let mut slot = api.readers.subscribe(&live.states)?;
        slot.mark_changed();
        each.push(values(slot, api.closing.clone()).boxed());
    }
    let events = select_all(each)
        .filter(|state| std::future::ready(!state.is_empty()))
        .map(move |state| {
            let _held = &permit;
            let text = String::from_utf8_lossy(&state);
            Ok::<_, Infallible>(Event::default().event("state").data(text))
        });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// The frame whose answer goes with a picture: `frame` in its record.
const FRAME: &str = "ocelli-frame";
/// The name of its source, where that is told.
const SOURCE: &str = "ocelli-source";
/// What stands between two pictures of a stream.
const BOUNDARY: &str = "\r\n--ocelli-frame\r\n";

/// A name as a header may have it: percent-encoded, as in addresses, where it is more than
/// visible ASCII.
fn as_header(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'%' | ..=b' ' | 0x7f.. => {
                // Writing to a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
            plain => text.push(char::from(plain)),
        }
    }
    text
}

/// `GET /stream`: the pictures, as `multipart/x-mixed-replace`.
///
/// # Errors
/// There is no such source, or too many watch.
pub(crate) async fn stream(State(api): State<Arc<Api>>, asked: Asked) -> Result<Response, Problem> {
    let sources = api.app.live.asked(name(asked)?.as_deref())?;
    let permit = api.viewers.admit()?;
    let mut each = Vec::with_capacity(sources.len());
    for live in sources {
        let slot = api.viewers.subscribe(&live.pictures)?;
        let source = live.told_name().map(as_header);
        let source = source.map_or_else(String::new, |name| format!("{SOURCE}: {name}\r\n"));
        let part = move |Shown { frame, jpeg }| {
            let head = format!(
                "Content-Type: image/jpeg\r\nContent-Length: {}\r\n{FRAME}: {frame}\r\n{source}\r\n",
                jpeg.len()
            );
            // The boundary follows at once: browsers show a picture when they see its end.
            Bytes::from([head.as_bytes(), &jpeg, BOUNDARY.as_bytes()].concat())
        };
        each.push(values(slot, api.closing.clone()).map(part).boxed());
    }
    let opening = once(std::future::ready(Bytes::from_static(BOUNDARY.as_bytes())));
    let parts = opening.chain(select_all(each)).map(move |part| {
        let _held = &permit;
        Ok::<_, Infallible>(part)
    });
    const KIND: HeaderValue =
        HeaderValue::from_static("multipart/x-mixed-replace; boundary=ocelli-frame");
    Ok(([(header::CONTENT_TYPE, KIND)], Body::from_stream(parts)).into_response())
}

/// `GET /snapshot.jpg`: a source's next picture.
///
/// # Errors
/// There is no such source, it is not said which, or it gives nothing at present.
pub(crate) async fn snapshot(
    State(api): State<Arc<Api>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let live = api.app.live.asked_one(name(asked)?.as_deref())?;
    let _permit = api.viewers.admit()?;
    let mut slot = api.viewers.subscribe(&live.pictures)?;
    match timeout(api.patience, slot.changed()).await {
        Ok(Ok(())) => {
            let Shown { frame, jpeg } = slot.borrow().clone();
            Ok((headers_of(live, frame), jpeg).into_response())
        }
        _ => Err(Problem::busy("the source gives no picture at present")),
    }
}

fn headers_of(live: &Live, frame: u64) -> HeaderMap {
    let source = live.told_name().map(as_header);
    let source = source.and_then(|name| HeaderValue::try_from(name).ok());
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    let frame = (HeaderName::from_static(FRAME), frame.into());
    let source = source.map(|name| (HeaderName::from_static(SOURCE), name));
    [kind, frame].into_iter().chain(source).collect()
}

#[cfg(test)]
mod tests {
    use super::as_header;

    #[test]
    fn a_name_in_a_header_is_visible_ascii_and_says_which_it_is() {
        assert_eq!(as_header("rtsp://x/1?a=b#2"), "rtsp://x/1?a=b#2");
        assert_eq!(as_header("Tür 2"), "T%C3%BCr%202");
        assert_eq!(as_header("100%\r\n"), "100%25%0D%0A");
    }
}
