//! Broken input: no panic, no hang, no memory without bounds, an error to act on.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{
    STEPS, assets, classify, command, has_onnxruntime, ocelli, project, records, root, scratch,
    stderr,
};

const SECONDS: Duration = Duration::from_secs(2);
const MEMORY_KB: u64 = 400 * 1024;

/// What became of one run.
struct Outcome {
    code: Option<i32>,
    stderr: String,
    stdout: String,
    elapsed: Duration,
    peak_kb: u64,
}

/// Runs the program with its peak memory watched through /proc.
fn watched(args: &[&str]) -> Outcome {
    let started = Instant::now();
    let mut child = command()
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipes are drained while it runs: a full one would block it.
    let drain = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = drain(Box::new(child.stdout.take().unwrap()));
    let stderr = drain(Box::new(child.stderr.take().unwrap()));
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0;
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|l| {
            l.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .trim()
                .parse()
                .ok()
        });
        peak_kb = peak_kb.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{args:?} hangs"
        );
        std::thread::sleep(Duration::from_millis(2));
    };
    let elapsed = started.elapsed();
    Outcome {
        code,
        stderr: stderr.join().unwrap(),
        stdout: stdout.join().unwrap(),
        elapsed,
        peak_kb,
    }
}

fn assert_civil(outcome: &Outcome, what: &str) {
    assert!(
        !outcome.stderr.contains("panicked"),
        "{what}: {}",
        outcome.stderr
    );
    assert!(
        outcome.code.is_some_and(|c| c <= 2),
        "{what}: exit {:?}, {}",
        outcome.code,
        outcome.stderr
    );
    assert!(
        outcome.elapsed < SECONDS,
        "{what} took {:?}",
        outcome.elapsed
    );
    assert!(
        outcome.peak_kb < MEMORY_KB,
        "{what} took {} kB",
        outcome.peak_kb
    );
    assert_eq!(
        outcome.code == Some(0),
        outcome.stderr.is_empty(),
        "{what}: {}",
        outcome.stderr
    );
}

fn watched_classify(picture: &Path) -> Outcome {
    watched(&[
        "run",
        "-q",
        "-m",
        &project("models/shapes.onnx"),
        "--engine",
        "rten",
        &picture.display().to_string(),
    ])
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    files
}

#[test]
fn malformed_pictures_cost_only_themselves() {
    let Some(assets) = assets() else { return };
    let mut refused = 0;
    for file in files(&assets.join("malformed")) {
        let outcome = watched_classify(&file);
        assert_civil(&outcome, &file.display().to_string());
        refused += usize::from(outcome.code == Some(1));
    }
    assert!(
        refused >= 20,
        "only {refused} of the malformed pictures are refused"
    );
    // In one run with a good picture at the end, the good one is still classified.
    let good = files(&root().join("models/samples"))[0].clone();
    let output = classify(&[&assets.join("malformed"), &good]);
    assert_eq!(output.status.code(), Some(1));
    let last = records(&output).pop().unwrap();
    assert_eq!(last["source"], good.display().to_string());
}

#[test]
fn a_bad_jpeg_does_not_spoil_the_next_one() {
    let folder = scratch("spoil");
    let good = std::fs::read(root().join("tests/golden/jpeg420.jpg")).unwrap();
    let frame = good.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for part in 1..16 {
        std::fs::write(
            folder.join(format!("{part:02}a.jpg")),
            &good[..good.len() * part / 16],
        )
        .unwrap();
        std::fs::write(folder.join(format!("{part:02}b.jpg")), &good).unwrap();
    }
    let mut flat = good.clone();
    flat[frame + 5..frame + 7].copy_from_slice(&[0, 0]);
    std::fs::write(folder.join("20a.jpg"), flat).unwrap();
    std::fs::write(folder.join("20b.jpg"), &good).unwrap();
    let output = classify(&[&folder]);
    let records = records(&output);
    assert_eq!(records.len(), 16, "{}", stderr(&output));
    assert!(
        records
            .iter()
            .all(|r| r["source"].as_str().unwrap().ends_with("b.jpg"))
    );
}

#[test]
fn malformed_models_stop_with_their_reason() {
    let Some(assets) = assets() else { return };
    let engines: &[&str] = if has_onnxruntime() {
        &["rten", "onnxruntime"]
    } else {
        &["rten"]
    };
    let labels = scratch("malformed-labels").join("labels.txt");
    std::fs::write(
        &labels,
        (0..10).map(|n| format!("class {n}\n")).collect::<String>(),
    )
    .unwrap();
    let picture = files(&root().join("models/samples"))[0]
        .display()
        .to_string();
    let labels = labels.display().to_string();
    for file in files(&assets.join("malformed-models")) {
        for engine in engines {
            let model = file.display().to_string();
            let run = [
                "run", "-q", "-m", &model, "--engine", engine, "--labels", &labels, "--size", "32",
                &picture,
            ];
            let outcome = watched(&[&run[..], &STEPS].concat());
            assert_civil(&outcome, &format!("{model} on {engine}"));
            println!(
                "{} {engine}: {:?} {}{}",
                file.file_name().unwrap().display(),
                outcome.code,
                outcome.stderr.trim(),
                outcome.stdout.trim()
            );
        }
    }
}

/// A picture of every format that the runtime reads, from the golden set.
fn of_every_format() -> Vec<PathBuf> {
    let names = [
        "jpeg420.jpg",
        "progressive.jpg",
        "cmyk.jpg",
        "alpha.png",
        "palette.png",
        "lossless.webp",
        "lossy.webp",
        "frame.webp",
        "first.gif",
        "plain.bmp",
        "packed.tiff",
        "palette.tiff",
        "ycc.tiff",
        "plain.ppm",
    ];
    names
        .iter()
        .map(|n| root().join("tests/golden").join(n))
        .collect()
}

#[test]
fn truncation_and_flipped_bits_are_survived_in_every_format() {
    let folder = scratch("mangled");
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for picture in of_every_format() {
        let whole = std::fs::read(&picture).unwrap();
        let name = picture.file_name().unwrap().to_string_lossy().into_owned();
        for part in 0..16 {
            std::fs::write(
                folder.join(format!("cut{part:02}-{name}")),
                &whole[..whole.len() * part / 16],
            )
            .unwrap();
        }
        for round in 0..24 {
            let mut flipped = whole.clone();
            for _ in 0..=round % 5 {
                // xorshift64: the same damage on every run.
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = (seed as usize >> 3) % flipped.len();
                flipped[at] ^= 1 << (seed & 7);
            }
            std::fs::write(folder.join(format!("flip{round:02}-{name}")), flipped).unwrap();
        }
    }
    let outcome = watched(&[
        "run",
        "-q",
        "-m",
        &project("models/shapes.onnx"),
        "--engine",
        "rten",
        "-f",
        "json",
        &folder.display().to_string(),
    ]);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.elapsed < 10 * SECONDS && outcome.peak_kb < MEMORY_KB,
        "{:?} {}",
        outcome.elapsed,
        outcome.peak_kb
    );
    for error in outcome.stderr.lines() {
        assert!(
            error.starts_with("ocelli: error: ") && error.contains("scratch/mangled/"),
            "{error}"
        );
    }
    // No record comes from a JPEG or PNG that was cut in its first half.
    let half =
        |line: &&str| line.contains("/cut0") && (line.contains(".jpg") || line.contains(".png"));
    assert_eq!(outcome.stdout.lines().find(half), None);
    let told = outcome.stdout.lines().count() + outcome.stderr.lines().count();
    assert!(told >= 16 * 14 + 24 * 14, "every input is told of: {told}");
}

#[test]
fn lying_sizes_are_refused_before_memory_is_taken() {
    let folder = scratch("lying");
    let mut bmp = std::fs::read(root().join("tests/golden/plain.bmp")).unwrap();
    bmp[18..22].copy_from_slice(&100_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&100_000_u32.to_le_bytes());
    std::fs::write(folder.join("huge.bmp"), bmp).unwrap();
    let mut jpeg = std::fs::read(root().join("tests/golden/jpeg444.jpg")).unwrap();
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    std::fs::write(folder.join("huge.jpg"), jpeg).unwrap();
    std::fs::write(folder.join("huge.ppm"), "P6 99999 99999 255\nabc").unwrap();
    let limit = "megapixels, at most 100.0 are decoded; raise the limit if the file is to be trusted (--max-pixels N)";
    for (name, reason) in [
        ("huge.bmp", "Image too large"),
        ("huge.jpg", "Maximum supported image dimension is 65500"),
        ("huge.ppm", limit),
    ] {
        let outcome = watched_classify(&folder.join(name));
        assert_civil(&outcome, name);
        assert!(
            outcome.stderr.contains(reason),
            "{name}: {}",
            outcome.stderr
        );
        assert!(
            outcome.peak_kb < 100 * 1024,
            "{name} took {} kB",
            outcome.peak_kb
        );
    }
}

#[test]
fn mangled_manifests_never_panic() {
    let folder = scratch("mangled-models");
    let whole = std::fs::read(root().join("models/shapes.onnx")).unwrap();
    let mut seed = 88_172_645_463_325_252_u64;
    for round in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = (seed as usize >> 3) % bytes.len();
            bytes[at] ^= 1 << (seed & 7);
        }
        bytes.truncate(if round % 3 == 0 {
            bytes.len() * (round + 1) / 61
        } else {
            bytes.len()
        });
        let path = folder.join(format!("{round}.onnx"));
        std::fs::File::create(&path)
            .unwrap()
            .write_all(&bytes)
            .unwrap();
        let output = ocelli(["inspect", &path.display().to_string()]);
        assert!(
            matches!(output.status.code(), Some(0 | 2)),
            "{round}: {}",
            stderr(&output)
        );
        assert!(
            !stderr(&output).contains("panicked"),
            "{round}: {}",
            stderr(&output)
        );
    }
}
