//! Where each cause begins: relative to what is usual at this hour first, at a floor where
//! that is not known.

use super::HealthCause;
use super::look::{Look, Measure};
use crate::monitor::hours::{Hours, Usually};

/// Dark: so much of the usual luma is missing; or mean luma, or less than one pixel in a
/// hundred can be seen.
const DARKER: f32 = 0.6;
const DARK: f32 = 35.0;
const UNLIT: f32 = 0.01;
/// Overexposed: so much of what is left up to white is used up, or so many more pixels are
/// burnt out; or mean luma.
const BRIGHTER: f32 = 0.6;
const BURNT: f32 = 0.15;
const BRIGHT: f32 = 225.0;
/// Blurred: so much of the usual sharpness is missing; or sharpness. Below the contrast
/// nothing can be sharp.
const SOFTER: f32 = 0.5;
const SOFT: f32 = 0.085;
const CONTRAST: f32 = 5.0;
/// Covered: share of the view that is flat in one piece; of what can usually be seen, and of
/// the view, that it hides; how faintly it still shows what it used to. Or all of it is flat.
const PIECE: f32 = 0.10;
const HIDDEN: f32 = 0.10;
const LEAST: f32 = 0.02;
/// Where more than this share of the view shows something else than it used to, the camera
/// looks elsewhere, and nothing is hidden.
const REST: f32 = 0.10;
const STILL_HERE: f32 = 0.4;
const SHOWS_THROUGH: f32 = 0.6;
const FEATURELESS: f32 = 0.93;
/// Moved: likeness to what was seen here.
const ELSEWHERE: f32 = 0.55;
/// Colour cast: distance of red or blue from the usual; or from green.
const TINTED: f32 = 0.18;
const COLOURED: f32 = 0.5;

/// Which causes the picture shows; `None` where one cannot be judged. A cause that makes
/// others meaningless is judged first, and they are not judged beside it.
pub(super) fn judge(
    look: &Look,
    usual: &Hours<{ Measure::COUNT }>,
    hour: usize,
) -> [Option<bool>; HealthCause::ALL.len()] {
    let usually = |measure: Measure| usual.at(hour, measure as usize);
    // A camera that never saw anything has no usual light.
    let is_seeing = |usual: Usually| usual.mean > DARK && usual.mean < BRIGHT;
    let sees_sometimes = usual.any(Measure::Brightness as usize, is_seeing);
    let light = usually(Measure::Brightness).filter(|_| sees_sometimes);
    let dark = is_dark(look, light);
    let burnt = is_overexposed(look, light, usually(Measure::BrightShare));
    // Usual or not: where nothing can be seen, nothing more can be told.
    let is_lit = !dark && !burnt && look.lit_share >= UNLIT;
    let covered = is_lit && is_covered(look);
    let sees = is_lit && !covered;
    let blurred =
        (sees && look.contrast > CONTRAST).then(|| is_blurred(look, usually(Measure::Sharpness)));
    let in_focus = sees && blurred != Some(true);
    let moved = look.likeness.filter(|_| in_focus);
    let moved = moved.map(|likeness| is_elsewhere(likeness, usually(Measure::Likeness)));
    let casts = [usually(Measure::RedCast), usually(Measure::BlueCast)];
    let cast = look
        .cast
        .filter(|_| sees)
        .map(|cast| is_tinted(cast, casts));
    let mut found = [None; HealthCause::ALL.len()];
    for (cause, bad) in [
        (HealthCause::Dark, Some(dark)),
        (HealthCause::Overexposed, Some(burnt)),
        (HealthCause::Covered, is_lit.then_some(covered)),
        (HealthCause::Blurred, blurred),
        (HealthCause::Frozen, look.repeats),
        (HealthCause::Moved, moved),
        (HealthCause::ColourCast, cast),
    ] {
        found[cause as usize] = bad;
    }
    found
}

fn is_dark(look: &Look, usual: Option<Usually>) -> bool {
    match usual {
        Some(usual) => look.brightness < usual.below(DARKER * usual.mean),
        None => look.brightness <= DARK || look.lit_share < UNLIT,
    }
}

fn is_overexposed(look: &Look, light: Option<Usually>, burnt: Option<Usually>) -> bool {
    match (light, burnt) {
        (Some(light), Some(burnt)) => {
            look.brightness > light.above(BRIGHTER * (255.0 - light.mean))
                || look.bright_share > burnt.above(BURNT)
        }
        _ => look.brightness >= BRIGHT || look.bright_share >= BURNT,
    }
}

fn is_blurred(look: &Look, usual: Option<Usually>) -> bool {
    match usual {
        Some(usual) => look.sharpness < usual.below(SOFTER * usual.mean),
        None => look.sharpness < SOFT,
    }
}

fn is_covered(look: &Look) -> bool {
    match &look.hidden {
        Some(hidden) => {
            let is_still_here = hidden.rest < REST || hidden.rest_likeness >= STILL_HERE;
            is_still_here
                && hidden.piece >= PIECE
                && hidden.share >= HIDDEN
                && hidden.cells >= LEAST
                && hidden.likeness < SHOWS_THROUGH
        }
        None => look.flat_share >= FEATURELESS,
    }
}

fn is_elsewhere(likeness: f32, usual: Option<Usually>) -> bool {
    let limit = usual.map_or(ELSEWHERE, |usual| usual.below(0.0).min(ELSEWHERE));
    likeness < limit
}

fn is_tinted(cast: [f32; 2], usual: [Option<Usually>; 2]) -> bool {
    cast.into_iter()
        .zip(usual)
        .any(|(cast, usual)| match usual {
            Some(usual) => cast < usual.below(TINTED) || cast > usual.above(TINTED),
            None => cast.abs() > COLOURED,
        })
}
