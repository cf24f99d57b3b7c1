//! TIFF, whose parts stand anywhere in the file: it ends where the last of them does. Both
//! byte orders, and BigTIFF (TIFF 6.0; the `BigTIFF` extension of libtiff).

use super::Length;

/// Strips, tiles and JPEG thumbnails: the tags of where they are and of how long.
const PARTS: [(usize, usize); 3] = [(273, 279), (324, 325), (513, 514)];
/// Tags whose values are directories: sub-images, EXIF, GPS, interoperability.
const DIRECTORIES: [usize; 4] = [330, 34665, 34853, 40965];
/// Pages that are looked at; a file of more is hostile.
const MOST_DIRECTORIES: usize = 4096;

/// Reads numbers of one byte order. What is not there yet is an `Err` that says how much
/// it takes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    little_endian: bool,
    big: bool,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// What it says.
    pub tag: usize,
    /// Bytes of one value, and how many there are.
    width: usize,
    count: usize,
    /// Where the values are.
    pub at: usize,
}

impl Entry {
    /// How many bytes its values take.
    pub(super) fn bytes(&self) -> usize {
        self.width.saturating_mul(self.count)
    }
}

impl<'a> Reader<'a> {
    /// A reader, and where the first directory is; `None` if this is no TIFF.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Length> {
        let (little_endian, big) = match bytes {
            [b'I', b'I', 42, 0, ..] => (true, false),
            [b'I', b'I', 43, 0, ..] => (true, true),
            [b'M', b'M', 0, 42, ..] => (false, false),
            [b'M', b'M', 0, 43, ..] => (false, true),
            _ => return Ok(None),
        };
        let reader = Self {
            bytes,
            little_endian,
            big,
        };
        let first = if big {
            reader.number(8, 8)?
        } else {
            reader.number(4, 4)?
        };
        Ok(Some((reader, first)))
    }

    /// The number of `width` bytes at `at`. One that no address can hold is the largest.
    pub(super) fn number(&self, at: usize, width: usize) -> Result<usize, Length> {
        let end = at.saturating_add(width);
        let digits = self.bytes.get(at..end).ok_or(Length::AtLeast(end))?;
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if self.little_endian {
            digits.iter().rev().fold(0, add)
        } else {
            digits.iter().fold(0, add)
        };
        Ok(usize::try_from(value).unwrap_or(usize::MAX))
    }

    /// Bytes of a directory's count, of an entry, and of an address.
    fn widths(&self) -> (usize, usize, usize) {
        if self.big { (8, 20, 8) } else { (2, 12, 4) }
    }

    /// How many entries a directory has.
    pub(super) fn count(&self, directory: usize) -> Result<usize, Length> {
        self.number(directory, self.widths().0)
    }

    /// One entry of a directory.
    pub(super) fn entry(&self, directory: usize, number: usize) -> Result<Entry, Length> {
        let (head, entry, address) = self.widths();
        let at = directory
            .saturating_add(head)
            .saturating_add(number.saturating_mul(entry));
        // Bytes per value of the types from 1 on; 14 and 15 do not exist.
        const WIDTHS: [usize; 19] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
        let kind = self.number(at.saturating_add(2), 2)?;
        let mut entry = Entry {
            tag: self.number(at, 2)?,
            width: WIDTHS.get(kind).copied().unwrap_or(0),
            count: self.number(at.saturating_add(4), address)?,
            at: at.saturating_add(4 + address),
        };
        // Of a type that does not exist there are no values, whatever their number.
        if entry.width == 0 {
            entry.count = 0;
        }
        // Values that fit stand where else their address would.
        if entry.bytes() > address {
            entry.at = self.number(entry.at, address)?;
        }
        Ok(entry)
    }

    /// One value of an entry.
    fn value(&self, entry: Entry, number: usize) -> Result<usize, Length> {
        let at = entry.at.saturating_add(entry.width.saturating_mul(number));
        self.number(at, entry.width)
    }
}

/// How long the file is that begins with `bytes`.
pub(super) fn measure(bytes: &[u8]) -> Result<Length, Length> {
    let Some((reader, first)) = Reader::new(bytes)? else {
        return Ok(Length::AtLeast(4));
    };
    // A file without any directory still has its header.
    let header = if reader.big { 16 } else { 8 };
    let (mut seen, mut pending, mut end) = (Vec::new(), vec![first], header);
    while let Some(directory) = pending.pop() {
        if directory == 0 || seen.contains(&directory) || seen.len() == MOST_DIRECTORIES {
            continue;
        }
        seen.push(directory);
        end = end.max(directory_end(&reader, directory, &mut pending)?);
    }
    Ok(Length::Known(end))
}

/// Where the last part of a directory ends; further directories go to `pending`.
fn directory_end(
    reader: &Reader,
    directory: usize,
    pending: &mut Vec<usize>,
) -> Result<usize, Length> {
    let (head, entry, address) = reader.widths();
    let count = reader.count(directory)?;
    let after = directory
        .saturating_add(head)
        .saturating_add(count.saturating_mul(entry));
    pending.push(reader.number(after, address)?);
    let mut end = after + address;
    let mut starts: [Option<Entry>; PARTS.len()] = [None; PARTS.len()];
    let mut sizes = starts;
    for number in 0..count {
        let entry = reader.entry(directory, number)?;
        end = end.max(entry.at.saturating_add(entry.bytes()));
        for (part, (start, size)) in PARTS.into_iter().enumerate() {
            if entry.tag == start {
                starts[part] = Some(entry);
            } else if entry.tag == size {
                sizes[part] = Some(entry);
            }
        }
        if DIRECTORIES.contains(&entry.tag) {
            for number in 0..entry.count.min(MOST_DIRECTORIES) {
                pending.push(reader.value(entry, number)?);
            }
        }
    }
    for (start, size) in starts.into_iter().zip(sizes) {
        match (start, size) {
            (Some(start), Some(size)) => {
                for number in 0..start.count.min(size.count) {
                    let start = reader.value(start, number)?;
                    end = end.max(start.saturating_add(reader.value(size, number)?));
                }
            }
            // Nothing tells the end: it is taken to be the stream's.
            (Some(_), None) => return Err(Length::AtLeast(usize::MAX)),
            (None, _) => {}
        }
    }
    Ok(end)
}
