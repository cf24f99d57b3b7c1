//! A camera that needs no hardware: it draws the kind of pictures that the bundled
//! `shapes` model was trained on (scripts/trainer/ocelli_trainer/data/shapes.py), at a frame rate. The truth
//! stands in the frame's source, `synthetic:circle`.

use std::f32::consts::{PI, TAU};
use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{Encoding, Frame, Matrix, PixelFormat, Pull, RawFormat, Source};

/// What is drawn, in the model's own order.
const SHAPES: [&str; 4] = ["circle", "square", "star", "triangle"];
/// Frames for which a shape stays.
const HOLD: u64 = 30;
/// Places in the noise at which a row's may begin: enough that no two frames look alike.
const NOISE: usize = 1 << 15;

/// What follows `synthetic:`, such as `fps=30,frames=100,size=320x240,seed=1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SyntheticSettings {
    /// Frames per second; 0 draws as fast as they are taken, and drops none.
    pub fps: f64,
    /// Frames after which it ends.
    pub frames: Option<u64>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Seed of everything random.
    pub seed: u64,
}

impl SyntheticSettings {
    /// Whether it has a clock of its own.
    pub fn is_live(&self) -> bool {
        self.fps > 0.0
    }
}

impl Default for SyntheticSettings {
    fn default() -> Self {
        Self {
            fps: 30.0,
            frames: None,
            width: 320,
            height: 240,
            seed: 1,
        }
    }
}

impl FromStr for SyntheticSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut settings = Self::default();
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let (key, value) = item.split_once('=').unwrap_or((item, ""));
            let bad = || format!("`{item}`, expected fps=30, frames=100, size=320x240 or seed=1");
            match key {
                "fps" => {
                    settings.fps = value
                        .parse()
                        .ok()
                        .filter(|f: &f64| *f == 0.0 || (0.01..=1000.0).contains(f))
                        .ok_or_else(bad)?
                }
                "frames" => settings.frames = Some(value.parse().map_err(|_| bad())?),
                "seed" => settings.seed = value.parse().map_err(|_| bad())?,
                "size" => {
                    let sides = value
                        .split_once('x')
                        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
                    let usable = |(w, h): &(usize, usize)| {
                        (16..=4096).contains(w) && (16..=4096).contains(h)
                    };
                    (settings.width, settings.height) = sides.filter(usable).ok_or_else(bad)?;
                }
                _ => return Err(bad()),
            }
        }
        Ok(settings)
    }
}

impl fmt::Display for SyntheticSettings {
    /// The rate, and what else is not as usual.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        write!(f, "fps={}", self.fps)?;
        if let Some(frames) = self.frames {
            write!(f, ",frames={frames}")?;
        }
        if (self.width, self.height) != (usual.width, usual.height) {
            write!(f, ",size={}x{}", self.width, self.height)?;
        }
        if self.seed != usual.seed {
            write!(f, ",seed={}", self.seed)?;
        }
        Ok(())
    }
}

/// The source.
pub(crate) struct Synthetic {
    settings: SyntheticSettings,
    drawn: u64,
    scene: Option<Scene>,
    started: Option<Instant>,
}

impl Synthetic {
    /// A source that draws by `settings`.
    pub(super) fn new(settings: SyntheticSettings) -> Self {
        Self {
            settings,
            drawn: 0,
            scene: None,
            started: None,
        }
    }
}

impl Source for Synthetic {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        let settings = self.settings;
        if settings.frames.is_some_and(|frames| self.drawn >= frames) {
            return Pull::End;
        }
        let first = *self.started.get_or_insert_with(Instant::now);
        if settings.is_live() {
            let due = first + Duration::from_secs_f64(self.drawn as f64 / settings.fps);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let started = Instant::now();
        let scene = match self.scene.take() {
            Some(scene) if !self.drawn.is_multiple_of(HOLD) => scene,
            last => {
                let pixels = last.map(|scene| scene.clean).unwrap_or_default();
                Scene::new(&settings, self.drawn / HOLD, pixels)
            }
        };
        let scene = self.scene.insert(scene);
        scene.draw(self.drawn, &mut frame.bytes);
        frame.source.clear();
        frame.source.push_str("synthetic:");
        frame.source.push_str(SHAPES[scene.shape]);
        let (width, height) = (settings.width, settings.height);
        frame.encoding = Encoding::Raw(RawFormat {
            pixels: PixelFormat::Rgb24,
            width,
            height,
            full_range: true,
            matrix: Matrix::default(),
        });
        frame.stamp(started);
        self.drawn += 1;
        Pull::Frame
    }

    fn count(&self) -> Option<u64> {
        self.settings.frames
    }
}

type Rgb = [f32; 3];

/// One picture's content; only its noise changes from frame to frame. Both are drawn once,
/// so that many such cameras are no load of their own.
struct Scene {
    width: usize,
    height: usize,
    seed: u64,
    shape: usize,
    /// Two background colours and the share in which the second is mixed in.
    background: (Rgb, Rgb, f32),
    /// Direction and frequency of its stripes, per side.
    stripes: (f32, f32),
    figure: Rgb,
    /// Centre, radius (of the corners) in pixels and rotation.
    place: (f32, f32, f32, f32),
    /// The picture without noise, RGB pixels row by row.
    clean: Vec<u8>,
    /// The noise of a row, from any of [`NOISE`] places on.
    noise: Vec<i8>,
}

impl Scene {
    /// Scene `index`, painted into `pixels`.
    fn new(settings: &SyntheticSettings, index: u64, pixels: Vec<u8>) -> Self {
        let seed = settings
            .seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(index);
        let mut rng = Rng::with_seed(seed);
        let side = settings.width.min(settings.height) as f32;
        let mut color = |below: f32| -> Rgb { std::array::from_fn(|_| rng.f32() * below) };
        let (a, b) = (color(150.0), color(150.0));
        let luma = |c: &Rgb| 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
        // The figure is lighter than its background, as in training.
        let figure = loop {
            let candidate = color(256.0);
            if luma(&candidate) > luma(&a).max(luma(&b)) + 60.0 {
                break candidate;
            }
        };
        let radius = (0.25 + 0.13 * rng.f32()) * side;
        let mut within = |length: usize| {
            let free = side - 2.0 * radius;
            (length as f32 - side) / 2.0 + radius + free * rng.f32()
        };
        let centre = (within(settings.width), within(settings.height));
        let mut scene = Self {
            width: settings.width,
            height: settings.height,
            seed,
            shape: (index as usize + settings.seed as usize) % SHAPES.len(),
            background: (a, b, 0.15 + 0.45 * rng.f32()),
            stripes: (TAU * rng.f32(), 2.0 + 5.0 * rng.f32()),
            figure,
            place: (centre.0, centre.1, radius, TAU * rng.f32()),
            clean: pixels,
            noise: Vec::new(),
        };
        // The standard deviation is 2 to 10. The sum of three uniform numbers is near enough
        // to a normal one: its deviation is 1/2.
        let deviation = 2.0 + 8.0 * rng.f32();
        let mut normal = || 2.0 * (rng.f32() + rng.f32() + rng.f32() - 1.5);
        let noise = (0..NOISE + settings.width * 3).map(|_| (deviation * normal()).round() as i8);
        scene.noise = noise.collect();
        scene.paint();
        scene
    }

    /// Paints the picture without noise.
    fn paint(&mut self) {
        let (a, b, mix) = self.background;
        let (sin, cos) = self.stripes.0.sin_cos();
        let per_pixel = TAU * self.stripes.1 / self.width.min(self.height) as f32;
        let mut pixels = std::mem::take(&mut self.clean);
        pixels.clear();
        pixels.reserve_exact(self.width * self.height * 3);
        for y in 0..self.height {
            for x in 0..self.width {
                let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
                let wave = 0.5 + 0.5 * (per_pixel * (cos * x + sin * y)).sin();
                let covered = (0.5 - self.distance(x, y)).clamp(0.0, 1.0);
                for channel in 0..3 {
                    let ground = a[channel] + (b[channel] - a[channel]) * wave * mix;
                    let value = ground + (self.figure[channel] - ground) * covered;
                    pixels.push(value.round() as u8);
                }
            }
        }
        self.clean = pixels;
    }

    /// Draws a frame: RGB pixels, row by row.
    fn draw(&self, frame: u64, pixels: &mut Vec<u8>) {
        let mut rng = Rng::with_seed(self.seed ^ frame.rotate_left(32));
        pixels.resize(self.clean.len(), 0);
        let rows = self.clean.chunks_exact(self.width * 3);
        for (to, clean) in pixels.chunks_exact_mut(self.width * 3).zip(rows) {
            let noise = &self.noise[rng.usize(..NOISE)..];
            for ((to, clean), noise) in to.iter_mut().zip(clean).zip(noise) {
                *to = clean.saturating_add_signed(*noise);
            }
        }
    }

    /// Distance in pixels to the figure's edge, negative inside.
    fn distance(&self, x: f32, y: f32) -> f32 {
        let (centre_x, centre_y, radius, rotation) = self.place;
        let (dx, dy) = (x - centre_x, y - centre_y);
        let length = dx.hypot(dy);
        if length > radius + 1.0 {
            return length - radius;
        }
        match SHAPES[self.shape] {
            "circle" => length - radius,
            "star" => star(length, dy.atan2(dx) - rotation, radius),
            shape => {
                let corners = if shape == "square" { 4.0 } else { 3.0 };
                polygon(length, dy.atan2(dx) - rotation, radius, corners)
            }
        }
    }
}

/// Distance to the nearest side of a regular polygon with a corner at angle 0.
fn polygon(length: f32, angle: f32, radius: f32, corners: f32) -> f32 {
    let sector = TAU / corners;
    let from_middle = (angle.rem_euclid(sector)) - sector / 2.0;
    length * from_middle.cos() - radius * (PI / corners).cos()
}

/// Distance to the nearest side of a star of five points, whose inner corners are at 0.42
/// of the radius.
fn star(length: f32, angle: f32, radius: f32) -> f32 {
    let half = PI / 5.0;
    let folded = (angle.rem_euclid(2.0 * half) - half).abs();
    // From an outer corner (folded = half) to an inner one (folded = 0).
    let (outer_x, outer_y) = (radius * half.cos(), radius * half.sin());
    let (edge_x, edge_y) = (outer_x - 0.42 * radius, outer_y);
    let (px, py) = (length * folded.cos() - 0.42 * radius, length * folded.sin());
    (px * edge_y - py * edge_x) / edge_x.hypot(edge_y)
}

#[cfg(test)]
mod tests {
    use super::SyntheticSettings;

    #[test]
    fn settings_are_read_or_refused_by_name() {
        let parsed: SyntheticSettings = "fps=0,size=64x48,frames=3".parse().unwrap();
        assert_eq!(
            parsed,
            SyntheticSettings {
                fps: 0.0,
                frames: Some(3),
                width: 64,
                height: 48,
                seed: 1
            }
        );
        for bad in ["fps=-1", "size=8x8", "size=64", "colour=red", "frames=x"] {
            let expected = format!("`{bad}`, expected fps=30, frames=100, size=320x240 or seed=1");
            assert_eq!(bad.parse::<SyntheticSettings>().unwrap_err(), expected);
        }
    }
}
