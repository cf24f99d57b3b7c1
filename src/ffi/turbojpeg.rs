//! libjpeg-turbo's decoding of a region: the `turbojpeg` crate wraps all of its decoder but
//! that.

use std::ffi::CStr;
use std::sync::Once;

use turbojpeg::raw as tj;

use super::jpeg_warnings;
pub(crate) use super::jpeg_warnings::Oddities;
use crate::region::Region;

/// What a JPEG's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JpegHeader {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Whether the pixels are CMYK (or YCCK), four channels.
    pub cmyk: bool,
    /// Width in pixels of the blocks that a region's left edge must stand on.
    pub block_width: usize,
    /// Whether the file is losslessly coded, which cannot be decoded by region.
    pub lossless: bool,
    /// Bits per sample: 8 in nearly every file, 12 and 16 exist.
    pub precision: usize,
}

/// A libjpeg-turbo decoder, reused from frame to frame.
pub(crate) struct JpegDecoder(tj::tjhandle);

// SAFETY: a TurboJPEG instance has no ties to the thread that made it; `&mut self` on
// every method keeps it to one thread at a time.
unsafe impl Send for JpegDecoder {}

impl JpegDecoder {
    /// A decoder that refuses to use more than `memory_mb` megabytes for its own buffers
    /// (a progressive file makes it hold all coefficients) and gives up on files of more
    /// than `SCAN_LIMIT` scans. `None` when libjpeg-turbo has no memory for an instance.
    pub(crate) fn new(memory_mb: usize) -> Option<Self> {
        /// Ordinary progressive files have about ten; hostile ones thousands.
        const SCAN_LIMIT: i32 = 100;
        // For transformations, which includes decoding: see `jpeg_warnings::judge`.
        // SAFETY: no preconditions; a null handle is handled.
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_TRANSFORM as _) };
        if handle.is_null() {
            return None;
        }
        let mut decoder = Self(handle);
        if !jpeg_warnings::judge(handle) {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                log::warn!("this libjpeg-turbo is of another make: all its warnings are damage");
            });
        }
        decoder.set(
            tj::TJPARAM_TJPARAM_MAXMEMORY,
            i32::try_from(memory_mb).unwrap_or(i32::MAX),
        );
        decoder.set(tj::TJPARAM_TJPARAM_SCANLIMIT, SCAN_LIMIT);
        Some(decoder)
    }

    fn set(&mut self, parameter: tj::TJPARAM, value: i32) {
        // SAFETY: the handle is valid; an unknown parameter or value is refused by code.
        unsafe { tj::tj3Set(self.0, parameter as _, value) };
    }

    fn get(&self, parameter: tj::TJPARAM) -> i32 {
        // SAFETY: the handle is valid; an unknown parameter gives -1.
        unsafe { tj::tj3Get(self.0, parameter as _) }
    }

    fn last_error(&self) -> String {
        // SAFETY: the handle is valid and the returned text is NUL-terminated.
        unsafe { CStr::from_ptr(tj::tj3GetErrorStr(self.0)) }
            .to_string_lossy()
            .into_owned()
    }

    /// Reads the header of `jpeg`.
    ///
    /// # Errors
    /// libjpeg-turbo's own words.
    pub(crate) fn header(&mut self, jpeg: &[u8]) -> Result<JpegHeader, String> {
        // SAFETY: pointer and length are of one live slice.
        unsafe { tj::tj3DecompressHeader(self.0, jpeg.as_ptr(), jpeg.len() as _) };
        let (width, height) = (
            self.get(tj::TJPARAM_TJPARAM_JPEGWIDTH),
            self.get(tj::TJPARAM_TJPARAM_JPEGHEIGHT),
        );
        // The call's own code is not asked: a mere warning has a size, an error has none.
        if width <= 0 || height <= 0 {
            return Err(self.last_error());
        }
        let colors = self.get(tj::TJPARAM_TJPARAM_COLORSPACE);
        let narrow = [
            tj::TJSAMP_TJSAMP_444,
            tj::TJSAMP_TJSAMP_440,
            tj::TJSAMP_TJSAMP_GRAY,
        ];
        let wide = [tj::TJSAMP_TJSAMP_411, tj::TJSAMP_TJSAMP_441];
        let sampling = self.get(tj::TJPARAM_TJPARAM_SUBSAMP);
        let block_width = match sampling {
            s if narrow.contains(&s) => 8,
            s if wide.contains(&s) => 32,
            s if s == tj::TJSAMP_TJSAMP_UNKNOWN => 0,
            _ => 16,
        };
        Ok(JpegHeader {
            width: width as usize,
            height: height as usize,
            cmyk: colors == tj::TJCS_TJCS_CMYK as i32 || colors == tj::TJCS_TJCS_YCCK as i32,
            block_width,
            lossless: self.get(tj::TJPARAM_TJPARAM_LOSSLESS) == 1,
            precision: self.get(tj::TJPARAM_TJPARAM_PRECISION).max(0) as usize,
        })
    }

    /// Decodes into `pixels` (interleaved RGB, or CMYK as the file has it when `cmyk`),
    /// scaled by eighths (8 = full size, the only exact one), and only `region` of the
    /// scaled picture where one is given; its left edge must stand on a block.
    /// `header` must have been called with the same bytes. What was odd about them, but no
    /// damage.
    ///
    /// # Errors
    /// libjpeg-turbo's own words; damage anywhere in the data is an error.
    pub(crate) fn decode(
        &mut self,
        jpeg: &[u8],
        cmyk: bool,
        eighths: usize,
        region: Option<Region>,
        (width, height): (usize, usize),
        pixels: &mut [u8],
    ) -> Result<Oddities, String> {
        assert!((1..=8).contains(&eighths), "a scale in eighths");
        let (format, channels) = if cmyk {
            (tj::TJPF_TJPF_CMYK, 4)
        } else {
            (tj::TJPF_TJPF_RGB, 3)
        };
        assert!(
            pixels.len() >= width * height * channels,
            "the caller sized the buffer"
        );
        let (crop, scale) = (cropping(region), scaling(eighths));
        // SAFETY: the handle is valid. `pixels` holds `height` rows of `width * channels`
        // bytes (asserted above). libjpeg-turbo writes the scaled size of the picture, or
        // the region; both calls before the last fail, and end this function, if the
        // region does not lie inside the scaled picture, and the caller's size is checked
        // against what will be written.
        unsafe {
            if tj::tj3SetScalingFactor(self.0, scale) != 0
                || tj::tj3SetCroppingRegion(self.0, crop) != 0
            {
                return Err(self.last_error());
            }
            let written = region.map_or(
                (
                    scaled(self.get(tj::TJPARAM_TJPARAM_JPEGWIDTH) as usize, eighths),
                    scaled(self.get(tj::TJPARAM_TJPARAM_JPEGHEIGHT) as usize, eighths),
                ),
                |r| (r.width, r.height),
            );
            assert_eq!(written, (width, height), "the caller computed the size");
            jpeg_warnings::take();
            let code = tj::tj3Decompress8(
                self.0,
                jpeg.as_ptr(),
                jpeg.len() as _,
                pixels.as_mut_ptr(),
                (width * channels) as _,
                format as _,
            );
            // A warning that is no harmless one counts, too: half the picture may be grey.
            if code == 0 {
                Ok(jpeg_warnings::take())
            } else {
                Err(self.last_error())
            }
        }
    }
}

impl Drop for JpegDecoder {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init and is not used again.
        unsafe { tj::tj3Destroy(self.0) }
    }
}

/// The region in TurboJPEG's words; zeros for all of it.
fn cropping(region: Option<Region>) -> tj::tjregion {
    let Region {
        x,
        y,
        width,
        height,
    } = region.unwrap_or_default();
    tj::tjregion {
        x: x as _,
        y: y as _,
        w: width as _,
        h: height as _,
    }
}

/// The scale in lowest terms: libjpeg-turbo knows no other.
fn scaling(eighths: usize) -> tj::tjscalingfactor {
    let common = 1 << eighths.trailing_zeros().min(3);
    tj::tjscalingfactor {
        num: (eighths / common) as _,
        denom: (8 / common) as _,
    }
}

/// A side of `length` pixels after scaling by `eighths`, rounded up as libjpeg-turbo does.
pub(crate) fn scaled(length: usize, eighths: usize) -> usize {
    (length * eighths).div_ceil(8)
}
