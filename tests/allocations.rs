//! After warm-up the loop takes no memory: decoding raw pixels, preprocessing, scoring,
//! deciding and writing reuse their buffers. The engine is replaced, its memory is its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use ocelli::engine::{Engine, Identity};
use ocelli::model::Overrides;
use ocelli::monitor::{ModelAnswer, Observation};
use ocelli::pipeline::capture::{Encoding, Frame, Matrix, PixelFormat, RawFormat};
use ocelli::pipeline::decode::{Picture, Region, Samples};
use ocelli::pipeline::record::{Context, Record};
use ocelli::pipeline::summary::PictureSummary;
use ocelli::pipeline::write::{Format, Writer};
use ocelli::tensor::{Outputs, Tensor};
use ocelli::{Model, Pipeline, PipelineOptions};

use crate::support::root;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
#[allow(unsafe_code, reason = "a counting allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread.
pub fn so_far() -> u64 {
    COUNT.with(Cell::get)
}

/// Answers the same whatever it sees.
struct Stub(Identity);

impl Engine for Stub {
    fn identity(&self) -> &Identity {
        &self.0
    }

    fn run(&mut self, _: &Tensor, outputs: &mut Outputs) -> ocelli::Result<()> {
        outputs.scores.values.clear();
        outputs.scores.values.extend([0.5, 3.0, 1.0, 2.0]);
        outputs.scores.shape.clear();
        outputs.scores.shape.extend([1, 4]);
        if let Some(embedding) = &mut outputs.embedding {
            embedding.values.clear();
            embedding.values.extend([0.25; 48]);
            embedding.shape.clear();
            embedding.shape.extend([1, 48]);
        }
        Ok(())
    }
}

/// Allocations of one more frame after warm-up.
fn allocations(frame: Frame, format: Format) -> u64 {
    let mut model = Model::open(
        &root().join(Path::new("models/shapes.onnx")),
        Overrides::default(),
    )
    .unwrap();
    // So that the distance is measured, too.
    model.manifest.rejection.as_mut().unwrap().distance = Some(1.0);
    let identity = Identity {
        engine: "stub".into(),
        provider: "cpu".into(),
        prepared: false,
    };
    let options = PipelineOptions {
        max_pixels: 1_000_000,
        top_k: 4,
        ..PipelineOptions::default()
    };
    let mut writer = Writer::new(
        std::io::sink(),
        format,
        Context::new(&model.manifest, &identity, 4),
    );
    let mut pipeline = Pipeline::new(&model, Box::new(Stub(identity)), options).unwrap();
    let (frames, mut records) = ([frame], [Record::default()]);
    let mut count = 0;
    for _ in 0..20 {
        let before = so_far();
        pipeline.classify(&frames, &mut records);
        assert!(records[0].failure.is_none(), "{:?}", records[0].failure);
        assert!(records[0].distance.is_some());
        writer.write(&records[0]).unwrap();
        count = so_far() - before;
    }
    count
}

#[test]
fn a_frame_in_steady_state_allocates_nothing() {
    for pixels in [PixelFormat::Rgb24, PixelFormat::Nv12, PixelFormat::Yuyv] {
        let raw = RawFormat {
            pixels,
            width: 322,
            height: 201,
            full_range: false,
            matrix: Matrix::Bt601,
        };
        let frame = || Frame {
            bytes: vec![77; raw.frame_bytes().unwrap()],
            encoding: Encoding::Raw(raw),
            source: "camera:0".into(),
            ..Frame::default()
        };
        for format in [Format::Json, Format::Text] {
            assert_eq!(allocations(frame(), format), 0, "{pixels:?} {format:?}");
        }
    }
    let bytes = std::fs::read(root().join("tests/golden/jpeg422.jpg")).unwrap();
    let frame = Frame {
        bytes,
        source: "x.jpg".into(),
        ..Frame::default()
    };
    assert_eq!(allocations(frame, Format::Json), 0, "JPEG");
}

/// What the monitor takes, once everything that it keeps has its size.
#[test]
fn a_look_at_a_frame_allocates_nothing() {
    let (width, height) = (320, 240);
    let mut picture = Picture {
        width,
        height,
        region: Region {
            x: 0,
            y: 0,
            width,
            height,
        },
        eighths: 8,
        samples: Samples::Rgb,
        pixels: (0..3 * width * height)
            .map(|at| (at * 7 % 251) as u8)
            .collect(),
    };
    let mut monitor = crate::watch_scene::monitor();
    let mut summary = PictureSummary::default();
    let began = Instant::now();
    let mut count = 0;
    for frame in 0..200u64 {
        picture.pixels.rotate_left(3);
        let before = COUNT.with(Cell::get);
        summary.measure(&picture);
        monitor.observe(&Observation {
            summary: &summary,
            time: UNIX_EPOCH + Duration::from_secs(crate::watch_scene::START + frame),
            instant: began + Duration::from_secs(frame),
            sequence: None,
            answer: Some(ModelAnswer {
                scores: &[0.1, 0.7, 0.1, 0.1],
                features: &[0.5; 48],
            }),
        });
        count = COUNT.with(Cell::get) - before;
    }
    assert_eq!(count, 0);
}
