//! A model that is being fetched, as people and the service manager see it. Messages take the
//! bar's place; it comes back with the next bytes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ocelli::Result;
use ocelli::model::{Progress, locate};
use parking_lot::Mutex;

use crate::service_manager::tell_of_slow_start;

/// Time between two words to the service manager.
const PERIOD: Duration = Duration::from_secs(5);

/// The bar on the screen, shared with whoever writes messages between.
static SHOWN: Mutex<Option<Shown>> = Mutex::new(None);

struct Shown {
    file: String,
    bar: ProgressBar,
    told: Instant,
}

/// Takes the bar off the screen, so that a message can be written in its place.
pub(crate) fn make_way() {
    if let Some(shown) = SHOWN.lock().take() {
        shown.bar.finish_and_clear();
    }
}

/// The ONNX file that `named` stands for; what is fetched for it is shown. This is done before
/// signals are handled: one ends the program at once, and what has come is kept.
///
/// # Errors
/// There is none, or it cannot be fetched.
pub(crate) fn find_model(named: &Path) -> Result<PathBuf> {
    let found = locate(named, &mut show);
    make_way();
    found
}

fn show(progress: Progress<'_>) {
    let mut slot = SHOWN.lock();
    let shown = slot.take().filter(|shown| shown.file == progress.file);
    let mut shown = shown.unwrap_or_else(|| begin(progress));
    shown.bar.set_position(progress.done);
    if shown.told.elapsed() >= PERIOD {
        tell_of_slow_start();
        shown.told = Instant::now();
    }
    *slot = Some(shown);
}

/// The bar is drawn where standard error is a terminal. What was there before counts for no
/// pace.
fn begin(progress: Progress<'_>) -> Shown {
    tell_of_slow_start();
    let style = ProgressStyle::with_template(
        "{decimal_bytes}/{decimal_total_bytes} {wide_bar} {decimal_bytes_per_sec}, {eta} left",
    );
    let bar = style.map_or_else(
        |_| ProgressBar::hidden(),
        |style| ProgressBar::new(progress.total).with_style(style),
    );
    bar.set_position(progress.done);
    bar.reset_eta();
    Shown {
        file: progress.file.to_owned(),
        bar,
        told: Instant::now(),
    }
}
