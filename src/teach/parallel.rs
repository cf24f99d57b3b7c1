//! Work shared out to threads: each takes the next piece until none is left. Results come in
//! the pieces' order, so that the number of threads changes nothing but the time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

/// The results of pieces 0 to `count`, made on `threads` threads that each have a state of their
/// own; `done` hears how many are finished.
///
/// # Errors
/// The first state that cannot be made, or the first piece that fails.
pub(super) fn in_parallel<S, R: Send, E: Send>(
    count: usize,
    threads: usize,
    state: impl Fn() -> Result<S, E> + Sync,
    work: impl Fn(&mut S, usize) -> Result<R, E> + Sync,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let (next, state, work) = (&next, &state, &work);
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            let sender = sender.clone();
            scope.spawn(move || {
                let mut own = match state() {
                    Ok(own) => own,
                    Err(error) => return drop(sender.send((0, Err(error)))),
                };
                loop {
                    let piece = next.fetch_add(1, Ordering::Relaxed);
                    if piece >= count || sender.send((piece, work(&mut own, piece))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut results: Vec<Option<R>> = (0..count).map(|_| None).collect();
        for (finished, (piece, result)) in receiver.into_iter().enumerate() {
            match result {
                Ok(result) => results[piece] = Some(result),
                Err(error) => {
                    // Who looks for another piece finds none.
                    next.store(count, Ordering::Relaxed);
                    return Err(error);
                }
            }
            done(finished + 1);
        }
        Ok(results.into_iter().flatten().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::in_parallel;

    #[test]
    fn results_are_in_order_and_a_failure_ends_the_rest() {
        let mut heard = 0;
        let squares = in_parallel(
            50,
            3,
            || Ok::<_, String>(()),
            |(), piece| Ok(piece * piece),
            &mut |finished| heard = finished,
        );
        assert_eq!(squares.unwrap(), (0..50).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(heard, 50);
        let failing = |(): &mut (), piece| match piece {
            7 => Err("seven"),
            _ => Ok(piece),
        };
        let failed = in_parallel(50, 3, || Ok(()), failing, &mut |_| ());
        assert_eq!(failed, Err("seven"));
    }
}
