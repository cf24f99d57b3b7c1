//! A camera that is drawn: a scene with its light through the day, sensor noise, and every
//! fault that image health knows. Seeded, so that a failure can be looked at again.

use std::time::{Duration, Instant, UNIX_EPOCH};

use fastrand::Rng;
use ocelli::Model;
use ocelli::model::Overrides;
use ocelli::monitor::{Assessment, Known, Monitor, MonitorOptions, Observation};
use ocelli::pipeline::decode::{Picture, Region, Samples};
use ocelli::pipeline::summary::PictureSummary;

use crate::support::root;

pub const WIDTH: usize = 160;
pub const HEIGHT: usize = 120;

/// What is wrong, as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// Light times so much.
    Light(f32),
    /// A box filter of so many pixels on each side, twice.
    Blur(usize),
    /// A featureless thing over so much of the width and height, from a corner.
    Cover(f32),
    /// The last picture again.
    Freeze,
    /// So many pixels to the side.
    Turn(usize),
    /// Red and blue times so much.
    Tint(f32, f32),
}

/// A scene: how it looks in even light, wider than is seen, and how it is lit.
pub struct Scene {
    pub base: Vec<[f32; 3]>,
    pub noise: f32,
    /// Light at a second of the Unix epoch, 0 to 1 and a little more.
    pub light: fn(u64) -> f32,
    /// Whether it is looked at by infrared light at that second.
    pub infrared: fn(u64) -> bool,
    /// Whether something small moves about.
    pub moves: bool,
}

/// The base is so wide.
pub const WIDE: usize = 2 * WIDTH;

/// Even light.
pub fn lamp(_: u64) -> f32 {
    1.0
}

/// Daylight from 6 to 18, and some light of a street at night.
pub fn daylight(second: u64) -> f32 {
    let hour = (second % 86_400) as f32 / 3600.0;
    let sun = ((hour - 6.0) / 12.0 * std::f32::consts::PI).sin().max(0.0);
    0.35 + 0.65 * sun
}

/// A lamp that goes out from 22 to 6.
pub fn switched(second: u64) -> f32 {
    let hour = second % 86_400 / 3600;
    if (6..22).contains(&hour) { 1.0 } else { 0.02 }
}

pub fn never(_: u64) -> bool {
    false
}

/// Infrared light, before it gets dark: from 17:15 to 6:45.
pub fn at_night(second: u64) -> bool {
    let quarter = second % 86_400 / 900;
    !(27..69).contains(&quarter)
}

impl Scene {
    /// Boxes of all sizes before a gradient, with a fine texture.
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let (top, bottom) = (70.0 + 80.0 * random.f32(), 60.0 + 80.0 * random.f32());
        let mut base: Vec<[f32; 3]> = (0..WIDE * HEIGHT)
            .map(|at| [top + (bottom - top) * (at / WIDE) as f32 / HEIGHT as f32; 3])
            .collect();
        for step in 0..90 {
            let side = if step < 12 { 60 } else { 24 };
            let (w, h) = (random.usize(4..side), random.usize(4..side));
            let (x, y) = (random.usize(0..WIDE - 4), random.usize(0..HEIGHT - 4));
            let gray = 20.0 + 200.0 * random.f32();
            let colour = [0; 3].map(|_| gray + 40.0 * (random.f32() - 0.5));
            let texture = 25.0 * random.f32();
            for row in y..(y + h).min(HEIGHT) {
                for column in x..(x + w).min(WIDE) {
                    let grain = texture * (random.f32() - 0.5);
                    base[row * WIDE + column] = colour.map(|v| v + grain);
                }
            }
        }
        Self {
            base,
            noise: 2.0,
            light: lamp,
            infrared: never,
            moves: true,
        }
    }

    /// A wall: nothing but a gradient.
    pub fn wall() -> Self {
        let mut wall = Self::new(0);
        for (at, pixel) in wall.base.iter_mut().enumerate() {
            *pixel = [150.0 + 20.0 * (at % WIDE) as f32 / WIDE as f32; 3];
        }
        wall.moves = false;
        wall
    }
}

/// A camera at a scene, and its monitor.
pub struct Camera {
    pub scene: Scene,
    pub monitor: Monitor,
    pub second: u64,
    picture: Picture,
    summary: PictureSummary,
    began: (Instant, u64),
    random: Rng,
}

/// A monitor of the bundled model of shapes that knows nothing yet.
pub fn monitor() -> Monitor {
    Monitor::new(known(), MonitorOptions::default())
}

/// What the bundled model of shapes says of itself.
pub fn known() -> Known {
    let model = root().join("models/shapes.onnx");
    Known::new(&Model::open(&model, Overrides::default()).unwrap().manifest)
}

/// 2026-01-05, a Monday, 00:00 UTC.
pub const START: u64 = 1_767_571_200;

impl Camera {
    pub fn new(scene: Scene, monitor: Monitor, seed: u64) -> Self {
        Self {
            scene,
            monitor,
            second: START,
            picture: Picture {
                width: WIDTH,
                height: HEIGHT,
                region: Region {
                    x: 0,
                    y: 0,
                    width: WIDTH,
                    height: HEIGHT,
                },
                eighths: 8,
                samples: Samples::Rgb,
                pixels: vec![0; 3 * WIDTH * HEIGHT],
            },
            summary: PictureSummary::default(),
            began: (Instant::now(), START),
            random: Rng::with_seed(seed),
        }
    }

    /// The next frame, `passed` seconds later.
    pub fn step(&mut self, passed: u64, fault: Fault) -> Assessment {
        self.second += passed;
        if fault != Fault::Freeze {
            self.draw(fault);
        }
        self.summary.measure(&self.picture);
        let (began, first) = self.began;
        *self.monitor.observe(&Observation {
            summary: &self.summary,
            time: UNIX_EPOCH + Duration::from_secs(self.second),
            instant: began + Duration::from_secs(self.second - first),
            sequence: None,
            answer: None,
        })
    }

    /// Shows `days` at a frame every four minutes, for the camera to know its hours.
    pub fn learn(&mut self, days: u64) {
        let end = self.second + days * 86_400;
        while self.second < end {
            let found = self.step(225, Fault::None);
            assert!(found.health.is_empty(), "{found:?} at {}", self.second);
        }
    }

    fn draw(&mut self, fault: Fault) {
        let scene = &self.scene;
        let infrared = (scene.infrared)(self.second);
        let mut light = if infrared {
            0.9
        } else {
            (scene.light)(self.second)
        };
        let (mut offset, mut red, mut blue) = (0, 1.0, 1.0);
        match fault {
            Fault::Light(times) => light *= times,
            Fault::Turn(pixels) => offset = pixels,
            Fault::Tint(r, b) => (red, blue) = (r, b),
            _ => {}
        }
        // Somebody walks through: a grey box of a thirtieth of the view.
        let step = self.second as usize / 2 * 37;
        let (x, y) = (step % WIDTH, 40 + step % 30);
        let mut shown = vec![[0.0; 3]; WIDTH * HEIGHT];
        for (at, out) in shown.iter_mut().enumerate() {
            let (column, row) = (at % WIDTH, at / WIDTH);
            let mut pixel = scene.base[row * WIDE + column + offset];
            if scene.moves && (x..x + 20).contains(&column) && (y..y + 30).contains(&row) {
                pixel = [90.0; 3];
            }
            if infrared {
                pixel = [pixel[1] * 0.6 + 20.0; 3];
            }
            *out = [
                pixel[0] * light * red,
                pixel[1] * light,
                pixel[2] * light * blue,
            ];
        }
        match fault {
            Fault::Blur(radius) => {
                for _ in 0..2 {
                    shown = boxed(&shown, radius);
                }
            }
            Fault::Cover(share) => {
                let share = share.sqrt();
                let (w, h) = (WIDTH as f32 * share, HEIGHT as f32 * share);
                for (at, out) in shown.iter_mut().enumerate() {
                    if ((at % WIDTH) as f32) < w && ((at / WIDTH) as f32) < h {
                        *out = [70.0 + (at % WIDTH) as f32 * 0.05; 3];
                    }
                }
            }
            _ => {}
        }
        let (pixels, _) = self.picture.pixels.as_chunks_mut::<3>();
        for (out, value) in pixels.iter_mut().zip(&shown) {
            // Nearly normal: three uniform numbers of variance 1 / 12 each, and one noise for
            // the three channels of infrared light, as there is one luma only.
            let mut noise = || {
                let bits = self.random.u32(..);
                let parts = [bits & 1023, bits >> 10 & 1023, bits >> 20 & 1023];
                let sum: u32 = parts.iter().sum();
                (sum as f32 / 1024.0 - 1.5) * 2.0 * scene.noise
            };
            let first = noise();
            for channel in 0..3 {
                let noise = if infrared || channel == 0 {
                    first
                } else {
                    noise()
                };
                out[channel] = (value[channel] + noise).round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// A box filter of `radius` pixels on each side.
fn boxed(shown: &[[f32; 3]], radius: usize) -> Vec<[f32; 3]> {
    let mean =
        |from: &[[f32; 3]], at: &dyn Fn(usize) -> usize, length: usize, out: &mut [[f32; 3]]| {
            for place in 0..length {
                let (low, high) = (
                    place.saturating_sub(radius),
                    (place + radius + 1).min(length),
                );
                let mut sum = [0.0; 3];
                for other in low..high {
                    (0..3).for_each(|c| sum[c] += from[at(other)][c]);
                }
                out[at(place)] = sum.map(|v| v / (high - low) as f32);
            }
        };
    let mut rows = shown.to_vec();
    for y in 0..HEIGHT {
        mean(shown, &|x| y * WIDTH + x, WIDTH, &mut rows);
    }
    let mut both = rows.clone();
    for x in 0..WIDTH {
        mean(&rows, &|y| y * WIDTH + x, HEIGHT, &mut both);
    }
    both
}
