//! The first frame of an animated WebP as libwebp, and PIL with it, gives it: nothing lies
//! below it, so it replaces the canvas even where it asks to be blended.

use std::borrow::Cow;

/// The file, its first frame marked as not to be blended.
pub(crate) fn unblended(file: &[u8]) -> Cow<'_, [u8]> {
    /// Bit of the flags that says so (WebP container specification, ANMF).
    const DO_NOT_BLEND: u8 = 2;
    let mut file = Cow::Borrowed(file);
    if let Some(at) = first_flags(&file).filter(|at| file[*at] & DO_NOT_BLEND == 0) {
        file.to_mut()[at] |= DO_NOT_BLEND;
    }
    file
}

/// Where the flags of the first frame of an animation stand.
fn first_flags(file: &[u8]) -> Option<usize> {
    /// RIFF, a size, WEBP.
    const HEADER: usize = 12;
    /// Position, size and duration of a frame, three bytes each number.
    const BEFORE_FLAGS: usize = 15;
    let mut at = HEADER;
    if !file.starts_with(b"RIFF") || file.get(at - 4..at + 4)? != b"WEBPVP8X" {
        return None;
    }
    loop {
        let (name, length) = file.get(at..at + 8)?.split_at(4);
        let content = at + 8;
        if name == b"ANMF" {
            let flags = content + BEFORE_FLAGS;
            return (flags < file.len()).then_some(flags);
        }
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        // Chunks are padded to an even length.
        at = content.checked_add(length)?.checked_add(length % 2)?;
    }
}

#[cfg(test)]
mod tests {
    use super::unblended;

    #[test]
    fn only_the_first_frame_is_marked() {
        let frame = [&b"ANMF\x10\0\0\0"[..], &[0; 16]].concat();
        let file = [&b"RIFF\0\0\0\0WEBPVP8X\x03\0\0\0abc\0"[..], &frame, &frame].concat();
        let changed = unblended(&file);
        let at = 12 + 12 + 8 + 15;
        assert_eq!((file[at], changed[at]), (0, 2));
        assert_eq!(changed[..at], file[..at]);
        assert_eq!(changed[at + 1..], file[at + 1..]);
        for end in 0..file.len() {
            assert_eq!(unblended(&file[..end]).len(), end);
        }
    }
}
