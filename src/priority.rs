//! Who goes first on a busy processor: the live loop, before whatever serves others.

/// Lets all other threads go first: for the calling thread.
pub(crate) fn lower_priority() {
    const NICE: i32 = 19;
    // On Linux this is the calling thread, elsewhere the process: left alone there. Where
    // it is refused, all are equal.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}
