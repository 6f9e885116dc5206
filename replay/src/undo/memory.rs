//! Memory of vectors, used again for things that borrow from somewhere else.

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
    fn memory_stays_where_it_is() {
        let text = String::from("text");
        let mut things: Vec<&str> = Vec::with_capacity(7);
        things.push(&text);
        let place = things.as_ptr().addr();
        let things: Vec<&'static str> = emptied(things);
        assert_eq!((things.len(), things.capacity(), things.as_ptr().addr()), (0, 7, place));
    }
}
