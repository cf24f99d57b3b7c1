//! What the broker may ask for: that somebody has taken notice of what a source's monitor found.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::monitor::Desk;

/// Takes notice of all that there is.
pub(super) const ALL: &str = "all";
/// Bytes of a name at most.
const LONGEST: usize = 256;

/// Where to go with it, by topic.
#[derive(Default)]
pub(super) struct Commands(BTreeMap<String, Arc<Desk>>);

impl Commands {
    pub(super) fn add(&mut self, topic: String, desk: Arc<Desk>) {
        self.0.insert(topic, desk);
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Takes in a message. One that the broker keeps was for somebody else, at another time.
    pub(super) fn take(&self, topic: &str, payload: &[u8], is_kept: bool) {
        let Some(desk) = self.0.get(topic) else {
            return;
        };
        let what = std::str::from_utf8(payload).map(str::trim);
        match what {
            _ if is_kept => log::warn!("mqtt: {topic}: a retained message is ignored"),
            Ok(ALL) => {
                let report = desk.report();
                let noticed = report.iter().flat_map(|report| report.noticed());
                noticed.for_each(|what| desk.acknowledge(what));
            }
            Ok(what) if what.len() <= LONGEST => desk.acknowledge(what),
            _ => log::warn!(
                "mqtt: {topic}: {} bytes, expected a cause, a statistic or `{ALL}`",
                payload.len()
            ),
        }
    }
}
