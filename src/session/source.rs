//! One of a session's sources, with all that is its own: name, pace, and who is told of it.

use std::sync::Arc;

use super::follower::Follower;
use super::observer::Observer;
use super::telling::Told;
use super::watcher::{WatchOptions, Watcher};
use crate::model::Model;
use crate::pipeline::capture::{Bell, Newest, Opened, Persistent};
use crate::pipeline::record::Record;

/// A live source, and who is told of it.
pub struct LiveSource {
    /// What records and messages call it, if they are to: one of several needs a name.
    pub name: Option<String>,
    /// The source.
    pub opened: Opened,
    /// One frame in so many counts.
    pub every: u64,
    /// At most so many frames are classified per second.
    pub max_fps: Option<f64>,
    /// How it is watched, if it is.
    pub watch: Option<WatchOptions>,
    /// Who is told of this source alone.
    pub observers: Vec<Box<dyn Observer>>,
}

impl LiveSource {
    /// The only source of a session, at its own pace.
    pub fn new(opened: Opened) -> Self {
        Self {
            name: None,
            opened,
            every: 1,
            max_fps: None,
            watch: None,
            observers: Vec::new(),
        }
    }

    /// Starts capturing for `model`; what comes rings the `bell`. One that cannot be used is tried again
    /// if it is one of `several`.
    pub(super) fn start(self, bell: &Arc<Bell>, several: bool, model: &Model) -> (Follower, Told) {
        let Opened {
            source,
            policy,
            children,
            ..
        } = self.opened;
        let name: Option<Arc<str>> = self.name.map(Arc::from);
        let record = Record {
            source_name: name.clone(),
            ..Record::default()
        };
        let source = Persistent::new(source, several);
        let newest = Newest::start(source, policy, self.every, bell.clone());
        let follower = Follower::new(newest, children, self.max_fps, record);
        let watch = self.watch;
        let watcher = watch.map(|watch| Watcher::new(watch, name.clone(), model));
        (follower, Told::new(name, self.observers, watcher))
    }
}
