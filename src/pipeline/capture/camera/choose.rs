//! Which of a camera's modes to use. The cheapest is enough: more pixels than the model
//! looks at only cost bandwidth, decoding and heat.

use super::modes::{Coding, Mode, ModeRequest};
use crate::pipeline::capture::PixelFormat;

/// Fewer frames per second than this are taken only if there is nothing else.
const FLUENT: f64 = 14.5;
/// More frames per second than this are not asked for.
const PLENTY: f64 = 30.5;

/// The cheapest mode that fits the request; `None` where nothing fits it.
pub(crate) fn choose(modes: &[Mode], request: &ModeRequest) -> Option<Mode> {
    let fits = |mode: &&Mode| {
        request.width.is_none_or(|w| w == mode.width)
            && request.height.is_none_or(|h| h == mode.height)
            && request.coding.is_none_or(|c| c == mode.coding)
            && request
                .fps
                .is_none_or(|fps| (fps - mode.fps).abs() < 0.02 * fps)
    };
    let mut fitting: Vec<Mode> = modes.iter().filter(fits).copied().collect();
    // Without colour only where nothing else is there, or nothing else is wanted.
    let colourless = |mode: &Mode| mode.coding == Coding::Pixels(PixelFormat::Gray8);
    if !request.gray && fitting.iter().any(|mode| !colourless(mode)) {
        fitting.retain(|mode| !colourless(mode));
    }
    fitting.into_iter().min_by(|a, b| {
        let rank = |mode: &Mode| {
            let pixels = f64::from(mode.width) * f64::from(mode.height);
            let covers = request.cover.is_met(mode.width, mode.height);
            let fluent = mode.fps >= FLUENT || request.fps.is_some();
            let cost = pixels * cost(mode.coding);
            let speed = if mode.fps <= PLENTY { mode.fps } else { 0.0 };
            // In hundredths: 29.97 is not 30, but 30.00003 is.
            let off = request
                .fps
                .map_or(0.0, |fps| ((fps - mode.fps).abs() * 100.0).round());
            // A picture that is too small is best when it is largest.
            (
                !covers,
                !fluent,
                off,
                if covers { cost } else { -pixels },
                -speed,
            )
        };
        let (a, b) = (rank(a), rank(b));
        (a.0, a.1)
            .cmp(&(b.0, b.1))
            .then(a.2.total_cmp(&b.2))
            .then(a.3.total_cmp(&b.3))
            .then(a.4.total_cmp(&b.4))
    })
}

/// What a pixel costs from the buffer to the tensor, relative to NV12's (measured:
/// a JPEG has to be decoded, packed RGB has three times the bytes of luma).
fn cost(coding: Coding) -> f64 {
    match coding {
        Coding::Mjpeg => 4.0,
        Coding::Pixels(PixelFormat::Gray8) => 0.6,
        Coding::Pixels(PixelFormat::Nv12 | PixelFormat::Yuv420p) => 1.0,
        Coding::Pixels(PixelFormat::Yuyv | PixelFormat::Yuv422p) => 1.2,
        Coding::Pixels(_) => 1.5,
    }
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::pipeline::capture::PixelFormat;
    use crate::pipeline::capture::camera::modes::{Coding, Cover, Mode, ModeRequest};

    fn mode(fourcc: &[u8; 4], width: u32, height: u32, fps: u32) -> Mode {
        Mode {
            fourcc: *fourcc,
            coding: Coding::from_fourcc(*fourcc).unwrap(),
            width,
            height,
            interval: (1, fps),
            fps: f64::from(fps),
        }
    }

    fn chosen(modes: &[Mode], request: ModeRequest) -> Option<String> {
        choose(modes, &request).map(|mode| mode.to_string())
    }

    #[test]
    fn the_cheapest_mode_that_covers_the_model_is_chosen() {
        let modes = [
            mode(b"MJPG", 1920, 1080, 30),
            mode(b"MJPG", 320, 240, 30),
            mode(b"YUYV", 1280, 720, 10),
            mode(b"YUYV", 640, 480, 30),
            mode(b"YUYV", 640, 480, 60),
            mode(b"YUYV", 320, 240, 30),
            mode(b"GREY", 640, 480, 30),
        ];
        let request = |side: f64| ModeRequest {
            cover: Cover::Both(side, side),
            ..ModeRequest::default()
        };
        assert_eq!(
            chosen(&modes, request(256.0)).unwrap(),
            "yuyv 640x480 at 30 fps"
        );
        assert_eq!(
            chosen(&modes, request(64.0)).unwrap(),
            "yuyv 320x240 at 30 fps"
        );
        // Ten frames per second are worth less than decoding JPEGs.
        assert_eq!(
            chosen(&modes, request(600.0)).unwrap(),
            "mjpeg 1920x1080 at 30 fps"
        );
        // Nothing is large enough: the largest.
        assert_eq!(
            chosen(&modes, request(2000.0)).unwrap(),
            "mjpeg 1920x1080 at 30 fps"
        );
    }

    #[test]
    fn requests_are_kept_and_colour_is_not_given_away() {
        let modes = [mode(b"YUYV", 640, 480, 30), mode(b"GREY", 320, 240, 30)];
        let gray = ModeRequest {
            gray: true,
            ..ModeRequest::default()
        };
        assert_eq!(
            chosen(&modes, ModeRequest::default()).unwrap(),
            "yuyv 640x480 at 30 fps"
        );
        assert_eq!(chosen(&modes, gray).unwrap(), "gray8 320x240 at 30 fps");
        let coding = ModeRequest {
            coding: Some(Coding::Pixels(PixelFormat::Gray8)),
            ..ModeRequest::default()
        };
        assert_eq!(chosen(&modes, coding).unwrap(), "gray8 320x240 at 30 fps");
        let width = ModeRequest {
            width: Some(800),
            ..ModeRequest::default()
        };
        assert_eq!(chosen(&modes, width), None);
    }

    #[test]
    fn a_fractional_rate_is_met_by_its_decimal_name() {
        let mut ntsc = mode(b"YUYV", 640, 480, 30);
        (ntsc.interval, ntsc.fps) = ((1001, 30000), 30000.0 / 1001.0);
        let request = ModeRequest {
            fps: Some(29.97),
            ..ModeRequest::default()
        };
        // Not by its neighbour, although that one is faster.
        let modes = [mode(b"YUYV", 640, 480, 30), ntsc];
        assert_eq!(
            chosen(&modes, request).unwrap(),
            "yuyv 640x480 at 29.97 fps"
        );
        assert_eq!(
            chosen(&modes[..1], request).unwrap(),
            "yuyv 640x480 at 30 fps"
        );
    }
}
