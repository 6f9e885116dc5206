//! Random traffic over tables of every type: the same seed gives the same statements.
//!
//! The statements are made to be logged in any format: where [`Traffic::repeatable`] is asked for,
//! each gives the same rows whenever it runs again, so that a log of statements is enough to repeat
//! it. Some of them fail on purpose or by chance (a key that is there, a parent that is not); the
//! client has to go on behind an error.
//!
//! - `tables`: what there is to write to;
//! - `values`: literals of every type;
//! - `statements`: what is done with them.

mod statements;
mod tables;
mod values;

use fastrand::Rng;

use crate::product::Product;

pub use tables::DATABASE;

/// A source of statements.
#[derive(Clone, Debug)]
pub struct Traffic {
    rng: Rng,
    product: Product,
    repeatable: bool,
    /// Tables that were made on the way, by number.
    made: u32,
    /// XA transactions and savepoints are named by number.
    named: u32,
}

impl Traffic {
    /// Traffic for a product; the same for the same seed.
    #[must_use]
    pub fn new(product: Product, seed: u64) -> Traffic {
        Traffic { rng: Rng::with_seed(seed), product, repeatable: false, made: 0, named: 0 }
    }

    /// Leaves out statements that would not give the same rows again.
    #[must_use]
    pub fn repeatable(self) -> Traffic {
        Traffic { repeatable: true, ..self }
    }

    /// The statements that make the database and its tables.
    #[must_use]
    pub fn schema(&self) -> String {
        tables::schema(self.product)
    }

    /// The statements of so many transactions, for a session of their own.
    #[must_use]
    pub fn transactions(&mut self, count: usize) -> String {
        let mut script = format!("USE {DATABASE};\nSET sql_mode='';\n");
        for _ in 0..count {
            statements::transaction(self, &mut script);
        }
        script
    }

    /// Names and types of columns of every type.
    #[must_use]
    pub fn columns(&self) -> Vec<(&'static str, &'static str)> {
        tables::types(self.product).into_iter().map(|(name, of, _)| (name, of)).collect()
    }

    /// A literal for each of [`Traffic::columns`], NULL now and then.
    #[must_use]
    pub fn literals(&mut self) -> Vec<String> {
        let columns = tables::types(self.product);
        columns.into_iter().map(|(_, _, kind)| values::nullable(self, kind)).collect()
    }

    /// A number below `end`.
    fn below(&mut self, end: u32) -> u32 {
        self.rng.u32(..end)
    }

    /// True once in `times`.
    fn one_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// One of some.
    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_traffic() {
        let script = |seed| Traffic::new(Product::Mysql97, seed).transactions(50);
        assert_eq!(script(7), script(7));
        assert_ne!(script(7), script(8));
    }

    #[test]
    fn repeatable_traffic_names_nothing_that_changes() {
        for product in Product::ALL {
            let script = Traffic::new(product, 1).repeatable().transactions(2000);
            assert!(!script.contains("UUID()"));
            assert!(Traffic::new(product, 1).transactions(2000).contains("UUID()"));
        }
    }
}
