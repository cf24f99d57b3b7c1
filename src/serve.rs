//! The HTTP side: an API for pictures, and a page, a stream and metrics of live sources.
//! It runs on one thread of its own (tokio); pictures are classified on others, with a
//! bounded queue between them, and the live loop only ever hands over what is newest.
//!
//! ```text
//! listen → auth → upload → queue (classifies) → record or problem
//!                          live loop → broadcaster → live → events, stream
//! ```

mod auth;
mod broadcaster;
mod budget;
mod connections;
mod deployment;
mod linger;
mod listen;
mod live;
mod metrics;
mod monitors;
mod openapi;
mod page;
mod predict;
mod preview;
mod problem;
mod queue;
mod routes;
mod server;
mod state;
mod status;
mod token;
mod upload;
mod watch;
mod watchers;

pub use broadcaster::Broadcaster;
pub use deployment::{Deployment, DeploymentOptions};
pub use live::{Live, LiveSources};
pub use metrics::{Meter, Metrics, RingMeter};
pub use openapi::api_description;
pub use preview::PreviewOptions;
pub use server::{Server, ServerCheck, ServerOptions};
pub use state::AppState;
pub use token::Token;
