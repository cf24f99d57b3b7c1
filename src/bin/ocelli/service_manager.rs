//! What a service manager (systemd, `Type=notify`) is told. The watchdog is fed by the
//! loop itself: if the loop hangs, it starves.

use std::time::{Duration, Instant};

use ocelli::Result;
use ocelli::session::{FrameEvent, LoopStats, Observer};
use ocelli::swap::SwapEvent;
use sd_notify::NotifyState;

/// Time between two reports of the state.
const STATUS: Duration = Duration::from_secs(5);

/// How long a start may take from now on while a model comes in: longer than the network is
/// waited for.
const START: Duration = Duration::from_secs(60);

/// The start takes longer than usual, and is under way.
pub(crate) fn tell_of_slow_start() {
    let microseconds = u32::try_from(START.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(microseconds)]);
}

/// The service manager, where there is one.
pub(crate) struct ServiceManager {
    watchdog: Option<Duration>,
    fed: Instant,
    reported: Instant,
    classified: u64,
}

impl ServiceManager {
    /// Finds out what the service manager expects, and says that everything is loaded and
    /// warmed up. The end is said when this is dropped.
    pub(crate) fn ready() -> Self {
        let mut microseconds = 0;
        let watched = sd_notify::watchdog_enabled(false, &mut microseconds);
        tell(&[NotifyState::Ready]);
        Self {
            // Twice as often as needed, as its manual recommends.
            watchdog: watched.then(|| Duration::from_micros(microseconds) / 2),
            fed: Instant::now(),
            reported: Instant::now(),
            classified: 0,
        }
    }
}

impl Observer for ServiceManager {
    fn on_frame(&mut self, _event: &FrameEvent) -> Result<()> {
        Ok(())
    }

    /// The loop is alive.
    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        if self
            .watchdog
            .is_some_and(|period| self.fed.elapsed() >= period)
        {
            self.fed = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
        let passed = self.reported.elapsed();
        if passed < STATUS {
            return Ok(());
        }
        let fps = (stats.classified - self.classified) as f64 / passed.as_secs_f64();
        (self.reported, self.classified) = (Instant::now(), stats.classified);
        let status = match stats.lost {
            Some(lost) => format!("waiting for the source for {} s", lost.elapsed().as_secs()),
            None => format!("{fps:.1} frames per second"),
        };
        tell(&[NotifyState::Status(&status)]);
        Ok(())
    }

    fn on_swap(&mut self, event: SwapEvent<'_>) {
        match event {
            SwapEvent::Started => match NotifyState::monotonic_usec_now() {
                Ok(now) => tell(&[NotifyState::Reloading, now]),
                Err(_) => tell(&[NotifyState::Reloading]),
            },
            _ => tell(&[NotifyState::Ready]),
        }
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        tell(&[NotifyState::Stopping]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        log::debug!("the service manager does not listen: {error}");
    }
}
