//! What the camera says about itself, as USB Video Class 1.0 lays it out.

use crate::pictures::{Format, Mode};

/// One payload: what uvcvideo asks for in one go, 32 packets of 512 bytes.
pub const MAX_PAYLOAD: u32 = 16384;
const ENDPOINT: u8 = 0x81;

/// A camera: its modes, rates and name.
pub struct Camera {
    pub modes: Vec<Mode>,
    /// Times between frames in units of 100 ns; the first is the default.
    pub intervals: Vec<u32>,
    pub serial: String,
}

impl Camera {
    fn formats(&self) -> Vec<Format> {
        let mut formats = vec![Format::Mjpeg, Format::Yuyv];
        formats.retain(|format| self.modes.iter().any(|mode| mode.format == *format));
        formats
    }

    /// The mode of these two numbers, which count from 1.
    pub fn mode(&self, format: u8, frame: u8) -> Option<&Mode> {
        let format = *self.formats().get(usize::from(format).checked_sub(1)?)?;
        let mut modes = self.modes.iter().filter(|mode| mode.format == format);
        modes.nth(usize::from(frame).checked_sub(1)?)
    }

    /// The interval that is nearest to the one that is wanted.
    pub fn nearest(&self, wanted: u32) -> u32 {
        let nearest = self.intervals.iter().min_by_key(|i| i.abs_diff(wanted));
        nearest.copied().unwrap_or(wanted)
    }

    /// EF/02/01: interface association; 1209:0001 is pid.codes' number for tests.
    pub fn device_descriptor() -> Vec<u8> {
        vec![
            18, 1, 0, 2, 0xef, 2, 1, 64, 0x09, 0x12, 0x01, 0x00, 0, 1, 1, 2, 3, 1,
        ]
    }

    pub fn string_descriptor(&self, index: u8) -> Option<Vec<u8>> {
        let text = match index {
            0 => return Some(vec![4, 3, 0x09, 0x04]),
            1 => "Ocelli",
            2 => "Simulated webcam",
            3 => &self.serial,
            _ => return None,
        };
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Some([&[utf16.len() as u8 + 2, 3], &utf16[..]].concat())
    }

    pub fn configuration_descriptor(&self) -> Vec<u8> {
        let (streaming, formats) = (self.streaming(), self.formats().len() as u8);
        let total = 13 + u16::from(formats) + streaming.len() as u16;
        let mut header = vec![13 + formats, 0x24, 0x01, formats];
        header.extend(total.to_le_bytes());
        header.extend([ENDPOINT, 0, 3, 0, 0, 0, 1]);
        header.extend(std::iter::repeat_n(0, usize::from(formats)));

        let mut body = vec![8, 11, 0, 2, 0x0e, 3, 0, 2]; // association: interfaces 0 and 1
        body.extend([9, 4, 0, 0, 0, 0x0e, 1, 0, 2]); // video control
        body.extend([
            13, 0x24, 0x01, 0x00, 0x01, 40, 0, 0x00, 0x6c, 0xdc, 0x02, 1, 1,
        ]);
        body.extend([
            18, 0x24, 0x02, 1, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0,
        ]); // camera
        body.extend([9, 0x24, 0x03, 3, 0x01, 0x01, 0, 1, 0]); // to USB
        body.extend([9, 4, 1, 0, 1, 0x0e, 2, 0, 0]); // video streaming
        body.extend(header);
        body.extend(streaming);
        body.extend([7, 5, ENDPOINT, 2, 0x00, 0x02, 0]); // bulk, 512

        let mut all = vec![9, 2];
        all.extend((9 + body.len() as u16).to_le_bytes());
        all.extend([2, 1, 0, 0x80, 250]);
        all.extend(body);
        all
    }

    /// The formats and frames of the video streaming interface.
    fn streaming(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (place, format) in self.formats().into_iter().enumerate() {
            let modes: Vec<_> = self.modes.iter().filter(|m| m.format == format).collect();
            let (index, count) = (place as u8 + 1, modes.len() as u8);
            let frame_type = match format {
                Format::Mjpeg => {
                    out.extend([11, 0x24, 0x06, index, count, 1, 1, 0, 0, 0, 0]);
                    0x07
                }
                Format::Yuyv => {
                    out.extend([27, 0x24, 0x04, index, count]);
                    out.extend(*b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
                    out.extend([16, 1, 0, 0, 0, 0]);
                    0x05
                }
            };
            for (place, mode) in modes.iter().enumerate() {
                self.frame(&mut out, frame_type, place as u8 + 1, mode);
            }
            out.extend([6, 0x24, 0x0d, 1, 1, 4]); // sRGB, BT.709, SMPTE 170M
        }
        out
    }

    fn frame(&self, out: &mut Vec<u8>, frame_type: u8, index: u8, mode: &Mode) {
        let (bytes, rates) = (mode.frame_bytes(), self.intervals.len() as u8);
        out.extend([26 + 4 * rates, 0x24, frame_type, index, 0]);
        out.extend(mode.width.to_le_bytes());
        out.extend(mode.height.to_le_bytes());
        for value in [bytes * 8, bytes * 8 * 30, bytes, self.intervals[0]] {
            out.extend(value.to_le_bytes());
        }
        out.push(rates);
        out.extend(self.intervals.iter().flat_map(|i| i.to_le_bytes()));
    }
}

/// What probe and commit negotiate.
#[derive(Clone, Copy)]
pub struct Negotiated {
    pub format: u8,
    pub frame: u8,
    /// In units of 100 ns.
    pub interval: u32,
}

impl Negotiated {
    pub fn encode(&self, camera: &Camera) -> Vec<u8> {
        let mode = camera.mode(self.format, self.frame);
        let mut out = vec![1, 0, self.format, self.frame];
        out.extend(self.interval.to_le_bytes());
        out.extend([0; 10]);
        out.extend(mode.map_or(0, Mode::frame_bytes).to_le_bytes());
        out.extend(MAX_PAYLOAD.to_le_bytes());
        out
    }

    pub fn accept(&mut self, camera: &Camera, data: &[u8]) {
        if let [_, _, format, frame, a, b, c, d, ..] = *data
            && camera.mode(format, frame).is_some()
        {
            (self.format, self.frame) = (format, frame);
            self.interval = camera.nearest(u32::from_le_bytes([a, b, c, d]));
        }
    }
}
