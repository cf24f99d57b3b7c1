//! What a program that runs for months must not gather: memory and open files.

use std::fs;

/// Resident memory may be so much more at the end than early on: what allocators keep.
const SLACK: u64 = 1024;

/// Of one moment.
#[derive(Clone, Copy)]
pub struct Vitals {
    /// Resident memory in KiB.
    pub rss: u64,
    pub files: usize,
    pub threads: usize,
}

impl Vitals {
    pub fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.unwrap_or_else(|| panic!("no {key} in /proc/{pid}/status"))
        };
        Self {
            rss: number("VmRSS:"),
            files: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
            threads: number("Threads:") as usize,
        }
    }
}

/// The median of the second and of the last quarter; the first is warming up.
pub fn quarters(samples: &[Vitals]) -> (u64, u64) {
    let part = |from: usize, to: usize| {
        let (from, to) = (samples.len() * from / 4, samples.len() * to / 4);
        let mut rss: Vec<u64> = samples[from..to].iter().map(|v| v.rss).collect();
        rss.sort_unstable();
        rss.get(rss.len() / 2).copied().unwrap_or_default()
    };
    (part(1, 2), part(3, 4))
}

/// What grew.
pub fn grown(samples: &[Vitals]) -> Vec<String> {
    let mut grown = Vec::new();
    let (early, late) = quarters(samples);
    if late > early + SLACK {
        grown.push(format!("memory grew from {early} to {late} KiB"));
    }
    if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
        if last.files > first.files {
            let (first, last) = (first.files, last.files);
            grown.push(format!("open files grew from {first} to {last}"));
        }
        if last.threads > first.threads {
            let (first, last) = (first.threads, last.threads);
            grown.push(format!("threads grew from {first} to {last}"));
        }
    }
    grown
}
