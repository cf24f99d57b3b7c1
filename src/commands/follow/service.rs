//! What a service manager (systemd, `Type=notify`) is told. The watchdog is fed by the
//! loop itself: if the loop hangs, it starves.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// Time between two reports of the state.
const STATUS: Duration = Duration::from_secs(5);

/// The service manager, where there is one.
pub struct Service {
    watchdog: Option<Duration>,
    fed: Instant,
    reported: Instant,
    classified: u64,
}

impl Service {
    /// Finds out what the service manager expects.
    pub fn new() -> Self {
        let mut microseconds = 0;
        let watched = sd_notify::watchdog_enabled(false, &mut microseconds);
        Self {
            // Twice as often as needed, as its manual recommends.
            watchdog: watched.then(|| Duration::from_micros(microseconds) / 2),
            fed: Instant::now(),
            reported: Instant::now(),
            classified: 0,
        }
    }

    /// Everything is loaded and warmed up.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The model is being read anew.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// The end is near.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// The loop is alive.
    pub fn alive(&mut self, classified: u64, lost: Option<Instant>) {
        if self
            .watchdog
            .is_some_and(|period| self.fed.elapsed() >= period)
        {
            self.fed = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
        let passed = self.reported.elapsed();
        if passed < STATUS {
            return;
        }
        let fps = (classified - self.classified) as f64 / passed.as_secs_f64();
        (self.reported, self.classified) = (Instant::now(), classified);
        let status = match lost {
            Some(lost) => format!("waiting for the source for {} s", lost.elapsed().as_secs()),
            None => format!("{fps:.1} frames per second"),
        };
        tell(&[NotifyState::Status(&status)]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        log::debug!("the service manager does not listen: {error}");
    }
}
