//! Finding where one image ends and the next begins in a stream of them, without seeking
//! and without waiting for the next one. After damage it finds its feet at the next start
//! of a JPEG or PNG; what the other formats begin with is too short to be looked for.

mod attached;
mod jpeg;
mod png;
mod pnm;
mod sized;
mod tiff_file;
mod trailer;

pub(super) use attached::Attached;
use jpeg::Jpeg;
use png::Png;
use pnm::Plain;
use sized::Sized;
pub(super) use trailer::Trailer;

/// Bytes by which the start of any image is known: WebP takes most.
pub(super) const LONGEST_START: usize = 12;

/// What is known after looking at the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The image goes on behind them.
    More,
    /// The image is this many bytes long.
    Complete(usize),
    /// It is damaged; the next one may begin at or after this byte.
    Damaged(usize),
}

/// What the bytes between two images are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    /// It takes more of them to tell.
    More,
    /// So many bytes, some of which may be still to come, belong there and are no image.
    Skip(usize),
    /// Nothing that is known.
    Unknown,
}

/// What the bytes at hand tell of an image's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// So many bytes.
    Known(usize),
    /// That cannot be told before so many bytes are there.
    AtLeast(usize),
}

/// No such image can begin like this.
#[derive(Debug)]
struct Malformed;

/// Walks one image. Where it stopped for want of bytes it goes on, so that no byte of a
/// long image is looked at again and again.
#[derive(Clone, Debug)]
pub(super) struct Walker(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Jpeg(Jpeg),
    Png(Png),
    Plain(Plain),
    /// A format, and how many bytes it takes before measuring makes sense again.
    Sized(Sized, usize),
}

/// Where the first JPEG or PNG starts in `bytes`: the number of bytes before it, and whether
/// there is one. When there is none, all but the last few bytes, which may be the beginning
/// of one.
pub(super) fn find_start(bytes: &[u8]) -> (usize, bool) {
    for at in memchr::memchr2_iter(jpeg::START[0], png::START[0], bytes) {
        let rest = &bytes[at..];
        if rest.starts_with(&jpeg::START) || rest.starts_with(png::START) {
            return (at, true);
        }
    }
    (bytes.len().saturating_sub(LONGEST_START - 1), false)
}

impl Walker {
    /// A walker, if an image starts at the first byte.
    pub(super) fn at_start(bytes: &[u8]) -> Option<Self> {
        // Stray bytes may stand even behind the first marker.
        let kind = if bytes.starts_with(&jpeg::START[..2]) {
            Kind::Jpeg(Jpeg::default())
        } else if bytes.starts_with(png::START) {
            Kind::Png(Png::default())
        } else if let Some(plain) = Plain::at_start(bytes) {
            Kind::Plain(plain)
        } else {
            Kind::Sized(Sized::at_start(bytes)?, 0)
        };
        Some(Self(kind))
    }

    /// Walks as far as `bytes`, which begin with the image, allow.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Progress {
        match &mut self.0 {
            Kind::Jpeg(jpeg) => jpeg.walk(bytes),
            Kind::Png(png) => png.walk(bytes),
            Kind::Plain(plain) => plain.walk(bytes),
            Kind::Sized(_, least) if bytes.len() < *least => Progress::More,
            Kind::Sized(format, least) => match format.measure(bytes) {
                Ok(Length::Known(0)) => Progress::Damaged(2),
                Ok(Length::Known(length)) if length <= bytes.len() => Progress::Complete(length),
                Ok(Length::Known(length) | Length::AtLeast(length)) => {
                    *least = length;
                    Progress::More
                }
                Err(Malformed) => Progress::Damaged(2),
            },
        }
    }

    /// How far the image can be followed: the next one is not before. For one that is given
    /// up because it does not end.
    pub(super) fn followed(&self) -> usize {
        match &self.0 {
            Kind::Jpeg(jpeg) => jpeg.followed(),
            Kind::Png(png) => png.followed(),
            Kind::Plain(_) | Kind::Sized(..) => 2,
        }
    }

    /// Whether an image that is shorter than it says may still be one: decoders do not
    /// need the length that BMP and its like state.
    pub(super) fn is_lenient(&self) -> bool {
        matches!(self.0, Kind::Sized(..) | Kind::Plain(_))
    }

    /// Whether the end of the stream may be the end of the image.
    pub(super) fn ends_with_stream(&self) -> bool {
        matches!(&self.0, Kind::Plain(plain) if plain.is_whole())
    }

    /// Whether it is a JPEG, which phones put more behind.
    pub(super) fn is_jpeg(&self) -> bool {
        matches!(self.0, Kind::Jpeg(_))
    }

    /// What the image says follows it in its file.
    pub(super) fn attached(self) -> Vec<Attached> {
        match self.0 {
            Kind::Jpeg(jpeg) => jpeg.attached,
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, Walker, find_start};

    /// What a file that stands before another one is found to be, whole and cut anywhere.
    fn assert_measured(name: &str, file: &[u8]) {
        let bytes = [file, b"GIF89a the next one"].concat();
        let whole = Progress::Complete(file.len());
        assert_eq!(
            Walker::at_start(&bytes).unwrap().walk(&bytes),
            whole,
            "{name}"
        );
        let mut bytewise = None;
        for length in 0..file.len() {
            bytewise = bytewise.or_else(|| Walker::at_start(&bytes[..length]));
            let progress = bytewise.as_mut().map(|w| w.walk(&bytes[..length]));
            assert!(
                matches!(progress, None | Some(Progress::More)),
                "{name} at {length}: {progress:?}"
            );
        }
        assert_eq!(bytewise.unwrap().walk(&bytes), whole, "{name} byte by byte");
    }

    #[test]
    fn files_are_as_long_as_they_say_and_not_whole_a_byte_earlier() {
        for name in [
            "jpeg420.jpg",
            "progressive.jpg",
            "palette.png",
            "plain.bmp",
            "lossless.webp",
            "plain.pgm",
            "plain.ppm",
            "first.gif",
            "packed.tiff",
        ] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
            assert_measured(name, &std::fs::read(folder.join(name)).unwrap());
        }
        let written: [(&str, &[u8]); 6] = [
            ("bits", b"P4 # nine wide\n9 2\nabcd"),
            ("16 bits", b"P5\n2 1 65535\nabcd"),
            ("PAM", b"P7\nWIDTH 2\n# a\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\nabcdefgh"),
            ("16-bit PAM", b"P7\nHEIGHT 1\nWIDTH 1\nMAXVAL 256\nDEPTH 3\nENDHDR\nabcdef"),
            ("BMP without a size", b"BM\0\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x02\0\x01\0\x18\0abc0def0"),
            ("GIF without a trailer", b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0"),
        ];
        for (name, file) in written {
            assert_measured(name, file);
        }
    }

    #[test]
    fn a_start_is_found_behind_garbage() {
        assert_eq!(find_start(b"garbage\xff\xff\xff\xd8\xff\xe0"), (9, true));
        assert_eq!(find_start(b"no image at all"), (4, false));
    }
}
