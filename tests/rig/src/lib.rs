//! What the scenarios and the soak share: the program under test, the cameras in front of
//! it, and what its records have to tell. All of it runs inside the guest, as root.

pub mod ocelli;
pub mod story;
pub mod vivid;
pub mod webcam;

/// Where the rig's overlay holds the pictures that the webcam shows.
pub const PICTURES: &str = "/rig/pictures";
/// The bundled models.
pub const MODELS: &str = "/rig/models";

use std::time::{Duration, Instant};

/// Asks until there is an answer, at most for `limit`.
pub fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if started.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
