//! Works on one thing after another on all threads, and hands over what comes of them in order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvError, TryRecvError, sync_channel};

/// How many things are on the way for each thread, and at most.
const AHEAD: (usize, usize) = (2, 32);

/// Makes something of each of `items` on all threads of rayon's pool, and hands it to `take` in
/// the order of the items until that breaks.
///
/// Items are asked for as threads get free: no more of what is made waits than a few for each
/// thread.
pub fn in_order<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) {
    let (ended, work) = (&AtomicBool::new(false), &work);
    let mut items = items.into_iter();
    rayon::in_place_scope(|scope| {
        let most = (rayon::current_num_threads() * AHEAD.0).min(AHEAD.1);
        let mut running: VecDeque<Receiver<T>> = VecDeque::new();
        loop {
            for item in items.by_ref().take(most - running.len()) {
                let (sender, receiver) = sync_channel(1);
                scope.spawn(move |_| {
                    if !ended.load(Ordering::Relaxed) {
                        // Nobody listens any more where `take` has broken off.
                        drop(sender.send(work(item)));
                    }
                });
                running.push_back(receiver);
            }
            // A sender that is gone without a word has panicked, which the scope passes on.
            let Some(Ok(made)) = running.pop_front().map(|made| receive(&made)) else { break };
            if take(made).is_break() {
                ended.store(true, Ordering::Relaxed);
                break;
            }
        }
    });
}

/// Waits for what is made; a thread of the pool itself works meanwhile, for it may be the only one.
fn receive<T>(receiver: &Receiver<T>) -> Result<T, RecvError> {
    while rayon::current_thread_index().is_some() {
        match receiver.try_recv() {
            Ok(made) => return Ok(made),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => drop(rayon::yield_now()),
        }
    }
    receiver.recv()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_comes_in_order_until_nobody_wants_more() {
        let mut taken = vec![];
        let slow_at_first = |n: u64| {
            std::thread::sleep(std::time::Duration::from_millis(if n < 3 { 9 } else { 0 }));
            n * n
        };
        in_order(0..100, slow_at_first, |square| {
            taken.push(square);
            if square == 49 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(taken, [0, 1, 4, 9, 16, 25, 36, 49]);
    }

    #[test]
    fn a_thread_of_the_pool_may_wait_for_it() {
        let sum = |_| {
            let mut sum = 0;
            in_order(
                0..10,
                |n: u64| n,
                |n| {
                    sum += n;
                    ControlFlow::Continue(())
                },
            );
            sum
        };
        let mut sums = vec![];
        in_order(0..4, sum, |sum| {
            sums.push(sum);
            ControlFlow::Continue(())
        });
        assert_eq!(sums, [45; 4]);
    }
}
