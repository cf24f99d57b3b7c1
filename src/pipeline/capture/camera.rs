//! Cameras: which there are, how each is run, and the two ways to their frames. Without
//! V4L2, in the build or in the system, nokhwa is the only one.

#[cfg(any(feature = "nokhwa", all(feature = "v4l", target_os = "linux")))]
mod choose;
mod devices;
#[cfg(all(feature = "v4l", target_os = "linux"))]
mod find;
mod modes;
#[cfg(feature = "nokhwa")]
mod nokhwa;
#[cfg(all(feature = "v4l", target_os = "linux"))]
mod v4l2;
#[cfg(all(feature = "v4l", target_os = "linux"))]
mod watched;

use std::path::Path;
#[cfg(any(feature = "nokhwa", all(feature = "v4l", target_os = "linux")))]
use std::time::Duration;

use super::Source;
#[cfg(not(all(feature = "nokhwa", feature = "v4l", target_os = "linux")))]
use crate::error::Error;
use crate::error::Result;
pub use devices::{Node, nodes, nodes_in};
pub use modes::{Coding, Cover, Mode, ModeRequest};

/// A running camera that gives nothing for so long has stalled.
#[cfg(any(feature = "nokhwa", all(feature = "v4l", target_os = "linux")))]
const STALL: Duration = Duration::from_secs(2);
/// Cameras take their time for the first frame: exposure, USB bandwidth.
#[cfg(any(feature = "nokhwa", all(feature = "v4l", target_os = "linux")))]
const FIRST: Duration = Duration::from_secs(5);

/// The camera `name` (`camera:0`, or a path), to be run as `request` says.
///
/// # Errors
/// The build has no V4L2.
#[cfg(all(feature = "v4l", target_os = "linux"))]
pub(crate) fn open(name: &str, request: ModeRequest) -> Result<Box<dyn Source>> {
    Ok(Box::new(watched::Camera::new(name, request)))
}

#[cfg(not(all(feature = "v4l", target_os = "linux")))]
pub(crate) fn open(name: &str, _: ModeRequest) -> Result<Box<dyn Source>> {
    Err(left_out(name, "v4l"))
}

/// Camera `number` in nokhwa's counting, called `name` in records.
///
/// # Errors
/// The build has no nokhwa.
#[cfg(feature = "nokhwa")]
pub(crate) fn open_portable(
    name: &str,
    number: u32,
    request: ModeRequest,
) -> Result<Box<dyn Source>> {
    Ok(Box::new(nokhwa::Portable::new(name, number, request)))
}

#[cfg(not(feature = "nokhwa"))]
pub(crate) fn open_portable(name: &str, _: u32, _: ModeRequest) -> Result<Box<dyn Source>> {
    Err(left_out(name, "nokhwa"))
}

/// What the camera `name` is known by whatever its number is: its bus and place there, and its
/// serial number; nothing if it is not there.
pub(crate) fn identity(name: &str) -> Option<String> {
    #[cfg(all(feature = "v4l", target_os = "linux"))]
    return find::find(name).ok().map(|node| match node.serial {
        Some(serial) => format!("{} {serial}", node.identity),
        None => node.identity,
    });
    #[cfg(not(all(feature = "v4l", target_os = "linux")))]
    return Some(name.to_owned());
}

/// Every mode of the camera at `path` that can be read; none for a metadata node.
///
/// # Errors
/// It cannot be opened; the build has no V4L2.
pub fn modes_of(path: &Path) -> Result<Vec<Mode>> {
    #[cfg(all(feature = "v4l", target_os = "linux"))]
    return v4l2::modes_of(path);
    #[cfg(not(all(feature = "v4l", target_os = "linux")))]
    return Err(left_out(&path.display().to_string(), "v4l"));
}

#[cfg(not(all(feature = "nokhwa", feature = "v4l", target_os = "linux")))]
fn left_out(place: &str, feature: &str) -> Error {
    Error::usage(place, "this build was made without such cameras")
        .with_remedy(format!("build it with the feature `{feature}`"))
}

/// Whether `path` names a video device, or would if one were plugged in.
pub(crate) fn is_video_device(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return path.starts_with("/dev/v4l") || is_node(path);
    };
    is_node(&path)
}

fn is_node(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.starts_with("/dev") && name.starts_with("video")
}
