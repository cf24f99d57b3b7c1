//! A webhook: the record, posted as JSON.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ureq::Agent;

use super::Order;

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
        let url = url::Url::parse(text).map_err(|e| format!("`{text}` is no address: {e}"))?;
        match url.scheme() {
            "http" | "https" => Ok(Self(text.to_owned())),
            other => Err(format!("`{text}` is {other}, expected http or https")),
        }
    }
}

impl Display for Url {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Posts to one address.
pub struct Webhook {
    agent: Agent,
    url: String,
}

impl Webhook {
    /// A webhook.
    pub fn new(url: &Url) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
            url: url.0.clone(),
        }
    }

    /// Posts the record, in three attempts at most: what refuses the record itself (4xx)
    /// is not asked again.
    ///
    /// # Errors
    /// It was not taken.
    pub fn post(&self, order: &Order, hurry: &AtomicBool) -> Result<(), String> {
        let mut waits = WAITS.into_iter();
        loop {
            let sent = self
                .agent
                .post(&self.url)
                .header("Content-Type", "application/json")
                .header("Ocelli-Rule", header_safe(&order.rule))
                .send(&order.record[..]);
            let error = match sent {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let final_answer = matches!(error, ureq::Error::StatusCode(400..=499));
            match waits.next() {
                Some(wait) if !final_answer && !hurry.load(Ordering::Relaxed) => {
                    thread::sleep(wait);
                }
                _ => return Err(format!("the record was not taken: {error}")),
            }
        }
    }
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
