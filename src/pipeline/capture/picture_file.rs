//! The file that the last picture of a stream came in: what it says it holds besides, and
//! how far into it the stream is. A picture may have lost what followed it, so that other
//! pictures follow; what is said has to be found.

use super::split::{Attached, Trailer, Walker};

/// Bytes of padding behind an image, at most: writers align to sectors and pages.
const MOST_PADDING: usize = 64 * 1024;

/// What may still come of it.
#[derive(Debug, Default)]
pub(super) struct PictureFile {
    /// What stands behind the pictures.
    pub trailer: Trailer,
    attached: Vec<Attached>,
    /// Bytes since its start.
    position: usize,
    /// Whether one of the pictures that an MPO's index names has come.
    is_mpo: bool,
}

impl PictureFile {
    /// The file of an image that was passed up to `length`.
    pub(super) fn new(walker: Walker, length: usize) -> Self {
        Self {
            trailer: if walker.is_jpeg() {
                Trailer::Picture
            } else {
                Trailer::None
            },
            attached: walker.attached(),
            position: length,
            is_mpo: false,
        }
    }

    /// So many bytes were passed.
    pub(super) fn pass(&mut self, count: usize) {
        self.position = self.position.saturating_add(count);
    }

    /// How many bytes an image that starts here takes by the index, if that is a little more
    /// than the `length` it has: they may be padding, for which it is worth to wait.
    pub(super) fn size_here(&self, length: usize) -> Option<usize> {
        if self.attached.iter().any(|a| a.size == length) {
            return None;
        }
        let here = self
            .attached
            .iter()
            .find(|a| a.start == Some(self.position));
        let padded = length + 1..=length + MOST_PADDING;
        here.map(|a| a.size).filter(|size| padded.contains(size))
    }

    /// Whether the image of `length` bytes that starts here, at the start of `bytes`,
    /// belongs to it: the content of a block, or an image that it names by its length, or by
    /// its place and, zeros behind it included, its length. Once one of an MPO's is there,
    /// so are the others: some writers state wrong lengths from the third on (Pillow does).
    pub(super) fn holds(&mut self, bytes: &[u8], length: usize) -> bool {
        let in_mpo = |a: &Attached| a.start.is_some();
        let item = self.take(|a| a.size == length && !in_mpo(a));
        let here = self.position;
        let is_padded = |size| {
            let padding = bytes.get(length..size);
            padding.is_some_and(|padding| padding.iter().all(|byte| *byte == 0))
        };
        let picture = self.take(|a| a.size == length && in_mpo(a))
            || self.take(|a| a.start == Some(here) && is_padded(a.size));
        self.is_mpo |= picture;
        let further = !picture && self.is_mpo && self.take(in_mpo);
        item || picture || further || self.trailer.holds_image()
    }

    /// Takes the first image that is `wanted` off the list, if there is one.
    fn take(&mut self, wanted: impl Fn(&Attached) -> bool) -> bool {
        let found = self.attached.iter().position(wanted);
        found.map(|index| self.attached.remove(index)).is_some()
    }
}
