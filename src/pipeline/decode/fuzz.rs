//! What has to hold of picture files, whatever they hold.

use std::panic;
use std::sync::Once;

use super::{DecodeOptions, Decoder, Picture, Whole};
use crate::pipeline::capture::{Encoding, Frame};

/// Enough for the corpus, and little enough to be decoded often.
const MAX_PIXELS: usize = 1 << 18;

/// A picture is no larger than allowed, has the pixels that its size promises, and is the
/// same whatever was decoded before it into the same memory.
pub fn pictures(bytes: &[u8]) {
    // A decoder's own panic is caught and refused; libFuzzer would end the run at once.
    static QUIET: Once = Once::new();
    if cfg!(fuzzing) {
        QUIET.call_once(|| panic::set_hook(Box::new(|_| {})));
    }
    let frame = Frame {
        bytes: bytes.to_vec(),
        encoding: Encoding::File,
        ..Frame::default()
    };
    let mut used = Picture {
        pixels: vec![0xa5; 3 * MAX_PIXELS],
        ..Picture::default()
    };
    let decode = |gray: bool, picture: &mut Picture| {
        let options = DecodeOptions {
            max_pixels: MAX_PIXELS,
            gray,
        };
        let mut decoder = Decoder::new(options).expect("there is memory for it");
        decoder.decode(&frame, &Whole, picture)
    };
    let mut fresh = Picture::default();
    let first = decode(false, &mut fresh);
    let second = decode(false, &mut used);
    assert_eq!(
        first.is_ok(),
        second.is_ok(),
        "once it is a picture, once not"
    );
    if first.is_err() {
        return;
    }
    let count = fresh.width * fresh.height;
    assert!((1..=MAX_PIXELS).contains(&count), "{count} pixels");
    assert_eq!(fresh.pixels.len(), 3 * count);
    assert!(fresh == used, "it depends on what was decoded before");
    decode(true, &mut used).expect("it is a picture in grey, too");
    assert_eq!(used.pixels.len(), count);
}
