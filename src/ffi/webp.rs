//! libwebp's demultiplexer and decoder, which PIL reads WebP with, too. No safe interface to
//! them gives a frame of an animation without the others, or writes into memory of ours.

use std::marker::PhantomData;
use std::mem::zeroed;
use std::ptr::{NonNull, null_mut};
use std::slice::from_raw_parts;

use libwebp_sys::{
    VP8StatusCode as Status, WEBP_CSP_MODE, WEBP_DEMUX_ABI_VERSION, WebPChunkIterator, WebPData,
    WebPDecode, WebPDecoderConfig, WebPDemuxDelete, WebPDemuxGetChunk, WebPDemuxGetFrame,
    WebPDemuxGetI, WebPDemuxInternal, WebPDemuxReleaseChunkIterator, WebPDemuxReleaseIterator,
    WebPDemuxer, WebPFormatFeature, WebPIterator, WebPRGBABuffer,
};

/// The parts of a WebP file.
pub(crate) struct WebpFile<'a> {
    demuxer: NonNull<WebPDemuxer>,
    bytes: PhantomData<&'a [u8]>,
}

/// A frame of a file: where it stands on the canvas, in pixels, and how it is coded.
pub(crate) struct WebpFrame<'a> {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    coded: &'a [u8],
}

impl<'a> WebpFile<'a> {
    /// Takes a file apart; `None` where it is not whole.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        let data = WebPData {
            bytes: bytes.as_ptr(),
            size: bytes.len(),
        };
        let version = WEBP_DEMUX_ABI_VERSION as _;
        // SAFETY: pointer and length are of one slice, which lives as long as what is made
        // here; no state is asked for.
        let demuxer = unsafe { WebPDemuxInternal(&raw const data, 0, null_mut(), version) };
        Some(Self {
            demuxer: NonNull::new(demuxer)?,
            bytes: PhantomData,
        })
    }

    /// Width and height of the canvas in pixels.
    pub(crate) fn size(&self) -> (usize, usize) {
        use WebPFormatFeature::{WEBP_FF_CANVAS_HEIGHT, WEBP_FF_CANVAS_WIDTH};
        // SAFETY: the demultiplexer is valid until it is dropped.
        [WEBP_FF_CANVAS_WIDTH, WEBP_FF_CANVAS_HEIGHT]
            .map(|side| unsafe { WebPDemuxGetI(self.demuxer.as_ptr(), side) } as usize)
            .into()
    }

    /// The picture, or the first of an animation.
    pub(crate) fn first_frame(&self) -> Option<WebpFrame<'a>> {
        // SAFETY: all zeros are a valid value of this plain C structure.
        let mut found: WebPIterator = unsafe { zeroed() };
        // SAFETY: the demultiplexer is valid, and `found` lives on this stack.
        let any = unsafe { WebPDemuxGetFrame(self.demuxer.as_ptr(), 1, &raw mut found) };
        if any == 0 {
            return None;
        }
        // SAFETY: what is found lies in the file, which outlives the frame.
        let coded = unsafe { self.slice(found.fragment) };
        // SAFETY: it was filled above and is not used again.
        unsafe { WebPDemuxReleaseIterator(&raw mut found) };
        let [x, y, width, height] = [found.x_offset, found.y_offset, found.width, found.height]
            .map(|number| usize::try_from(number).ok());
        Some(WebpFrame {
            x: x?,
            y: y?,
            width: width?,
            height: height?,
            coded: coded?,
        })
    }

    /// The first chunk of a name.
    pub(crate) fn chunk(&self, name: &[u8; 4]) -> Option<&'a [u8]> {
        // SAFETY: all zeros are a valid value of this plain C structure.
        let mut found: WebPChunkIterator = unsafe { zeroed() };
        let (demuxer, name) = (self.demuxer.as_ptr(), name.as_ptr().cast());
        // SAFETY: the demultiplexer is valid, four bytes of the name are read, and `found`
        // lives on this stack.
        if unsafe { WebPDemuxGetChunk(demuxer, name, 1, &raw mut found) } == 0 {
            return None;
        }
        // SAFETY: what is found lies in the file.
        let chunk = unsafe { self.slice(found.chunk) };
        // SAFETY: it was filled above and is not used again.
        unsafe { WebPDemuxReleaseChunkIterator(&raw mut found) };
        chunk
    }

    /// # Safety
    /// The data must lie in the file that this was made of.
    unsafe fn slice(&self, data: WebPData) -> Option<&'a [u8]> {
        // SAFETY: the caller's promise.
        (!data.bytes.is_null()).then(|| unsafe { from_raw_parts(data.bytes, data.size) })
    }
}

impl Drop for WebpFile<'_> {
    fn drop(&mut self) {
        // SAFETY: it came from WebPDemuxInternal and is not used again.
        unsafe { WebPDemuxDelete(self.demuxer.as_ptr()) }
    }
}

impl WebpFrame<'_> {
    /// Decodes to RGB: its rows begin in `pixels` every `stride` bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(&self, pixels: &mut [u8], stride: usize) -> Result<(), &'static str> {
        let wide = i32::try_from(stride).map_err(|_| "its rows are too long")?;
        let Ok(mut config) = WebPDecoderConfig::new() else {
            return Err("this libwebp is of another version than its headers");
        };
        config.output.colorspace = WEBP_CSP_MODE::MODE_RGB;
        config.output.is_external_memory = 1;
        config.output.u.RGBA = WebPRGBABuffer {
            rgba: pixels.as_mut_ptr(),
            stride: wide,
            size: pixels.len(),
        };
        // SAFETY: pointer and length are of one live slice. libwebp writes only where the
        // size and stride above allow it: it compares them with the size in the frame's own
        // header, and refuses what does not fit. Such memory it neither keeps nor frees.
        let status = unsafe { WebPDecode(self.coded.as_ptr(), self.coded.len(), &raw mut config) };
        let size = [config.output.width, config.output.height];
        match status {
            Status::VP8_STATUS_OK
                if size.map(|side| side as usize) == [self.width, self.height] =>
            {
                Ok(())
            }
            Status::VP8_STATUS_OK => Err("its frame has another size than its data"),
            Status::VP8_STATUS_OUT_OF_MEMORY => Err("there is no memory for it"),
            Status::VP8_STATUS_SUSPENDED | Status::VP8_STATUS_NOT_ENOUGH_DATA => {
                Err("its data end too early")
            }
            Status::VP8_STATUS_UNSUPPORTED_FEATURE => Err("it asks for what WebP does not have"),
            Status::VP8_STATUS_INVALID_PARAM => Err("its frame is larger than its canvas"),
            _ => Err("its data have no meaning"),
        }
    }
}
