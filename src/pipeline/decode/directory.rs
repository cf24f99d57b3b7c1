//! Directories of tags, the structure that TIFF files and EXIF blocks share (TIFF 6.0,
//! section 2, and BigTIFF). Read as PIL reads them, because what it makes of an odd entry
//! decides which way a picture is turned.

/// The first directory of a file or block.
pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// Whether offsets have 8 bytes, as in BigTIFF, instead of 4.
    long: bool,
    /// First byte of the first entry.
    start: usize,
    entries: usize,
}

/// One entry.
pub(crate) struct Entry<'a> {
    /// Where its values stand.
    pub at: usize,
    kind: u16,
    values: &'a [u8],
    big_endian: bool,
}

impl<'a> Directory<'a> {
    /// The directory of an EXIF block. `None` where it has no right beginning.
    pub(crate) fn of_exif(block: &'a [u8]) -> Option<Self> {
        Self::first(block).filter(|directory| !directory.long)
    }

    /// The first directory of a TIFF file.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let (big_endian, long) = match bytes.get(..4)? {
            b"II*\0" | b"II\0*" => (false, false),
            b"MM\0*" | b"MM*\0" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return None,
        };
        let read = |at, length| number(bytes.get(at..)?.get(..length)?, big_endian);
        let (offset, count, start) = if long {
            let offset = read(8, 8)?;
            (offset, read(usize::try_from(offset).ok()?, 8)?, 8)
        } else {
            let offset = read(4, 4)?;
            (offset, read(offset as usize, 2)?, 2)
        };
        Some(Self {
            bytes,
            big_endian,
            long,
            start: usize::try_from(offset).ok()?.checked_add(start)?,
            // More than there are bytes cannot be read, which ends the search.
            entries: usize::try_from(count).ok()?.min(bytes.len()),
        })
    }

    /// Whether numbers begin with their highest byte.
    pub(crate) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// The first usable entry of a tag. Entries of unknown types and without values are
    /// passed over; one whose values lie outside ends the search.
    pub(crate) fn find(&self, tag: u16) -> Option<Entry<'a>> {
        let (size, inline) = if self.long { (20, 8) } else { (12, 4) };
        let mut taken = 0_usize;
        for index in 0..self.entries {
            let at = self.start.checked_add(index * size)?;
            let entry = self.bytes.get(at..at.checked_add(size)?)?;
            let read = |from: usize, to: usize| number(&entry[from..to], self.big_endian);
            let (found, kind) = (read(0, 2)? as u16, read(2, 4)? as u16);
            let Some(width) = width(kind) else { continue };
            let count = usize::try_from(read(4, size - inline)?).ok()?;
            let length = count.saturating_mul(width);
            let value_at = if length <= inline {
                at + size - inline
            } else {
                taken = taken.saturating_add(length);
                if taken > self.bytes.len() {
                    continue;
                }
                usize::try_from(read(size - inline, size)?).ok()?
            };
            let values = self.bytes.get(value_at..value_at.checked_add(length)?)?;
            if found == tag && !values.is_empty() {
                return Some(Entry {
                    at: value_at,
                    kind,
                    values,
                    big_endian: self.big_endian,
                });
            }
        }
        None
    }

    /// The whole numbers of a tag; none where it is missing.
    pub(crate) fn integers(&self, tag: u16) -> Vec<u64> {
        let Some(entry) = self.find(tag) else {
            return Vec::new();
        };
        match (entry.kind, width(entry.kind)) {
            (1 | 3 | 4 | 13 | 16, Some(width)) => entry
                .values
                .chunks_exact(width)
                .filter_map(|value| number(value, self.big_endian))
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Entry<'a> {
    /// Its bytes as they stand in the file.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.values
    }

    /// Its first value as a number. Single bytes count as text, as in PIL.
    pub(crate) fn number(&self) -> Option<f64> {
        let bits = |bytes: &[u8]| number(bytes, self.big_endian);
        let value = bits(self.values.get(..width(self.kind)?)?)?;
        Some(match self.kind {
            3 | 4 | 13 | 16 => value as f64,
            6 => f64::from(value as u8 as i8),
            8 => f64::from(value as u16 as i16),
            9 => f64::from(value as u32 as i32),
            11 => f64::from(f32::from_bits(value as u32)),
            12 => f64::from_bits(value),
            5 => bits(&self.values[..4])? as f64 / bits(&self.values[4..])? as f64,
            10 => {
                let part = |bytes| bits(bytes).map(|value| f64::from(value as u32 as i32));
                part(&self.values[..4])? / part(&self.values[4..])?
            }
            _ => return None,
        })
    }
}

/// Bytes of one value of a type.
fn width(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 => 8,
        _ => return None,
    })
}

/// An unsigned number of at most eight bytes.
fn number(bytes: &[u8], big_endian: bool) -> Option<u64> {
    let join = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
    match bytes.len() {
        0 | 9.. => None,
        _ if big_endian => Some(bytes.iter().fold(0, join)),
        _ => Some(bytes.iter().rev().fold(0, join)),
    }
}

#[cfg(test)]
mod tests {
    use super::Directory;

    /// An EXIF block with one entry for the orientation.
    fn block(big_endian: bool, kind: u16, count: u32, value: &[u8]) -> Vec<u8> {
        let order = |mut bytes: Vec<u8>| {
            if !big_endian {
                bytes.reverse();
            }
            bytes
        };
        let mut value = value.to_vec();
        value.resize(4, 0);
        [
            if big_endian {
                b"MM".to_vec()
            } else {
                b"II".to_vec()
            },
            order(42_u16.to_be_bytes().to_vec()),
            order(8_u32.to_be_bytes().to_vec()),
            order(1_u16.to_be_bytes().to_vec()),
            order(274_u16.to_be_bytes().to_vec()),
            order(kind.to_be_bytes().to_vec()),
            order(count.to_be_bytes().to_vec()),
            value,
        ]
        .concat()
    }

    fn value(block: &[u8]) -> Option<f64> {
        Directory::of_exif(block)?.find(274)?.number()
    }

    #[test]
    fn numbers_of_every_type_are_read_in_either_order() {
        let six = 6_f32.to_bits();
        let (short, long) = (6_u16.to_be_bytes(), 6_u32.to_be_bytes());
        let float = six.to_be_bytes();
        let cases: [(u16, &[u8]); 6] = [
            (3, &short),
            (4, &long),
            (6, &[6]),
            (8, &short),
            (9, &long),
            (11, &float),
        ];
        for (kind, big) in cases {
            let little: Vec<u8> = big.iter().rev().copied().collect();
            assert_eq!(value(&block(true, kind, 1, big)), Some(6.0), "{kind}");
            assert_eq!(value(&block(false, kind, 1, &little)), Some(6.0), "{kind}");
        }
        assert_eq!(value(&block(true, 3, 2, &[0, 6, 0, 3])), Some(6.0));
        // Bytes and text are no numbers; without a value or with an unknown type the
        // entry is none.
        assert_eq!(value(&block(true, 1, 1, &[6])), None);
        let entry = |kind, count| {
            let block = block(true, kind, count, &[0, 6]);
            Directory::of_exif(&block).is_some_and(|found| found.find(274).is_some())
        };
        assert!(entry(1, 1) && entry(3, 1));
        assert!(!entry(3, 0) && !entry(99, 1) && !entry(3, 600));
    }

    #[test]
    fn no_bytes_break_it() {
        let whole = block(false, 4, 9, &[0xff; 4]);
        for end in 0..whole.len() {
            assert!(value(&whole[..end]).is_none());
        }
        assert!(Directory::of_exif(b"II*\0\xff\xff\xff\xff").is_none());
        assert!(Directory::first(b"II+\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff").is_none());
    }
}
