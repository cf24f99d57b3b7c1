//! What wakes whoever waits for several sources at once: all of them ring it.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Rung by many, heard by one.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// There is something to look at.
    pub(crate) fn ring(&self) {
        *self.rung.lock() = true;
        self.changed.notify_one();
    }

    /// Waits until it is rung, at most for `patience`. If it was rung since the last wait,
    /// there is no waiting: what came while nobody listened is not missed.
    pub(crate) fn wait(&self, patience: Duration) {
        let mut rung = self.rung.lock();
        self.changed
            .wait_while_for(&mut rung, |rung| !*rung, patience);
        *rung = false;
    }
}
