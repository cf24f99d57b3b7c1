//! glibc's allocator, told what a program is about to do. By itself it learns from the first
//! large block that is freed to keep all later ones, and so holds what a model's loading
//! freed for as long as the program runs.

/// Above this many bytes a block is given back to the system when it is freed.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    /// Nothing larger than a few pages.
    Small,
    /// Whatever a frame needs, so that the next one finds it.
    Frames,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::c_int;

    use super::Keep;

    /// `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of malloc.h.
    const TRIM_THRESHOLD: c_int = -1;
    const MMAP_THRESHOLD: c_int = -3;

    unsafe extern "C" {
        safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
        safe fn malloc_trim(pad: usize) -> c_int;
    }

    pub(crate) fn keep(what: Keep) {
        let bytes = match what {
            Keep::Small => 128 << 10,
            // The most that glibc would come to by itself.
            Keep::Frames => 32 << 20,
        };
        // A threshold that is refused leaves the one before.
        mallopt(MMAP_THRESHOLD, bytes);
        mallopt(TRIM_THRESHOLD, 2 * bytes);
    }

    pub(crate) fn trim() {
        malloc_trim(0);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use glibc::{keep, trim};

/// Other allocators give back by themselves, or cannot be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep(_: Keep) {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn trim() {}
