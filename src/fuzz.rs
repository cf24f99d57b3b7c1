//! The door for fuzzing: what reads bytes from outside, each with what has to hold of it
//! whatever the bytes are. `cargo fuzz` opens it by `cfg(fuzzing)`; the unit tests replay
//! the corpus through it. It is not there in any other build.

use crate::jpeg::{self, Step};
pub use crate::model::fuzz::{labels, manifest, onnx, python};
pub use crate::pipeline::capture::fuzz::{multipart, pipes, source, y4m};
pub use crate::pipeline::decode::fuzz::pictures;

/// A JPEG's markers: each step goes forwards, and the walk ends.
pub fn jpeg(bytes: &[u8]) {
    let mut at = 2;
    loop {
        match jpeg::step(bytes, at) {
            Step::Bare { next, .. } => {
                assert!(next > at && next <= bytes.len());
                at = next;
            }
            Step::Segment { start, next, .. } => {
                assert!(start > at && next >= start);
                at = next;
            }
            Step::More | Step::Broken => break,
        }
    }
    let _ = jpeg::prologue(bytes);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The name of its folder, and a function of this door.
    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 10] = [
        ("jpeg", super::jpeg),
        ("labels", super::labels),
        ("manifest", super::manifest),
        ("multipart", super::multipart),
        ("onnx", super::onnx),
        ("pictures", super::pictures),
        ("pipes", super::pipes),
        ("python", super::python),
        ("source", super::source),
        ("y4m", super::y4m),
    ];

    #[test]
    fn the_corpus_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        if !corpus.is_dir() {
            return; // It is not in the packed crate.
        }
        for (target, check) in TARGETS {
            let files = std::fs::read_dir(corpus.join(target)).unwrap();
            let mut count = 0;
            for file in files.flatten() {
                let bytes = std::fs::read(file.path()).unwrap();
                let held = std::panic::catch_unwind(|| check(&bytes));
                assert!(held.is_ok(), "{}", file.path().display());
                count += 1;
            }
            assert!(count > 0, "{target} has no corpus");
        }
    }
}
