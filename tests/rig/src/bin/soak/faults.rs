//! What happens to the camera and the program, and what the counters have to say of it.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;
use ocelli_rig::ocelli::{Run, shapes};
use ocelli_rig::story::drops;
use ocelli_rig::webcam::Webcam;

/// A fault is over when frames come again, at the latest after this.
const BACK: Duration = Duration::from_secs(3);

/// The file that the program reads its model from.
pub const MODEL: &str = "/tmp/model.onnx";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unplug,
    /// To another number, while another camera of the make has the old one.
    Move,
    Stall,
    /// Too short to be a stall.
    Hiccup,
    Truncate,
    Garbage,
    Badframe,
    Reload,
    BadReload,
}

pub const ALL: [Fault; 9] = [
    Fault::Unplug,
    Fault::Move,
    Fault::Stall,
    Fault::Hiccup,
    Fault::Truncate,
    Fault::Garbage,
    Fault::Badframe,
    Fault::Reload,
    Fault::BadReload,
];

/// What the counters have to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub damaged: u64,
    pub camera: u64,
    pub outages: u64,
}

impl Ledger {
    /// As the program counts.
    pub fn of(run: &Run) -> Self {
        let count = |cause| drops(run.last(), cause);
        Self {
            damaged: count("damaged"),
            camera: count("camera"),
            outages: count("outages"),
        }
    }

    fn expect(&mut self, fault: Fault) {
        match fault {
            Fault::Unplug | Fault::Move | Fault::Stall => self.outages += 1,
            Fault::Truncate | Fault::Garbage => self.damaged += 1,
            Fault::Badframe => self.camera += 1,
            Fault::Hiccup | Fault::Reload | Fault::BadReload => {}
        }
    }
}

/// A time between `least` and `most` seconds.
pub fn between(random: &mut Rng, least: f64, most: f64) -> Duration {
    Duration::from_secs_f64(least + random.f64() * (most - least))
}

/// Commits the fault, sees it off, and tells what is wrong with how that went. The second
/// is the time from the end of an outage to the next frame.
pub fn commit(
    fault: Fault,
    random: &mut Rng,
    webcam: &mut Webcam,
    run: &mut Run,
) -> (Vec<String>, Option<Duration>) {
    let mut expected = Ledger::of(run);
    expected.expect(fault);
    let mut outage = None;
    match fault {
        Fault::Unplug => {
            webcam.unplug();
            run.told("the camera is gone");
            sleep(between(random, 0.0, 5.0));
            webcam.tell("plug");
            outage = Some(back(webcam, run));
        }
        Fault::Move => {
            webcam.unplug();
            run.told("the camera is gone");
            let _other = Webcam::plug("rig-2", "4");
            webcam.tell("plug");
            outage = Some(back(webcam, run));
        }
        Fault::Stall => {
            webcam.tell("stall");
            run.told("no good frame");
            sleep(between(random, 0.0, 8.0));
            webcam.tell("resume");
            outage = Some(run.back_to_live());
        }
        Fault::Hiccup => {
            webcam.tell("stall");
            sleep(between(random, 0.1, 1.2));
            webcam.tell("resume");
        }
        Fault::Truncate => webcam.tell("truncate"),
        Fault::Garbage => webcam.tell("garbage"),
        Fault::Badframe => webcam.tell("badframe"),
        Fault::Reload => {
            reload(run, |model| model);
            run.told("takes over");
        }
        Fault::BadReload => {
            reload(run, |model| &model[..model.len() / 2]);
            run.told("the old model goes on");
        }
    }
    run.more(3);
    let mut wrong = Vec::new();
    let counted = Ledger::of(run);
    if counted != expected {
        wrong.push(format!(
            "{fault:?}: expected {expected:?}, counted {counted:?}"
        ));
    }
    if let Some(took) = outage.filter(|took| *took > BACK) {
        wrong.push(format!("{fault:?}: frames came back after {took:.1?}"));
    }
    (wrong, outage)
}

/// From the moment that the kernel shows the camera again to the next frame.
fn back(webcam: &Webcam, run: &mut Run) -> Duration {
    let plugged = Instant::now();
    webcam.present();
    run.back_to_live();
    plugged.elapsed()
}

fn reload(run: &Run, change: impl Fn(&[u8]) -> &[u8]) {
    let model = fs::read(shapes()).unwrap();
    fs::write("/tmp/new.onnx", change(&model)).unwrap();
    fs::rename("/tmp/new.onnx", MODEL).unwrap();
    run.signal("HUP");
}
