//! A live run on the simulated webcam for a long time, with random faults: `soak MINUTES
//! SEED`. The verdict: memory, threads and open files do not grow, the camera always comes
//! back within 3 s, every fault is counted and every frame has the right label.

mod faults;
mod vitals;

use std::fs;
use std::time::{Duration, Instant};

use fastrand::Rng;
use ocelli_rig::ocelli::{Run, command, shapes};
use ocelli_rig::story;
use ocelli_rig::webcam::Webcam;

use faults::{ALL, Ledger, MODEL, between, commit};
use vitals::{Vitals, grown, quarters};

/// What the run gave.
#[derive(Default)]
struct Diary {
    samples: Vec<Vitals>,
    outages: Vec<Duration>,
    wrong: Vec<String>,
    faults: [u32; ALL.len()],
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse().unwrap());
    let (minutes, seed): (u64, u64) = (args.next().unwrap(), args.next().unwrap());
    fs::copy(shapes(), MODEL).unwrap();
    let webcam = Webcam::plug("rig-1", "4");
    let flags = ["--pixel-format", "mjpeg", "--width", "320", "--fps", "4"];
    let mut run = Run::spawn(command(MODEL).arg(webcam.source()).args(flags));
    let mut diary = live_through(Duration::from_secs(60 * minutes), seed, webcam, &mut run);
    let ended = run.end("TERM");
    if ended > Duration::from_secs(1) {
        diary.wrong.push(format!("SIGTERM took {ended:.1?}"));
    }
    diary.wrong.extend(story::check(&run.records).err());
    diary.wrong.extend(grown(&diary.samples));
    tell(&mut diary, &run, minutes, seed);
    std::process::exit(i32::from(!diary.wrong.is_empty()));
}

fn live_through(time: Duration, seed: u64, mut webcam: Webcam, run: &mut Run) -> Diary {
    let (mut random, mut diary) = (Rng::with_seed(seed), Diary::default());
    let (started, mut said) = (Instant::now(), 0);
    run.more(4);
    while started.elapsed() < time {
        run.listen_for(between(&mut random, 0.5, 4.0));
        let which = random.usize(..ALL.len());
        let (wrong, outage) = commit(ALL[which], &mut random, &mut webcam, run);
        wrong.iter().for_each(|wrong| println!("soak: {wrong}"));
        diary.wrong.extend(wrong);
        diary.outages.extend(outage);
        diary.faults[which] += 1;
        diary.samples.push(Vitals::of(run.pid()));
        let passed = started.elapsed().as_secs() / 60;
        if passed > said {
            said = passed;
            let Vitals {
                rss,
                files,
                threads,
            } = Vitals::of(run.pid());
            let (frames, faults) = (run.records.len(), diary.samples.len());
            println!(
                "soak: {passed} min: {frames} frames, {faults} faults, {rss} KiB, {files} files, {threads} threads"
            );
        }
    }
    diary
}

fn tell(diary: &mut Diary, run: &Run, minutes: u64, seed: u64) {
    let age = |record: &serde_json::Value| record["frame_age_ms"].as_f64();
    let mut ages: Vec<f64> = run.records.iter().filter_map(age).collect();
    ages.sort_by(f64::total_cmp);
    diary.outages.sort_unstable();
    let share = |of: usize, share: f64| ((of as f64 * share) as usize).min(of.saturating_sub(1));
    let mut faults = String::new();
    for (fault, count) in ALL.iter().zip(diary.faults) {
        faults += &format!(" {fault:?} {count},");
    }
    let faults = faults.to_lowercase();
    let count = run.records.len();
    println!(
        "soak: {minutes} min, seed {seed}, {count} frames;{faults} counted: {:?}",
        Ledger::of(run)
    );
    if let (Some(first), Some(last)) = (diary.samples.first(), diary.samples.last()) {
        let (early, late) = quarters(&diary.samples);
        println!(
            "soak: resident {early} KiB in the second quarter, {late} in the last; files {} to {}, threads {} to {}",
            first.files, last.files, first.threads, last.threads
        );
    }
    if let (Some(median), Some(last)) = (ages.get(share(count, 0.5)), ages.get(share(count, 0.99)))
    {
        println!("soak: frame age p50 {median:.0} ms, p99 {last:.0} ms");
    }
    if let Some(longest) = diary.outages.last() {
        let median = diary.outages[share(diary.outages.len(), 0.5)];
        println!("soak: back to live after an outage: p50 {median:.1?}, longest {longest:.1?}");
    }
    for wrong in &diary.wrong {
        println!("soak: wrong: {wrong}");
    }
    println!(
        "soak: {}",
        if diary.wrong.is_empty() {
            "passed"
        } else {
            "FAILED"
        }
    );
}
