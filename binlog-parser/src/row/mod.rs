//! Row images and the values in them.
//!
//! A table map says which type each column has ([`ColumnType`], [`Column`]); from that follows how
//! long each value is ([`RowLayout`]), and with it a rows event falls apart into images
//! ([`RowImage`]) without a single value being decoded.

pub mod column;
pub mod image;
pub mod layout;

pub use column::{Column, ColumnType, Columns, KeyPart};
pub use image::{Cell, RowImage};
pub use layout::RowLayout;
