//! The live source as others see it: its state as events, its picture as a stream. There
//! is one slot for each, and whoever watches gets what is newest when it can take it, so
//! that ten viewers cost one encoding and a slow one costs nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::timeout;

use super::painter::Painter;
use super::problem::Problem;
use super::{Metrics, Service};
use crate::audience::{Audience, Moment};
use crate::error::Result;
use crate::pipeline::capture::Frame;
use crate::pipeline::live::Standing;
use crate::pipeline::preprocess::Framing;
use crate::pipeline::write::milliseconds;

/// Time between two events; more are not read, and cost.
const PERIOD: Duration = Duration::from_millis(100);
/// Time between two events while there are no frames.
const IDLE_PERIOD: Duration = Duration::from_millis(500);

/// What viewers get.
#[derive(Clone, Copy, Debug)]
pub struct ViewOptions {
    /// Pictures per second at most.
    pub fps: f64,
    /// Pixels of the longer side at most.
    pub side: usize,
    /// Which part of pictures is looked at, and which way up.
    pub framing: Framing,
    /// Larger pictures are refused.
    pub max_pixels: usize,
}

/// The two slots.
pub struct Live {
    /// What the source is called.
    pub source: String,
    states: watch::Sender<Bytes>,
    pictures: watch::Sender<Bytes>,
}

/// Readers of one slot at a time, out of so many connections: others are to get in, too.
fn most(connections: usize) -> usize {
    (connections / 4).clamp(1, 64)
}

/// A place at a slot.
fn join(
    slot: &watch::Sender<Bytes>,
    service: &Service,
) -> std::result::Result<watch::Receiver<Bytes>, Problem> {
    let (present, most) = (slot.receiver_count(), most(service.max_connections));
    if present >= most {
        return Err(Problem::busy(format!(
            "{present} watch already, at most {most} may"
        )));
    }
    Ok(slot.subscribe())
}

impl Live {
    /// Nothing was seen yet.
    pub fn new(source: String) -> Self {
        Self {
            source,
            states: watch::Sender::default(),
            pictures: watch::Sender::default(),
        }
    }

    /// Shows a picture, a JPEG.
    pub fn show(&self, picture: Bytes) {
        self.pictures.send_replace(picture);
    }

    /// Streams being watched.
    pub fn viewers(&self) -> usize {
        self.pictures.receiver_count()
    }

    /// The newest state as JSON, if there is one.
    pub fn state(&self) -> Option<Bytes> {
        let state = self.states.borrow().clone();
        (!state.is_empty()).then_some(state)
    }
}

#[derive(Serialize)]
struct LiveState<'a> {
    record: Option<&'a RawValue>,
    classified: u64,
    fps: Option<f64>,
    decided_ms: Option<f64>,
    lost_ms: Option<f64>,
    viewers: usize,
}

/// Puts what the loop sees into the slots.
pub struct Broadcaster {
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    painter: Painter,
    interval: Duration,
    painted: Option<Instant>,
    told: Option<Instant>,
    standing: Standing,
    decided: Option<Instant>,
    record: Option<Box<RawValue>>,
}

impl Broadcaster {
    /// A broadcaster into `live`.
    ///
    /// # Errors
    /// There is no thread or memory for its pictures.
    pub fn new(live: Arc<Live>, metrics: Arc<Metrics>, options: ViewOptions) -> Result<Self> {
        Ok(Self {
            painter: Painter::start(live.clone(), options)?,
            live,
            metrics,
            interval: Duration::from_secs_f64(1.0 / options.fps),
            painted: None,
            told: None,
            standing: Standing::default(),
            decided: None,
            record: None,
        })
    }

    /// Has the frame painted, if somebody watches and it is time to.
    fn paint(&mut self, frame: &Frame) {
        let since = |painted: Instant| frame.instant.saturating_duration_since(painted);
        let due = self
            .painted
            .is_none_or(|painted| since(painted) >= self.interval);
        if due && self.live.viewers() > 0 {
            self.painted = Some(frame.instant);
            self.painter.paint(frame);
        }
    }

    fn tell(&mut self) {
        self.told = Some(Instant::now());
        let viewers = self.live.viewers();
        self.metrics.set_viewers(viewers);
        let since = |then: Instant| milliseconds(then.elapsed());
        let state = LiveState {
            record: self.record.as_deref(),
            classified: self.standing.classified,
            fps: self.standing.fps.map(|fps| (fps * 100.0).round() / 100.0),
            decided_ms: self.decided.map(since),
            lost_ms: self.standing.lost.map(since),
            viewers,
        };
        if let Ok(state) = serde_json::to_vec(&state) {
            self.live.states.send_replace(state.into());
        }
    }
}

impl Audience for Broadcaster {
    fn moment(&mut self, moment: &Moment) -> Result<()> {
        let at = moment.frame.instant;
        if moment.record.decision.change.is_some() || self.decided.is_none() {
            self.decided = Some(at);
        }
        self.paint(moment.frame);
        if self.told.is_none_or(|told| told.elapsed() >= PERIOD) {
            let json = String::from_utf8_lossy(&moment.json()?).into_owned();
            self.record = RawValue::from_string(json).ok();
            self.standing.classified += 1;
            self.tell();
        }
        Ok(())
    }

    fn glimpse(&mut self, frame: &Frame) {
        self.paint(frame);
    }

    fn standing(&mut self, standing: &Standing) -> Result<()> {
        let was_lost = self.standing.lost.is_some();
        self.standing = *standing;
        let period = if was_lost == standing.lost.is_some() {
            IDLE_PERIOD
        } else {
            Duration::ZERO
        };
        if self.told.is_none_or(|told| told.elapsed() >= period) {
            self.tell();
        }
        Ok(())
    }
}

fn of(service: &Service) -> std::result::Result<&Arc<Live>, Problem> {
    service.house.live.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is no live source; start the service with --source camera:0",
        )
    })
}

/// What comes into a slot from now on, until the service ends.
fn values(
    slot: watch::Receiver<Bytes>,
    closing: watch::Receiver<bool>,
) -> impl Stream<Item = Bytes> {
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
pub async fn events(State(service): State<Arc<Service>>) -> std::result::Result<Response, Problem> {
    use futures_util::StreamExt;
    let mut slot = join(&of(&service)?.states, &service)?;
    slot.mark_changed();
    let events = values(slot, service.closing.clone())
        .filter(|state| std::future::ready(!state.is_empty()))
        .map(|state| {
            let text = String::from_utf8_lossy(&state);
            Ok::<_, Infallible>(Event::default().event("state").data(text))
        });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// What stands between two pictures of a stream.
const BOUNDARY: &str = "\r\n--ocelli-frame\r\n";

/// `GET /stream`: the picture, as `multipart/x-mixed-replace`.
///
/// # Errors
/// There is no live source, or too many watch it.
pub async fn stream(State(service): State<Arc<Service>>) -> std::result::Result<Response, Problem> {
    use futures_util::StreamExt;
    let slot = join(&of(&service)?.pictures, &service)?;
    let opening =
        futures_util::stream::once(std::future::ready(Bytes::from_static(BOUNDARY.as_bytes())));
    let pictures = values(slot, service.closing.clone()).map(|picture| {
        let head = format!(
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            picture.len()
        );
        // The boundary follows at once: browsers show a picture when they see its end.
        Bytes::from([head.as_bytes(), &picture, BOUNDARY.as_bytes()].concat())
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
pub async fn snapshot(
    State(service): State<Arc<Service>>,
) -> std::result::Result<Response, Problem> {
    let mut slot = join(&of(&service)?.pictures, &service)?;
    match timeout(service.patience, slot.changed()).await {
        Ok(Ok(())) => {
            const KIND: HeaderValue = HeaderValue::from_static("image/jpeg");
            let picture = slot.borrow().clone();
            Ok(([(header::CONTENT_TYPE, KIND)], picture).into_response())
        }
        _ => Err(Problem::busy("the source gives no picture at present")),
    }
}
