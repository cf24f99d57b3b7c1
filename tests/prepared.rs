//! The network as it is optimised once for this machine: kept by the first start, used by
//! the later ones, made anew where it is broken, within its bound, and never where the user
//! said no.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use crate::onnx_file::metadata;
use crate::support::{command, has_onnxruntime, project, records, scratch, stderr};

const KEPT: &str = "the optimised network is kept for the next start";
const IN_USE: &str = "(cpu, prepared)";

/// The program with this cache folder; `mib` bounds it.
fn with_cache(cache: &Path, mib: &str) -> Command {
    let mut command = command();
    command
        .env("OCELLI_CACHE", cache)
        .env("OCELLI_CACHE_MIB", mib);
    command
}

/// Classifies the samples with the bundled model, and more flags.
fn classify(cache: &Path, flags: &[&str]) -> Output {
    let (model, samples) = (project("models/shapes.onnx"), project("models/samples"));
    let run = ["run", "-v", "--engine", "onnxruntime", "-f", "json", "-m"];
    let output = with_cache(cache, "512")
        .args(run)
        .args([&model, &samples])
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// What stands in a cache folder, whole and half made.
fn entries(cache: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(cache).into_iter().flatten().flatten();
    let mut all: Vec<_> = all.map(|item| item.path()).collect();
    all.sort();
    all
}

/// When the only entry's network was written.
fn written(cache: &Path) -> SystemTime {
    let [entry] = &entries(cache)[..] else {
        panic!("one entry is expected: {:?}", entries(cache));
    };
    let file = std::fs::metadata(entry.join("model.onnx")).unwrap();
    file.modified().unwrap()
}

fn says(output: &Output, what: &str) -> bool {
    stderr(output).contains(what)
}

/// Label and score of each record, to the bit: which process computed them is no matter.
fn answers(output: &Output) -> Vec<(String, String)> {
    let records = records(output);
    let answer = |r: &serde_json::Value| (r["label"].to_string(), r["score"].to_string());
    records.iter().map(answer).collect()
}

#[test]
fn the_first_start_keeps_what_the_second_uses_and_both_answer_alike() {
    if !has_onnxruntime() {
        return;
    }
    let cache = scratch("prepared-first").join("cache");
    let first = classify(&cache, &[]);
    assert!(
        says(&first, KEPT) && says(&first, IN_USE),
        "{}",
        stderr(&first)
    );
    let then = written(&cache);
    let second = classify(&cache, &[]);
    assert!(
        !says(&second, KEPT) && says(&second, IN_USE),
        "{}",
        stderr(&second)
    );
    assert_eq!(written(&cache), then, "it was made again");
    assert_eq!(answers(&first), answers(&second));
    let plain = classify(&cache, &["--no-cache"]);
    assert!(!says(&plain, "prepared"), "{}", stderr(&plain));
    for (a, b) in records(&first).iter().zip(&records(&plain)) {
        assert_eq!(a["label"], b["label"]);
        assert!((a["score"].as_f64().unwrap() - b["score"].as_f64().unwrap()).abs() < 1e-5);
    }
    let verify = ["verify", "-m", &project("models/shapes.onnx")];
    let verified = with_cache(&cache, "512").args(verify).output().unwrap();
    assert!(verified.status.success() && records(&classify(&cache, &[])).len() == 8);
}

#[test]
fn prepare_does_ahead_what_the_first_start_would_do() {
    if !has_onnxruntime() {
        return;
    }
    let cache = scratch("prepared-ahead").join("cache");
    let model = project("models/shapes.onnx");
    let prepare = |flags: &[&str]| {
        let mut command = with_cache(&cache, "512");
        command.args(["prepare", "-m", &model]).args(flags);
        command.output().unwrap()
    };
    let refused = prepare(&["--no-cache"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        says(&refused, "leave it out") && !cache.exists(),
        "{}",
        stderr(&refused)
    );
    let prepared = prepare(&[]);
    assert!(prepared.status.success(), "{}", stderr(&prepared));
    let then = written(&cache);
    let first = classify(&cache, &[]);
    assert!(
        says(&first, IN_USE) && !says(&first, KEPT),
        "{}",
        stderr(&first)
    );
    assert_eq!(written(&cache), then);
}

#[test]
fn a_broken_entry_is_noticed_and_made_anew() {
    if !has_onnxruntime() {
        return;
    }
    let cache = scratch("prepared-broken").join("cache");
    let good = answers(&classify(&cache, &[]));
    let entry = entries(&cache).remove(0);
    let weights = entry.join("model.onnx.data");
    // Zeros where weights were would be computed with; an end that is missing would not be.
    let mut zeros = std::fs::read(&weights).unwrap();
    zeros[1000..5000].fill(0);
    let half = std::fs::read(&weights).unwrap()[..5000].to_vec();
    for broken in [zeros, half] {
        std::fs::write(&weights, broken).unwrap();
        let output = classify(&cache, &[]);
        let what = "is broken and not used: model.onnx.data is not what was written";
        assert!(
            says(&output, what) && says(&output, KEPT),
            "{}",
            stderr(&output)
        );
        assert_eq!(answers(&output), good);
        let next = classify(&cache, &[]);
        assert!(
            says(&next, IN_USE) && !says(&next, "broken"),
            "{}",
            stderr(&next)
        );
    }
    // Interrupted before its end.
    std::fs::remove_file(entry.join("sums.json")).unwrap();
    let output = classify(&cache, &[]);
    assert!(
        says(&output, "is broken and not used: sums.json"),
        "{}",
        stderr(&output)
    );
    assert_eq!(answers(&output), good);
    assert_eq!(entries(&cache), [entry]);
}

#[test]
fn a_retrained_model_is_another_entry() {
    if !has_onnxruntime() {
        return;
    }
    let folder = scratch("prepared-retrained");
    let (cache, model) = (folder.join("cache"), folder.join("model.onnx"));
    let labels = || {
        let samples = [project("models/samples")];
        let run = ["run", "-q", "--engine", "onnxruntime", "-f", "json", "-m"];
        let mut command = with_cache(&cache, "512");
        command.args(run).arg(&model).args(samples);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        answers(&output)
    };
    for (bundled, count) in [("models/shapes.onnx", 1), ("models/digits.onnx", 2)] {
        std::fs::copy(project(bundled), &model).unwrap();
        let first = labels();
        assert_eq!(entries(&cache).len(), count);
        assert_eq!(labels(), first);
    }
}

#[test]
fn beyond_the_bound_the_longest_unused_goes() {
    if !has_onnxruntime() {
        return;
    }
    let folder = scratch("prepared-bound");
    let cache = folder.join("cache");
    let padding = "x".repeat(300 << 10);
    let run = |name: &str, mib: &str| {
        let model = folder.join(name);
        let mut bytes = std::fs::read(project("models/shapes.onnx")).unwrap();
        bytes.extend(metadata(&[(name, &padding)]));
        std::fs::write(&model, bytes).unwrap();
        let sample = project("models/samples/star-1.jpg");
        let mut command = with_cache(&cache, mib);
        command.args(["run", "-v", "--engine", "onnxruntime", "-m"]);
        let output = command.arg(&model).arg(sample).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        output
    };
    // Each takes half a MiB: the third is one too many.
    run("a", "1");
    let oldest = entries(&cache).remove(0);
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let sums = std::fs::File::options()
        .append(true)
        .open(oldest.join("sums.json"));
    sums.unwrap().set_modified(long_ago).unwrap();
    run("b", "1");
    run("c", "1");
    let left = entries(&cache);
    assert!(!left.contains(&oldest) && !left.is_empty(), "{left:?}");
    let total: u64 = left
        .iter()
        .flat_map(|entry| std::fs::read_dir(entry).unwrap().flatten())
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(total <= 1 << 20, "{total}");
    assert!(says(&run("c", "1"), IN_USE));
    // None at all is none at all.
    let none = run("c", "0");
    assert!(
        !says(&none, "prepared") && entries(&cache) == left,
        "{}",
        stderr(&none)
    );
    let odd = run("c", "much");
    assert!(says(
        &odd,
        "OCELLI_CACHE_MIB is `much`, which is no number of MiB: 512 is taken"
    ));
}

#[test]
fn where_nothing_can_be_written_it_works_and_says_so_only_to_those_who_ask() {
    if !has_onnxruntime() {
        return;
    }
    let folder = scratch("prepared-locked");
    // A file where the folder would be keeps even root from making it.
    std::fs::write(folder.join("file"), "").unwrap();
    let cache = folder.join("file/cache");
    let output = classify(&cache, &[]);
    assert!(
        says(&output, "debug: the next start will be no quicker: ") && !says(&output, "warning"),
        "{}",
        stderr(&output)
    );
    assert_eq!(records(&output).len(), 8);
    // Where the user says no, nothing is written, not even the folder.
    let cache = folder.join("none");
    for flags in [["--no-cache"], ["--no-prepared"]] {
        let output = classify(&cache, &flags);
        assert!(!says(&output, "next start"), "{}", stderr(&output));
    }
    let mut command = with_cache(&cache, "512");
    command
        .env("OCELLI_NO_PREPARED", "true")
        .args(["run", "-m"]);
    command.arg(project("models/shapes.onnx"));
    let output = command.arg(project("models/samples/star-1.jpg")).output();
    assert!(output.unwrap().status.success() && !cache.exists());
}

#[test]
fn processes_that_start_at_once_keep_one_whole_entry() {
    if !has_onnxruntime() {
        return;
    }
    let cache = scratch("prepared-at-once").join("cache");
    let start = || {
        let mut command = with_cache(&cache, "512");
        let run = ["run", "-q", "--engine", "onnxruntime", "-m"];
        command.args(run).arg(project("models/shapes.onnx"));
        let command = command.arg(project("models/samples/star-1.jpg"));
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..4).map(|_| start()).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("star"));
    }
    let then = written(&cache);
    let next = classify(&cache, &[]);
    assert!(
        says(&next, IN_USE) && !says(&next, "broken"),
        "{}",
        stderr(&next)
    );
    assert_eq!(written(&cache), then);
}

#[test]
fn the_doctor_shows_the_folder_its_size_and_its_bound() {
    if !has_onnxruntime() {
        return;
    }
    let cache = scratch("prepared-doctor").join("cache");
    let line = |mib: &str| {
        let output = with_cache(&cache, mib).arg("doctor").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.contains(" cache "));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let place = cache.display();
    let expected = format!("ok    cache        {place}: 0 networks, 0.0 of at most 512 MiB");
    assert_eq!(line("512"), expected);
    classify(&cache, &[]);
    let expected = format!("ok    cache        {place}: 1 network, 0.3 of at most 64 MiB");
    assert_eq!(line("64"), expected);
    assert!(line("0").contains("nothing is kept there (OCELLI_CACHE_MIB is 0)"));
}

/// What loading a model takes and frees goes back to the system, time and again.
#[test]
fn reloads_do_not_grow() {
    if !has_onnxruntime() {
        return;
    }
    let folder = scratch("prepared-reloads");
    let (cache, model) = (folder.join("cache"), folder.join("model.onnx"));
    // As large as a usual network, and as quick to load as a small one.
    let padding = "x".repeat(8 << 20);
    let mut bytes = std::fs::read(project("models/shapes.onnx")).unwrap();
    bytes.extend(metadata(&[("padding", &padding)]));
    std::fs::write(&model, bytes).unwrap();
    let mut service = with_cache(&cache, "512")
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--engine",
            "onnxruntime",
            "-m",
        ])
        .arg(&model)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(service.stderr.take().unwrap()).lines();
    let mut wait_for = |what: &str| {
        let found = told
            .by_ref()
            .map(Result::unwrap)
            .any(|line| line.contains(what));
        assert!(found, "never said: {what}");
    };
    wait_for("is ready on");
    let id = service.id().to_string();
    let mut reload = |times: usize| {
        for _ in 0..times {
            let sent = Command::new("kill").args(["-HUP", &id]).status();
            assert!(sent.unwrap().success());
            wait_for("the new model takes over");
        }
    };
    // The old model goes a moment after the new one took over.
    let settled = |enough: i64| {
        let kib = || {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("RssAnon:"));
            let kib = line.unwrap().trim().trim_end_matches(" kB");
            kib.parse::<i64>().unwrap()
        };
        let mut least = kib();
        for _ in 0..100 {
            if least <= enough {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            least = least.min(kib());
        }
        least
    };
    reload(3);
    std::thread::sleep(Duration::from_secs(1));
    let third = settled(i64::MAX);
    reload(20);
    let last = settled(third + 2048);
    service.kill().unwrap();
    service.wait().unwrap();
    assert!(last - third <= 2048, "{third} KiB became {last} KiB");
}
