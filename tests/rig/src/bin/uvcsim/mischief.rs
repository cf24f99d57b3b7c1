//! What is to go wrong, as it was typed.

/// Faults that are waiting to happen.
#[derive(Default)]
pub struct Mischief {
    /// No picture is sent until `resume`.
    pub stall: bool,
    /// Every picture is noise until `resume`.
    noise: bool,
    /// Every JPEG has bytes too many until `resume`, as those of Logitech's webcams.
    stray: bool,
    truncate: bool,
    garbage: bool,
    badframe: bool,
}

impl Mischief {
    /// Takes a command in; false if there is none of that name.
    pub fn obey(&mut self, command: &str) -> bool {
        match command {
            "stall" => self.stall = true,
            "noise" => self.noise = true,
            "stray" => self.stray = true,
            "resume" => (self.stall, self.noise, self.stray) = (false, false, false),
            "truncate" => self.truncate = true,
            "garbage" => self.garbage = true,
            "badframe" => self.badframe = true,
            _ => return false,
        }
        true
    }

    /// Spoils the next picture once; true if its error bit is to be set.
    pub fn spoil(&mut self, picture: &mut Vec<u8>) -> bool {
        if self.stray && picture.starts_with(&[0xff, 0xd8]) {
            *picture = with_stray_bytes(picture);
        }
        if std::mem::take(&mut self.truncate) {
            picture.truncate(picture.len() / 2);
        }
        if std::mem::take(&mut self.garbage) || self.noise {
            // A linear congruential generator (Numerical Recipes): the same noise every time.
            let mut x = 1u32;
            for byte in picture {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (x >> 24) as u8;
            }
        }
        std::mem::take(&mut self.badframe)
    }
}

/// Puts two bytes that belong to nothing before each restart marker.
fn with_stray_bytes(jpeg: &[u8]) -> Vec<u8> {
    let mut spoilt = Vec::with_capacity(jpeg.len() + 64);
    for (place, byte) in jpeg.iter().enumerate() {
        if let [0xff, 0xd0..=0xd7] = jpeg[place..][..2.min(jpeg.len() - place)] {
            spoilt.extend([0x5e, 0x81]);
        }
        spoilt.push(*byte);
    }
    spoilt
}
