//! The header of a YUV4MPEG2 stream (mjpegtools' yuv4mpeg(5)): size, chroma and range.

use super::{Matrix, PixelFormat, RawFormat};

/// What such a stream begins with.
pub(super) const MAGIC: &[u8] = b"YUV4MPEG2";
/// What every frame's header line begins with.
pub(super) const FRAME: &[u8] = b"FRAME";

/// Reads the header line, without its line feed. It does not say by which recommendation
/// colours are meant: FFmpeg, and whoever follows it, means BT.601.
pub(super) fn parse_header(line: &str) -> Result<RawFormat, String> {
    let (mut width, mut height, mut chroma, mut full_range) = (0, 0, "420", false);
    for field in line.split(' ').skip(1).filter(|f| !f.is_empty()) {
        let (tag, value) = field.split_at(field.chars().next().map_or(0, char::len_utf8));
        let side = || {
            value
                .parse()
                .map_err(|_| format!("`{field}` is not a size"))
        };
        match tag {
            "W" => width = side()?,
            "H" => height = side()?,
            "C" => chroma = value,
            "X" if value == "COLORRANGE=FULL" => full_range = true,
            _ => {}
        }
    }
    let pixels = match chroma {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => PixelFormat::Yuv420p,
        "422" => PixelFormat::Yuv422p,
        "444" => PixelFormat::Yuv444p,
        "mono" => PixelFormat::Gray8,
        other => {
            return Err(format!(
                "chroma `{other}`, expected 8-bit 420, 422, 444 or mono (ffmpeg -pix_fmt yuv420p)"
            ));
        }
    };
    if width == 0 || height == 0 {
        return Err(format!("the size is {width}x{height}"));
    }
    Ok(RawFormat {
        pixels,
        width,
        height,
        full_range,
        matrix: Matrix::Bt601,
    })
}

#[cfg(test)]
mod tests {
    use super::parse_header;
    use crate::pipeline::capture::{Matrix, PixelFormat, RawFormat};

    #[test]
    fn headers_are_read_as_ffmpeg_writes_them() {
        let line = "YUV4MPEG2 W320 H240 F30:1 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL";
        let expected = RawFormat {
            pixels: PixelFormat::Yuv420p,
            width: 320,
            height: 240,
            full_range: true,
            matrix: Matrix::Bt601,
        };
        assert_eq!(parse_header(line), Ok(expected));
        let cases = [
            ("YUV4MPEG2 W0 H240", "the size is 0x240"),
            ("YUV4MPEG2 Wx H240", "`Wx` is not a size"),
            (
                "YUV4MPEG2 W2 H2 C420p10",
                "chroma `420p10`, expected 8-bit 420, 422, 444 or mono (ffmpeg -pix_fmt yuv420p)",
            ),
        ];
        for (line, error) in cases {
            assert_eq!(parse_header(line).unwrap_err(), error);
        }
    }
}
