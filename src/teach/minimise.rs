//! The lowest point of a smooth function of many numbers, by the limited-memory method of
//! Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright, "Numerical Optimization",
//! algorithms 7.4 and 7.5, with the step halved until it is low enough, 3.1).

use std::collections::VecDeque;

/// Steps that are remembered for the curvature.
const MEMORY: usize = 10;
/// Steps at most; convex losses need far fewer.
const STEPS: usize = 300;
/// By which share of the expected decrease a step has to lower the function.
const ENOUGH: f64 = 1e-4;
/// A gradient of this length, or a share of decrease as small, ends the search.
const FLAT: f64 = 1e-6;
const STILL: f64 = 1e-9;

/// A step and by how much it turned the gradient.
struct Step {
    way: Vec<f64>,
    turn: Vec<f64>,
    /// 1 / (way · turn).
    curvature: f64,
}

/// Where `function` is lowest, from `start` on. It is given a place, writes its gradient and
/// returns its value.
pub(super) fn minimise(
    start: Vec<f64>,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut place = start;
    let mut gradient = vec![0.0; place.len()];
    let mut value = function(&place, &mut gradient);
    let (mut next, mut next_gradient) = (place.clone(), gradient.clone());
    let mut memory: VecDeque<Step> = VecDeque::with_capacity(MEMORY);
    for _ in 0..STEPS {
        let length = dot(&gradient, &gradient).sqrt();
        if length <= FLAT {
            break;
        }
        let mut way = downhill(&gradient, &memory);
        let mut slope = dot(&way, &gradient);
        if slope >= 0.0 {
            // Rounding made the curvature useless: begin anew, straight down.
            memory.clear();
            way = gradient.iter().map(|g| -g).collect();
            slope = -length * length;
        }
        let mut size = if memory.is_empty() {
            1.0 / length.max(1.0)
        } else {
            1.0
        };
        let lower = (0..30).find_map(|_| {
            for ((next, from), way) in next.iter_mut().zip(&place).zip(&way) {
                *next = from + size * way;
            }
            let lower = function(&next, &mut next_gradient);
            if lower <= value + ENOUGH * size * slope {
                return Some(lower);
            }
            size /= 2.0;
            None
        });
        let Some(lower) = lower else {
            break;
        };
        remember(&mut memory, (&place, &next), (&gradient, &next_gradient));
        let decrease = value - lower;
        value = lower;
        std::mem::swap(&mut place, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        if decrease <= STILL * value.abs().max(1e-6) {
            break;
        }
    }
    place
}

/// The way that the remembered steps make of the gradient: algorithm 7.4.
fn downhill(gradient: &[f64], memory: &VecDeque<Step>) -> Vec<f64> {
    let mut way: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for step in memory.iter().rev() {
        let share = step.curvature * dot(&step.way, &way);
        add(&mut way, -share, &step.turn);
        shares.push(share);
    }
    if let Some(last) = memory.back() {
        let scale = 1.0 / (last.curvature * dot(&last.turn, &last.turn));
        way.iter_mut().for_each(|w| *w *= scale);
    }
    for (step, share) in memory.iter().zip(shares.iter().rev()) {
        let turned = step.curvature * dot(&step.turn, &way);
        add(&mut way, share - turned, &step.way);
    }
    way
}

fn remember(memory: &mut VecDeque<Step>, places: (&[f64], &[f64]), gradients: (&[f64], &[f64])) {
    let difference = |(from, to): (&[f64], &[f64])| -> Vec<f64> {
        to.iter().zip(from).map(|(to, from)| to - from).collect()
    };
    let (way, turn) = (difference(places), difference(gradients));
    let bend = dot(&way, &turn);
    if bend <= 1e-12 * dot(&turn, &turn) {
        return;
    }
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(Step {
        way,
        turn,
        curvature: 1.0 / bend,
    });
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], times: f64, what: &[f64]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += times * what;
    }
}

#[cfg(test)]
mod tests {
    use super::minimise;

    #[test]
    fn the_valley_of_rosenbrock_ends_at_one_and_one() {
        let lowest = minimise(vec![-1.2, 1.0], |at, gradient| {
            let (x, y) = (at[0], at[1]);
            gradient[0] = -400.0 * x * (y - x * x) - 2.0 * (1.0 - x);
            gradient[1] = 200.0 * (y - x * x);
            100.0 * (y - x * x).powi(2) + (1.0 - x).powi(2)
        });
        assert!(lowest.iter().all(|v| (v - 1.0).abs() < 1e-3), "{lowest:?}");
    }
}
