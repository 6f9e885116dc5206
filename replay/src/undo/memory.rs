//! Memory that is used again: of vectors, for things that borrow from somewhere else, and of what is
//! made on many threads.

use std::sync::{Mutex, PoisonError};

/// Things that are used by one after another, and that nobody uses at the moment.
#[derive(Debug)]
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool(Mutex::new(vec![]))
    }
}

impl<T> Pool<T> {
    /// One of them; none if all are in use.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Takes one back.
    pub fn give(&self, thing: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }
}

/// The memory of a vector for things of another lifetime: it is emptied, and collected where it stands.
/// Whoever holds it between two uses holds it of things that live for ever, and of which there are none.
#[inline]
pub(super) fn emptied<T, U>(mut things: Vec<T>) -> Vec<U> {
    things.clear();
    things.into_iter().map_while(|_| None).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again() {
        let pool = Pool::<Vec<u8>>::default();
        pool.give(vec![1]);
        assert_eq!((pool.take(), pool.take()), (Some(vec![1]), None));
    }

    #[test]
    fn memory_stays_where_it_is() {
        let text = String::from("text");
        let mut things: Vec<&str> = Vec::with_capacity(7);
        things.push(&text);
        let place = things.as_ptr().addr();
        let things: Vec<&'static str> = emptied(things);
        assert_eq!((things.len(), things.capacity(), things.as_ptr().addr()), (0, 7, place));
    }
}
