//! Where the loop and everyone else meet about a source: the newest report lies here, and what
//! somebody has taken notice of until the loop comes for it. Neither waits for the other.

use std::sync::Arc;

use parking_lot::Mutex;

use super::report::Report;

/// Names that wait at most: more than there are causes and statistics is a mistake.
const MOST: usize = 64;

/// The place for one source.
#[derive(Default)]
pub struct Desk {
    report: Mutex<Option<Arc<Report>>>,
    asked: Mutex<Vec<String>>,
}

impl Desk {
    /// The newest report; none before the source is followed.
    pub fn report(&self) -> Option<Arc<Report>> {
        self.report.lock().clone()
    }

    /// Somebody has taken notice of `what`, a cause or a statistic.
    pub fn acknowledge(&self, what: &str) {
        let mut asked = self.asked.lock();
        if asked.len() < MOST {
            asked.push(what.to_owned());
        } else {
            log::warn!("`{what}` is not acknowledged: {MOST} others wait");
        }
    }

    /// Puts a newer report there.
    pub(crate) fn put(&self, report: Arc<Report>) {
        *self.report.lock() = Some(report);
    }

    /// Takes what waits.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock())
    }
}
