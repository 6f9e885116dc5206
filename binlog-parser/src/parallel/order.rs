//! Works on one thing after another on all threads, and hands over what comes of them in order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many things are on the way for each thread, and at most.
const AHEAD: (usize, usize) = (2, 32);

/// Makes something of each of `items`, on this thread and as many others as rayon's pool has beside
/// one, and hands it to `take` in the order of the items until that breaks.
///
/// Items are asked for as threads get free: no more of what is made waits than a few for each
/// thread. To wake a thread for each that is taken would cost more than a thread that works meanwhile.
pub fn in_order<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) {
    let (ended, work, queue) = (&AtomicBool::new(false), &work, &Queue::new());
    let mut items = items.into_iter();
    rayon::in_place_scope(|scope| {
        let threads = rayon::current_num_threads();
        let most = (threads * AHEAD.0).min(AHEAD.1);
        let mut running: VecDeque<Receiver<T>> = VecDeque::new();
        loop {
            for item in items.by_ref().take(most - running.len()) {
                let (sender, receiver) = sync_channel(1);
                running.push_back(receiver);
                if queue.push(item, sender, threads - 1) {
                    scope.spawn(move |_| {
                        while let Some(job) = queue.pop_or_leave() {
                            if !ended.load(Ordering::Relaxed) {
                                job.run(work);
                            }
                        }
                    });
                }
            }
            // A sender that is gone without a word has panicked, which the scope passes on.
            let Some(made) = running.pop_front().and_then(|made| receive(&made, queue, work))
            else {
                break;
            };
            if take(made).is_break() {
                ended.store(true, Ordering::Relaxed);
                break;
            }
        }
    });
}

/// Something to be made, and who waits for it.
struct Job<I, T> {
    item: I,
    made: SyncSender<T>,
}

impl<I, T> Job<I, T> {
    fn run(self, work: &impl Fn(I) -> T) {
        // Nobody listens any more where `take` has broken off.
        drop(self.made.send(work(self.item)));
    }
}

/// What nobody has begun to make.
struct Queue<I, T>(Mutex<Waiting<I, T>>);

struct Waiting<I, T> {
    jobs: VecDeque<Job<I, T>>,
    /// Threads that help.
    helpers: usize,
}

impl<I, T> Queue<I, T> {
    fn new() -> Self {
        Queue(Mutex::new(Waiting { jobs: VecDeque::new(), helpers: 0 }))
    }

    /// Adds something; whether another thread is to help, of which there may be so many.
    fn push(&self, item: I, made: SyncSender<T>, most: usize) -> bool {
        let mut waiting = self.lock();
        waiting.jobs.push_back(Job { item, made });
        let helps = waiting.helpers < most;
        waiting.helpers += usize::from(helps);
        helps
    }

    fn pop(&self) -> Option<Job<I, T>> {
        self.lock().jobs.pop_front()
    }

    /// The next for a thread that helps, which leaves if there is none.
    fn pop_or_leave(&self) -> Option<Job<I, T>> {
        let mut waiting = self.lock();
        let job = waiting.jobs.pop_front();
        waiting.helpers -= usize::from(job.is_none());
        job
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<I, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for what is made, and works meanwhile; none if it will never be.
fn receive<I, T>(receiver: &Receiver<T>, queue: &Queue<I, T>, work: &impl Fn(I) -> T) -> Option<T> {
    loop {
        match receiver.try_recv() {
            Ok(made) => return Some(made),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        match queue.pop() {
            Some(job) => job.run(work),
            // A thread of the pool may be the only one, and may have to work for others.
            None if rayon::current_thread_index().is_some() => drop(rayon::yield_now()),
            None => return receiver.recv().ok(),
        }
    }
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
    fn who_waits_works_meanwhile_beside_all_threads_but_one() {
        let threads = rayon::current_num_threads();
        // Whatever is made waits until as many are at work as there are threads in the pool.
        let (together, caller) = (std::sync::Barrier::new(threads), std::thread::current().id());
        let mut met = 0;
        let work = |_: usize| {
            together.wait();
            std::thread::current().id()
        };
        in_order(0..3 * threads, work, |thread| {
            met += usize::from(thread == caller);
            ControlFlow::Continue(())
        });
        assert_eq!(met, 3);
    }

    #[test]
    fn a_panic_at_work_is_one_of_the_caller() {
        let broken = std::panic::catch_unwind(|| {
            let work = |n: u64| if n == 7 { panic!("at work") } else { n };
            in_order(0..100, work, |_| ControlFlow::Continue(()));
        });
        assert!(broken.is_err());
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
