//! The ring by the library, with a clock of its own: an hour of a camera in seconds, and what
//! a frame costs that is not kept. The network is replaced by one that reads its answer off
//! the picture.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use ocelli::engine::{Engine, EngineChoice, Identity};
use ocelli::model::Overrides;
use ocelli::monitor::ring::{Reason, Ring, RingCounts, RingOptions, RingSource};
use ocelli::pipeline::capture::{
    ChildHandles, Encoding, Frame, Matrix, Opened, PixelFormat, Policy, Pull, RawFormat, Source,
};
use ocelli::session::{FrameEvent, LiveOptions, LiveSource, NewModel, Observer, Session};
use ocelli::swap::Swap;
use ocelli::tensor::{Elements, Outputs, Tensor};
use ocelli::{EngineOptions, Error, Framing, Model, Pipeline, PipelineMaker, PipelineOptions};
use serde_json::Value;

use crate::allocations::so_far;
use crate::support::{root, scratch};

/// Pixels each way: as many as the network takes, so that they arrive as they are.
const SIDE: usize = 32;
/// Luma of the first pixels, which says what is shown: a known thing, one that is a close
/// call, or, from here on, new ones.
const KNOWN: u8 = 10;
const CLOSE: u8 = 20;
const NEW: u8 = 40;

/// Answers what the first pixel says.
struct Reader {
    identity: Identity,
    means: Vec<Vec<f32>>,
}

impl Engine for Reader {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn run(&mut self, tensor: &Tensor, outputs: &mut Outputs) -> ocelli::Result<()> {
        let Elements::Float32(values) = tensor.elements() else {
            return Err(Error::engine("reader", "expected floats"));
        };
        let level = (values[0] * 0.5 + 0.501_960_8) * 255.0;
        let level = level.round() as u8;
        let logits = if level == CLOSE {
            [5.0, 5.0, 0.0, 0.0]
        } else {
            [20.0, 0.0, 0.0, 0.0]
        };
        outputs.scores.values.clear();
        outputs.scores.values.extend(logits);
        outputs.scores.shape.clear();
        outputs.scores.shape.extend([1, 4]);
        if let Some(embedding) = &mut outputs.embedding {
            let mean = &self.means[0];
            embedding.values.clear();
            // Each new thing is elsewhere.
            let is_new =
                |at: usize| level >= NEW && (at * 7 + usize::from(level)).is_multiple_of(5);
            let features = mean.iter().enumerate();
            embedding
                .values
                .extend(features.map(|(at, mean)| if is_new(at) { mean + 9.0 } else { *mean }));
            embedding.shape.clear();
            embedding.shape.extend([1, mean.len()]);
        }
        Ok(())
    }
}

/// What a frame shows.
struct Shown {
    /// The luma of its first pixels.
    level: u8,
    /// One of many scenes around them.
    scene: u32,
    /// What its source is called.
    name: String,
    /// How long it is waited for.
    pause: Duration,
}

/// A camera that gives `frames`, 30 in a second of its own clock.
struct Camera<F> {
    start: (Instant, SystemTime),
    number: u32,
    frames: u32,
    shows: F,
    /// Its clock stands still while the disk is behind, for which a camera leaves time: what
    /// was missed so far.
    counts: Arc<OnceLock<Arc<RingCounts>>>,
    missed: u64,
}

impl<F: FnMut(u32) -> Shown + Send> Source for Camera<F> {
    fn next(&mut self, frame: &mut Frame) -> Pull {
        if self.number == self.frames {
            return Pull::End;
        }
        let shown = (self.shows)(self.number);
        let after = Duration::from_secs(1) * self.number / 30;
        self.number += 1;
        frame.source = shown.name;
        frame.encoding = Encoding::Raw(RawFormat {
            pixels: PixelFormat::Rgb24,
            width: SIDE,
            height: SIDE,
            full_range: false,
            matrix: Matrix::Bt601,
        });
        frame.time = self.start.1 + after;
        frame.instant = self.start.0 + after;
        frame.bytes.clear();
        let seed = shown.scene.wrapping_mul(2_654_435_761) >> 8 | 1;
        for at in 0..SIDE * SIDE {
            let (x, y) = (at % SIDE, at / SIDE);
            let block = (x / 4 + 8 * (y / 4)) as u32;
            let luma = (block.wrapping_mul(seed) >> 7) as u8;
            let luma = if x < 4 && y < 4 { shown.level } else { luma };
            frame.bytes.extend([luma; 3]);
        }
        std::thread::sleep(shown.pause);
        let counts = self.counts.get();
        let missed = counts.map(|counts| Reason::ALL.map(|reason| counts.missed(reason)));
        let missed = missed.map_or(0, |missed| missed.iter().sum());
        if std::mem::replace(&mut self.missed, missed) < missed {
            std::thread::sleep(Duration::from_millis(20));
        }
        Pull::Frame
    }
}

/// Follows the camera, with a keeper for `options` if there are any, and one who watches.
fn follow<F: FnMut(u32) -> Shown + Send + 'static>(
    (frames, shows): (u32, F),
    options: Option<RingOptions>,
    watcher: Box<dyn Observer>,
) -> Option<Arc<RingCounts>> {
    let path = root().join("models/shapes.onnx");
    let model = Arc::new(Model::open(&path, Overrides::default()).unwrap());
    let engine = EngineOptions {
        choice: EngineChoice::Rten,
        ..EngineOptions::default()
    };
    let pipeline_options = PipelineOptions {
        embedding: true,
        ..PipelineOptions::default()
    };
    let drift = model.manifest.drift.as_ref().unwrap();
    let means = &drift.embedding.as_ref().unwrap().class_means;
    let narrow = |mean: &Vec<f64>| mean.iter().map(|v| *v as f32).collect();
    let reader = Reader {
        identity: Identity {
            engine: "reader".into(),
            provider: "cpu".into(),
            prepared: false,
        },
        means: means.iter().map(narrow).collect(),
    };
    let maker = PipelineMaker::new(model.clone(), &engine, 1, pipeline_options).unwrap();
    let context = maker.context(&reader.identity);
    let pipeline = Pipeline::new(&model, Box::new(reader), pipeline_options).unwrap();
    // Noon of a day in 2026.
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(20_600 * 86_400 + 43_200);
    let counts_seen: Arc<OnceLock<Arc<RingCounts>>> = Arc::default();
    let camera = Camera {
        start: (Instant::now(), noon),
        number: 0,
        frames,
        shows,
        counts: Arc::clone(&counts_seen),
        missed: 0,
    };
    let mut source = LiveSource::new(Opened {
        source: Box::new(camera),
        live: true,
        policy: Policy::Lossless,
        children: ChildHandles::default(),
    });
    let ring = options.map(|options| Ring::open(options).unwrap());
    let counts = ring.map(|ring| {
        let source_of_ring = RingSource {
            name: None,
            folder: None,
            framing: Framing::default(),
            max_pixels: 1_000_000,
        };
        let keeper = ring.keeper(source_of_ring, &context).unwrap();
        let counts = keeper.counts();
        counts_seen.set(counts.clone()).unwrap();
        source.observers.push(Box::new(keeper));
        counts
    });
    source.observers.push(watcher);
    let session = Session {
        sources: vec![source],
        options: LiveOptions::default(),
        maker,
        pipeline,
        observers: Vec::new(),
        swap: Swap::new(|| -> ocelli::Result<NewModel> { Err(Error::usage("test", "no swap")) }),
    };
    session.run(&AtomicBool::new(false)).unwrap();
    counts
}

fn options(folder: &Path) -> RingOptions {
    RingOptions {
        folder: folder.to_owned(),
        free: 0.0,
        // Frames are of another time than this.
        keep_for: Duration::from_secs(100 * 365 * 24 * 60 * 60),
        ..RingOptions::default()
    }
}

/// Bytes and number of the files in a folder, other than the ring's own mark.
fn size(folder: &Path) -> (u64, usize) {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes: Vec<u64> = files
        .filter(|file| file.file_name() != "ring.json")
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .collect();
    (sizes.iter().sum(), sizes.len())
}

/// The entries of a ring, each with a picture that is whole.
pub fn entries(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let paths = files.map(|file| file.path());
    let is_entry = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| is_entry(path) && !path.ends_with("ring.json"))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let entry: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let picture = std::fs::read(path.with_extension("jpg")).unwrap();
        assert_eq!(entry["kept"]["bytes"], picture.len(), "{path:?}");
        assert!(picture.ends_with(&[0xff, 0xd9]), "{path:?}");
        entry
    };
    paths.iter().map(read).collect()
}

/// Looks at a folder's size while it is written.
struct Watcher {
    folder: PathBuf,
    frames: u32,
    largest: Arc<(AtomicU64, AtomicU64)>,
}

impl Observer for Watcher {
    fn on_frame(&mut self, _: &FrameEvent) -> ocelli::Result<()> {
        self.frames += 1;
        if self.frames.is_multiple_of(50) {
            let (bytes, files) = size(&self.folder);
            self.largest.0.fetch_max(bytes, Ordering::Relaxed);
            self.largest.1.fetch_max(files as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn an_hour_of_thirty_frames_a_second_stays_within_its_limits_and_keeps_what_is_new() {
    const HOUR: u32 = 60 * 60 * 30;
    const FILES: u64 = 300;
    let folder = scratch("ring-hour").join("ring");
    // Sixty new things are there for two seconds, one each minute. For three minutes every
    // answer is a close one, and the scene another one twice a second.
    let shows = |number: u32| {
        let (minute, frame) = (number / 1800, number % 1800);
        let (level, scene, name) = match (minute, frame) {
            (_, 900..960) => (NEW + 3 * minute as u8, minute, format!("new:{minute}")),
            (20..23, _) => (CLOSE, number / 15, "close".to_owned()),
            _ => (KNOWN, 9, "known".to_owned()),
        };
        Shown {
            level,
            scene,
            pause: Duration::ZERO,
            name,
        }
    };
    let largest = Arc::default();
    let watcher = Watcher {
        folder: folder.clone(),
        frames: 0,
        largest: Arc::clone(&largest),
    };
    let limits = RingOptions {
        bytes: 500_000,
        files: FILES as usize,
        sample: Duration::from_secs(60),
        ..options(&folder)
    };
    let counts = follow((HOUR, shows), Some(limits), Box::new(watcher)).unwrap();
    let (bytes, files) = (&largest.0, &largest.1);
    let (bytes, files) = (bytes.load(Ordering::Relaxed), files.load(Ordering::Relaxed));
    let entries = entries(&folder);
    let is_new = |entry: &&Value| entry["source"].as_str().unwrap().starts_with("new:");
    let new: BTreeSet<&str> = entries
        .iter()
        .filter(is_new)
        .filter_map(|entry| entry["source"].as_str())
        .collect();
    println!("{bytes} {files} {} {} {counts:?}", entries.len(), new.len());
    assert!(bytes <= 500_000, "{bytes}");
    // Two more while one is written.
    assert!((FILES - 2..=FILES).contains(&files), "{files}");
    assert!(new.len() >= 57, "{new:?}");
    // Every new thing was kept when it came, if not by chance for the sample.
    assert!(counts.kept(Reason::Novel) >= 57, "{counts:?}");
    // The sample has one of each minute.
    let sample = counts.kept(Reason::Random);
    assert!((57..=60).contains(&sample), "{counts:?}");
    // Of the flood, what is left is no more than its share.
    let close = counts.kept(Reason::Unsure);
    assert!(close > 150, "{counts:?}");
    let left = close - counts.deleted(Reason::Unsure);
    assert!((30..=60).contains(&left), "{counts:?}");
    // Some that were for the sample are counted there.
    let all = close + counts.dropped(Reason::Unsure) + counts.missed(Reason::Unsure);
    assert!((5200..=3 * (1800 - 60)).contains(&all), "{counts:?}");
}

/// Counts the frames, after the first hundred, for which the loop takes memory.
struct Costs {
    frames: u32,
    before: u64,
    dear: Arc<AtomicU64>,
}

impl Observer for Costs {
    fn on_frame(&mut self, _: &FrameEvent) -> ocelli::Result<()> {
        let taken = so_far() - self.before;
        self.frames += 1;
        if self.frames > 100 && taken > 0 {
            self.dear.fetch_add(1, Ordering::Relaxed);
        }
        self.before = so_far();
        Ok(())
    }
}

#[test]
fn a_frame_that_is_not_kept_takes_no_memory() {
    // Of 150 frames after the first hundred, so many take some.
    let dear = |level: u8| {
        let folder = scratch(&format!("ring-costs-{level}")).join("ring");
        let dear = Arc::new(AtomicU64::new(0));
        let costs = Costs {
            frames: 0,
            before: 0,
            dear: dear.clone(),
        };
        // The sample's turn does not come.
        let limits = RingOptions {
            sample: Duration::from_secs(1_000_000_000),
            ..options(&folder)
        };
        let shows = move |number| Shown {
            level,
            scene: 9,
            name: "camera:0".to_owned(),
            // The first is being written; those that are looked at later are not.
            pause: Duration::from_millis(match number {
                15 => 400,
                _ if number % 15 == 0 => 5,
                _ => 0,
            }),
        };
        let counts = follow((250, shows), Some(limits), Box::new(costs)).unwrap();
        (dear.load(Ordering::Relaxed), counts.kept(Reason::Unsure))
    };
    assert_eq!(dear(KNOWN), (0, 0));
    // One in half a second is looked at more closely; all are alike, and one is kept.
    assert_eq!(dear(CLOSE), (10, 1));
}
