//! A year of a camera, in means over ten minutes: day cycle, weather, lamps and noise in all
//! statistics at once. How often drift is said where there is none, and how soon where there
//! is; beside it what the thresholds of training would have said.

use fastrand::Rng;
use ocelli::monitor::drift::{Drift, DriftOptions, Side, Statistic, Statistics};

/// Means over ten minutes of a day.
const DAY: usize = 144;
const LEARNED: usize = 28;
const CLASSES: usize = 4;
const STATISTICS: usize = 6 + CLASSES;
/// What a deviation of 1 is in the statistics' units: score, distance, brightness, contrast,
/// sharpness, red-blue, and shares.
const UNITS: [f32; STATISTICS] = [0.05, 0.2, 15.0, 6.0, 0.3, 8.0, 0.05, 0.05, 0.05, 0.05];

/// A place, in the units of the prototype: noise from minute to minute has 0.5.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    weather: f32,
    cycle: f32,
    /// Minutes of memory.
    memory: f32,
    /// Lamps on from about 8 to about 18 on five days.
    lamps: f32,
    /// Showers: some hours, on one day in three.
    showers: f32,
    /// From winter to summer.
    season: f32,
    allowed: f64,
}

const INDOORS: Place = Place {
    name: "indoors, lamp always on",
    weather: 0.0,
    cycle: 0.0,
    memory: 10.0,
    lamps: 0.0,
    showers: 0.0,
    season: 0.0,
    allowed: 1.0,
};

const PLACES: [Place; 5] = [
    INDOORS,
    Place {
        name: "office, lamps by the week",
        weather: 0.05,
        cycle: 0.5,
        lamps: 1.5,
        ..INDOORS
    },
    Place {
        name: "belt, slow process",
        memory: 60.0,
        ..INDOORS
    },
    Place {
        name: "outdoors, mild weather",
        weather: 0.2,
        cycle: 1.5,
        ..INDOORS
    },
    Place {
        name: "outdoors, harsh weather",
        weather: 0.6,
        cycle: 1.5,
        showers: 1.5,
        allowed: 2.0,
        ..INDOORS
    },
];

/// A normal number, nearly: of twelve uniform ones.
fn normal(random: &mut Rng) -> f32 {
    let bits = random.u128(..);
    let parts = (0..12).map(|at| (bits >> (10 * at) & 1023) as f32 + 0.5);
    parts.sum::<f32>() / 1024.0 - 6.0
}

/// The statistics' means, block after block.
struct Year {
    place: Place,
    random: Rng,
    base: usize,
    weather: [f32; STATISTICS + 1],
    slow: [f32; STATISTICS + 1],
    lamps: (f32, f32),
    shower: (usize, usize),
}

impl Year {
    fn new(place: Place, seed: u64) -> Self {
        Self {
            place,
            random: Rng::with_seed(seed),
            base: 0,
            weather: [0.0; STATISTICS + 1],
            slow: [0.0; STATISTICS + 1],
            lamps: (8.0, 18.0),
            shower: (0, 0),
        }
    }

    fn dawn(&mut self) {
        let random = &mut self.random;
        for weather in &mut self.weather {
            *weather = 0.5 * *weather + 0.75f32.sqrt() * normal(random);
        }
        self.lamps = (8.0 + 0.5 * normal(random), 18.0 + 0.7 * normal(random));
        let begins = random.usize(0..3 * DAY);
        self.shower = (begins, begins + random.usize(6..37));
    }

    /// The next block. Half of the weather and of the noise is common to all statistics.
    fn next(&mut self) -> [f32; STATISTICS] {
        let (time, day) = (self.base % DAY, self.base / DAY);
        if time == 0 {
            self.dawn();
        }
        let place = self.place;
        let keeps = (-10.0 / place.memory).exp();
        for slow in &mut self.slow {
            *slow = keeps * *slow + (1.0 - keeps * keeps).sqrt() * normal(&mut self.random);
        }
        let hour = time as f32 / 6.0;
        let cycle = ((hour - 6.0) / 24.0 * std::f32::consts::TAU).sin();
        let lit = day % 7 < 5 && hour >= self.lamps.0 && hour < self.lamps.1;
        let rains = (self.shower.0..self.shower.1).contains(&time);
        let season = (day as f32 / 365.0 * std::f32::consts::TAU).sin();
        let common = place.cycle * cycle + place.lamps * f32::from(u8::from(lit))
            - place.showers * f32::from(u8::from(rains))
            + place.season * season;
        self.base += 1;
        std::array::from_fn(|at| {
            let both = |of: &[f32; STATISTICS + 1]| (of[at] + of[STATISTICS]) * 0.5f32.sqrt();
            let sign = if at % 2 == 0 { 1.0 } else { -0.7 };
            let value =
                sign * common + place.weather * both(&self.weather) + 0.5 * both(&self.slow);
            match at {
                // A share of 600 frames of which some thirty are independent.
                6.. => {
                    let share = (0.25 + UNITS[at] * value).clamp(0.0, 1.0);
                    let noise = (share * (1.0 - share) / 30.0).sqrt();
                    (share + noise * normal(&mut self.random)).clamp(0.0, 1.0)
                }
                _ => UNITS[at] * value,
            }
        })
    }
}

/// The number of the first block: a day begins.
const FIRST: u64 = 20_000 * DAY as u64;

fn learned(place: Place, seed: u64) -> (Year, Drift) {
    let mut year = Year::new(place, seed);
    let mut drift = Drift::new(Statistics::of_classes(CLASSES), DriftOptions::default());
    for _ in 0..LEARNED * DAY {
        let base = FIRST + year.base as u64;
        drift.push(base, &year.next().map(Some));
    }
    (year, drift)
}

/// Alarms that came in a year.
fn false_alarms(place: Place, seed: u64) -> usize {
    let (mut year, mut drift) = learned(place, seed);
    let mut alarms = 0;
    for _ in 0..365 * DAY {
        let base = FIRST + year.base as u64;
        let before = drift.alarms().count();
        drift.push(base, &year.next().map(Some));
        alarms += drift.alarms().count().saturating_sub(before);
    }
    alarms
}

/// Days until a change of brightness by 1.5 is said, from some time of some day on.
fn delay(place: Place, seed: u64) -> f64 {
    let (mut year, mut drift) = learned(place, seed);
    let brightness = 2;
    for _ in 0..DAY + seed as usize * 31 % DAY {
        let base = FIRST + year.base as u64;
        drift.push(base, &year.next().map(Some));
    }
    for step in 0..60 * DAY {
        let base = FIRST + year.base as u64;
        let mut values = year.next();
        values[brightness] += 1.5 * UNITS[brightness];
        drift.push(base, &values.map(Some));
        let mut alarms = drift.alarms();
        if alarms.any(|(what, alarm)| what == Statistic::Brightness && alarm.side == Side::Up) {
            return (step + 1) as f64 / DAY as f64;
        }
    }
    f64::INFINITY
}

/// What the thresholds of training say: one reference for all hours, independent frames.
fn false_alarms_of_training(place: Place, seed: u64) -> usize {
    let mut year = Year::new(place, seed);
    let learned: Vec<_> = (0..LEARNED * DAY).map(|_| year.next()).collect();
    let count = learned.len() as f32;
    let usual: [(f32, f32); STATISTICS] = std::array::from_fn(|at| {
        let mean = learned.iter().map(|values| values[at]).sum::<f32>() / count;
        let squares = learned.iter().map(|values| (values[at] - mean).powi(2));
        (mean, (squares.sum::<f32>() / count).sqrt())
    });
    let (mut sums, mut alarms) = ([[0.0f32; 2]; STATISTICS], 0);
    for _ in 0..365 * DAY {
        for ((value, (mean, deviation)), sums) in year.next().iter().zip(usual).zip(&mut sums) {
            let z = (value - mean) / deviation;
            for (sum, z) in sums.iter_mut().zip([z, -z]) {
                *sum = (*sum + z - 0.5).max(0.0);
                if *sum > 8.85 {
                    (*sum, alarms) = (0.0, alarms + 1);
                }
            }
        }
    }
    alarms
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Mean false alarms in a year, and the median delay in days, of so many cameras.
fn measured(place: Place, seeds: u64) -> (f64, f64) {
    let alarms: usize = (0..seeds).map(|seed| false_alarms(place, seed)).sum();
    let delays = (0..seeds).map(|seed| delay(place, seed)).collect();
    (alarms as f64 / seeds as f64, median(delays))
}

#[test]
fn a_change_indoors_is_said_within_three_hours_and_nothing_else() {
    let (alarms, delay) = measured(INDOORS, 9);
    assert!(alarms < 0.2, "{alarms}");
    assert!(delay <= 3.0 / 24.0, "{delay} days");
}

#[test]
fn what_is_acknowledged_is_usual_and_what_comes_back_rings_again() {
    let (mut year, mut drift) = learned(INDOORS, 7);
    let mut show = |drift: &mut Drift, days: usize, change: f32| {
        for _ in 0..days * DAY {
            let base = FIRST + year.base as u64;
            let mut values = year.next();
            values[0] += change;
            drift.push(base, &values.map(Some));
        }
        drift
            .alarms()
            .map(|(what, alarm)| (what, alarm.side))
            .collect::<Vec<_>>()
    };
    let down = [(Statistic::Score, Side::Down)];
    assert_eq!(show(&mut drift, 5, 0.0), []);
    assert_eq!(show(&mut drift, 1, -0.1), down);
    // It stays one alarm, until it is acknowledged.
    assert_eq!(show(&mut drift, 3, -0.1), down);
    let (_, alarm) = drift.alarms().next().unwrap();
    assert!((alarm.change + 0.1).abs() < 0.02, "{alarm:?}");
    assert!(drift.acknowledge(Statistic::Score));
    assert!(!drift.acknowledge(Statistic::Score));
    assert_eq!(show(&mut drift, 20, -0.1), []);
    assert_eq!(show(&mut drift, 1, 0.0), [(Statistic::Score, Side::Up)]);
    // Gone without anyone's help.
    assert_eq!(show(&mut drift, 2, -0.1), []);
}

/// The promise: 5 places, 80 cameras each.
#[test]
#[ignore = "takes minutes: scripts/check-watch"]
fn watch_year() {
    println!("place                       false alarms a year  of training's  delay of +1.5, days");
    let row = |place: Place| {
        let (alarms, delay) = measured(place, 80);
        let training: usize = (0..8)
            .map(|seed| false_alarms_of_training(place, seed))
            .sum();
        println!(
            "{:<27} {alarms:>19.3} {:>14} {delay:>20.3}",
            place.name,
            training / 8
        );
        (alarms, delay)
    };
    let found = PLACES.map(row);
    for (place, (alarms, _)) in PLACES.iter().zip(found) {
        assert!(alarms <= place.allowed, "{}", place.name);
    }
    assert!(found[0].1 <= 3.0 / 24.0 && found[3].1 <= 2.0);
    // Beside the promise: a winter that becomes a summer.
    row(Place {
        name: "mild, and seasons",
        season: 0.5,
        ..PLACES[3]
    });
}
