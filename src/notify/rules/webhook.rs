//! A webhook: the record, posted as JSON.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;

use super::alert::{Alert, End};
use crate::tls;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// An address to post to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|e| format!("`{text}` is not an address: {e}"))?;
        match url.scheme() {
            "http" | "https" => Ok(Self(text.to_owned())),
            other => Err(format!("`{text}` is {other}, expected http or https")),
        }
    }
}

/// Where it is; what stands behind the host may be a secret.
impl Display for Url {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let url = url::Url::parse(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&url.origin().ascii_serialization())
    }
}

/// Posts to one address.
pub(crate) struct Webhook {
    agent: Agent,
    url: String,
}

impl Webhook {
    /// A webhook.
    pub(crate) fn new(url: &Url) -> Self {
        Self {
            agent: tls::agent_config(false).build().new_agent(),
            url: url.0.clone(),
        }
    }

    /// Posts the record, in three attempts at most: who refuses the record itself is not
    /// asked again.
    ///
    /// # Errors
    /// It was not taken.
    pub(crate) fn post(&self, alert: &Alert, end: &End) -> Result<(), String> {
        let mut waits = WAITS.into_iter();
        loop {
            let sent = self
                .agent
                .post(&self.url)
                .header("Content-Type", "application/json")
                .header("Ocelli-Rule", header_safe(&alert.rule))
                .config()
                .timeout_global(Some(left(end)))
                .build()
                .send(&alert.record[..]);
            let error = match sent {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            // 408 and 429 mean "later".
            let is_final = matches!(error, ureq::Error::StatusCode(status @ 400..=499) if status != 408 && status != 429);
            match waits.next() {
                Some(wait) if !is_final && left(end) > wait => thread::sleep(wait),
                _ => return Err(format!("the record was not taken: {error}")),
            }
        }
    }
}

/// How long an attempt may take now.
fn left(end: &End) -> Duration {
    let left = end
        .get()
        .map(|end| end.saturating_duration_since(Instant::now()));
    left.map_or(PATIENCE, |left| left.min(PATIENCE))
}

/// Labels may hold what a header may not.
fn header_safe(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == ' ' || c.is_ascii_graphic() {
                c
            } else {
                '?'
            }
        })
        .collect()
}
