//! What is to go wrong, as it was typed.

/// Faults that are waiting to happen.
#[derive(Default)]
pub struct Mischief {
    /// No picture is sent until `resume`.
    pub stall: bool,
    /// Every picture is noise until `resume`.
    noise: bool,
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
            "resume" => (self.stall, self.noise) = (false, false),
            "truncate" => self.truncate = true,
            "garbage" => self.garbage = true,
            "badframe" => self.badframe = true,
            _ => return false,
        }
        true
    }

    /// Spoils the next picture once; true if its error bit is to be set.
    pub fn spoil(&mut self, picture: &mut Vec<u8>) -> bool {
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
